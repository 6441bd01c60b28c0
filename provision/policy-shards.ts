import { createHash } from "node:crypto";
import { signalNames, type SignalName } from "../fleet/signals";
import type { Site } from "../fleet/sites";

/** A policy to be: the sites that push the same signals and fall into the same shard. */
interface PolicyShard {
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

/**
 * Number of shards per set of signals.
 *
 * Updating a policy costs the provider about 5 ms of CPU per include squared, so shards must stay small; each shard is a
 * resource that every preview pays for, so they must not be many. With 32 shards a fleet of 50 sites has one or two
 * sites a shard, 500 have about 16, and 1000 about 31 (5 s for one update). See docs/decisions/0002-policy-shards.md.
 *
 * The number is part of each policy's logical name. Changing it therefore creates all new policies, then moves the
 * applications over to them in one call each, and deletes the old ones last: no site is without a policy at any time.
 */
export const shardCount = 32;

/** The shard of a site, from its name alone: 0 to count - 1, the same on every machine and in every year. */
export function shardOf(siteName: string, count: number = shardCount): number {
  return createHash("sha256").update(siteName, "utf8").digest().readUInt32BE(0) % count;
}
