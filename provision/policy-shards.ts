import { shardCount, shardOf } from "./shards";
import { signalNames, type SignalName } from "../fleet/signals";
import type { Site } from "../fleet/sites";

/** A policy to be: the sites that push the same signals and fall into the same shard. */
export interface PolicyShard {
  /** Logical name. Holds the number of shards, so that changing it replaces policies instead of reshuffling them. */
  readonly logicalName: string;
  readonly signals: readonly SignalName[];
  /** 0 to shardCount - 1. */
  readonly shard: number;
  /** Unique among all policies and a function of what the policy is, so that no other policy's changes when one comes. */
  readonly precedence: number;
  /** Sorted, so that adding a site does not reorder. */
  readonly siteNames: readonly string[];
}

/** The policies that let the enabled sites in, by precedence. A shard without sites does not exist. */
export function planShards(
  sites: readonly Pick<Site, "name" | "signals" | "token">[],
): readonly PolicyShard[] {
  const shards = new Map<number, PolicyShard>();
  // A disabled site leaves the policies too: a provider plugin that does not know `enabled` ignores it in silence.
  for (const { name, signals } of sites.filter(({ token }) => token.enabled)) {
    const shard = shardOf(name);
    const precedence = (signalSetNumber(signals) - 1) * shardCount + shard + 1;
    shards.set(precedence, {
      logicalName: `${signals.join("-")}-${String(shard).padStart(2, "0")}-of-${shardCount}`,
      signals,
      shard,
      precedence,
      siteNames: [...(shards.get(precedence)?.siteNames ?? []), name].sort(),
    });
  }
  return [...shards.values()].sort((a, b) => a.precedence - b.precedence);
}

/** A set of signals as a number of its own: one bit for each entry of the signal table, so that a new entry moves nothing. */
function signalSetNumber(signals: readonly SignalName[]): number {
  return signalNames.reduce((bits, name, index) => (signals.includes(name) ? bits | (1 << index) : bits), 0);
}
