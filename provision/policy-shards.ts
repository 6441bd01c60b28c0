import { createHash } from "node:crypto";
import { signalNames, type SignalName } from "../fleet/signals";
import type { Site } from "../fleet/sites";

/** A policy to be: the sites that push one signal and fall into the same shard. */
interface PolicyShard {
  /** Logical name. Holds the number of shards, so that changing it replaces policies instead of reshuffling them. */
  readonly logicalName: string;
  readonly signal: SignalName;
  /** 0 to policyShardCount - 1. */
  readonly shard: number;
  /** Unique among the policies of its signal, and a function of the shard, so that no other policy's changes when one comes. */
  readonly precedence: number;
  /** Sorted, so that adding a site does not reorder. */
  readonly siteNames: readonly string[];
}

/**
 * The policies that let the enabled sites in, by signal and precedence. A shard without sites does not exist.
 *
 * A policy belongs to one signal and so to one application: what a site gains or loses of one signal touches no policy
 * that lets it push another. See docs/decisions/0017-policies-of-one-signal.md.
 */
export function planPolicyShards(
  sites: readonly Pick<Site, "name" | "signals" | "token">[],
): readonly PolicyShard[] {
  // A disabled site leaves the policies too: a provider plugin that does not know `enabled` ignores it in silence.
  const enabled = sites.filter(({ token }) => token.enabled);
  return signalNames.flatMap((signal) => {
    const members = new Map<number, string[]>();
    for (const { name } of enabled.filter(({ signals }) => signals.includes(signal))) {
      const shard = policyShardOf(name);
      members.set(shard, [...(members.get(shard) ?? []), name]);
    }
    return [...members]
      .sort(([one], [other]) => one - other)
      .map(([shard, names]) => ({
        logicalName: `${signal}-${String(shard).padStart(2, "0")}-of-${policyShardCount}`,
        signal,
        shard,
        precedence: shard + 1,
        siteNames: names.sort(),
      }));
  });
}

/**
 * Number of shards per signal.
 *
 * Updating a policy costs the provider about 5 ms of CPU per include squared, so shards must stay small; each shard is a
 * resource that every preview pays for, so they must not be many. With 32 shards a fleet of 50 sites has one or two
 * sites a shard, 500 have about 16, and 1000 about 31 (5 s for one update). See docs/decisions/0002-policy-shards.md.
 *
 * The number is part of each policy's logical name. Changing it therefore creates all new policies, then moves the
 * applications over to them in one call each, and deletes the old ones last: no site is without a policy at any time.
 */
export const policyShardCount = 32;

/** The shard of a site, from its name alone: 0 to count - 1, the same on every machine and in every year. */
export function policyShardOf(siteName: string, count: number = policyShardCount): number {
  return createHash("sha256").update(siteName, "utf8").digest().readUInt32BE(0) % count;
}
