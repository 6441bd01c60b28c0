import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "../../fleet/sites";
import type { FleetVerdict } from "./verdict";

export interface WatchOptions {
  /** One look at these sites, and at what holds for everybody. */
  readonly look: (sites: readonly Site[]) => Promise<FleetVerdict>;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Milliseconds after which the last look is taken; undefined: never. */
  readonly timeout: number | undefined;
  /** Called after each look that found something wrong, unless it was the last. */
  readonly onLook: (verdict: FleetVerdict) => void;
  readonly signal: AbortSignal;
}

/**
 * Looks until all is well or the time is over, each time only at the sites that were not, and returns what is then known of all.
 * Rejects when it is stopped.
 */
export async function watchSites(sites: readonly Site[], options: WatchOptions): Promise<FleetVerdict> {
  const { look, interval, timeout = Infinity, onLook, signal } = options;
  const start = performance.now();
  let verdict = await look(sites);
  for (let last = false; !verdict.ok && !last;) {
    const left = timeout - (performance.now() - start);
    if (left <= 0) {
      break;
    }
    onLook(verdict);
    last = left <= interval;
    await delay(Math.min(interval, left), undefined, { signal });
    const wrong = new Set(verdict.sites.filter(({ ok }) => !ok).map(({ site }) => site));
    verdict = merged(verdict, await look(sites.filter(({ name }) => wrong.has(name))));
  }
  return verdict;
}

function merged(before: FleetVerdict, now: FleetVerdict): FleetVerdict {
  const seen = new Map(now.sites.map((verdict) => [verdict.site, verdict]));
  const sites = before.sites.map((verdict) => seen.get(verdict.site) ?? verdict);
  return {
    ok: [...now.endpoints, ...sites].every(({ ok }) => ok),
    endpoints: now.endpoints,
    sites,
  };
}
