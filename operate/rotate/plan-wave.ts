import { createHash } from "node:crypto";
import type { Site } from "../../fleet/sites";
import { openWindow, windowEnd } from "../../stack/rotation-notes";

/** How many sites a wave has: so many, or so many of a hundred of the fleet. */
export type WaveSize = { readonly sites: number } | { readonly percent: number };

export interface WaveInput {
  /** The fleet: every site that is let in. */
  readonly fleet: readonly Site[];
  readonly size: WaveSize;
  /** Sites whose last window closed less than this long ago are left out; milliseconds. */
  readonly olderThan: number;
  /** When the site last authenticated: null never, undefined unknown. */
  readonly lastSeen: (site: Site) => Date | null | undefined;
  readonly now: Date;
  /** Goes on in spite of sites that are under way or were not seen again. */
  readonly force: boolean;
}

/** What one run of `rotate --all --waves` does. */
export type Wave =
  | { readonly kind: "rotate"; readonly sites: readonly Site[]; readonly left: number }
  /** The wave before is under way: its windows are open, or closed so lately that sites had no time to be seen. */
  | { readonly kind: "wait"; readonly until: Date; readonly sites: readonly Site[] }
  /** Sites that were not seen since the secret before died: they may never have got the new one. */
  | { readonly kind: "stalled"; readonly sites: readonly Site[] }
  | { readonly kind: "done" };

/** How long after a window's end a site has time to be seen; how late Cloudflare notes that is not documented. */
const settlingMilliseconds = 3_600_000;

/**
 * Chooses the next wave of a rotation of the whole fleet, from the site files and from when sites were last seen alone:
 * a run on any machine comes to the same.
 *
 * Next are the sites that were rotated longest ago, those that never were before all. A wave begins when the one before
 * it is over, and every site that was ever rotated has been seen since its old secret died. That is the one proof that
 * a site has its new secret: nothing else lets it in any more.
 */
export function planWave({ fleet, size, olderThan, lastSeen, now, force }: WaveInput): Wave {
  const settledBefore = new Date(now.getTime() - settlingMilliseconds);
  if (!force) {
    const underWay = fleet.filter((site) => openWindow(site, settledBefore) !== undefined);
    const unsettled = underWay.filter(
      (site) => openWindow(site, now) !== undefined || !wasSeen(site, lastSeen(site)),
    );
    if (unsettled.length > 0) {
      return { kind: "wait", until: latestEnd(unsettled), sites: unsettled };
    }
    const lost = fleet.filter((site) => windowEnd(site) !== undefined && !wasSeen(site, lastSeen(site)));
    if (lost.length > 0) {
      return { kind: "stalled", sites: lost };
    }
  }
  const due = fleet
    .filter((site) => (windowEnd(site)?.getTime() ?? -Infinity) <= now.getTime() - olderThan)
    .map((site) => ({ site, order: orderOf(site) }))
    .sort((a, b) => compare(a.order.end, b.order.end) || compare(a.order.name, b.order.name))
    .map(({ site }) => site);
  const wave = due.slice(0, "sites" in size ? size.sites : Math.ceil((fleet.length * size.percent) / 100));
  return wave.length === 0
    ? { kind: "done" }
    : { kind: "rotate", sites: wave, left: due.length - wave.length };
}

function wasSeen(site: Site, seen: Date | null | undefined): boolean {
  const end = windowEnd(site);
  return end === undefined || (seen instanceof Date && seen > end);
}

const latestEnd = (sites: readonly Site[]): Date =>
  new Date(Math.max(...sites.map((site) => (windowEnd(site)?.getTime() ?? 0) + settlingMilliseconds)));

/** Names in an order that is by chance, and always the same: neighbours and regions, named alike, go in different waves. */
const orderOf = (site: Site) => ({
  end: windowEnd(site)?.getTime() ?? -Infinity,
  name: createHash("sha256").update(site.name).digest("hex"),
});

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
