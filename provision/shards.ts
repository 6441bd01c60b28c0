import { createHash } from "node:crypto";

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
