import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "../../fleet/sites";
import type { FleetVerdict } from "./verdict";

export interface Watch {
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Milliseconds after which the last look is taken; undefined: never. */
  readonly timeout: number | undefined;
  /**
   * Called after each look that found something wrong, unless it was the last.
   *
   * @param pause milliseconds until the next one.
   */
  readonly onLook: (verdict: FleetVerdict, pause: number) => void;
}

export interface WatchOptions extends Watch {
  /** One look at these sites, and at what holds for everybody. */
  readonly look: (sites: readonly Site[]) => Promise<FleetVerdict>;
  readonly abort?: AbortSignal | undefined;
}

/**
 * Looks until nothing is wrong or the time is over. Each further look is only at the sites where something was wrong. Returns what
 * is then known of all sites. Rejects when it is aborted.
 */
export async function watchSites(sites: readonly Site[], options: WatchOptions): Promise<FleetVerdict> {
  const { look, interval, timeout = Infinity, onLook, abort } = options;
  const start = performance.now();
  let verdict = await look(sites);
  for (let last = false; !verdict.ok && !last;) {
    const left = timeout - (performance.now() - start);
    if (left <= 0) {
      break;
    }
    last = left <= interval;
    const pause = Math.min(interval, left);
    onLook(verdict, pause);
    await delay(pause, undefined, abort && { signal: abort });
    const wrong = new Set(verdict.sites.filter(({ ok }) => !ok).map(({ site }) => site));
    verdict = withNewer(verdict, await look(sites.filter(({ name }) => wrong.has(name))));
  }
  return verdict;
}

function withNewer(before: FleetVerdict, { endpoints, sites: seen }: FleetVerdict): FleetVerdict {
  const newer = new Map(seen.map((verdict) => [verdict.site, verdict]));
  const sites = before.sites.map((verdict) => newer.get(verdict.site) ?? verdict);
  return { ok: [...endpoints, ...sites].every(({ ok }) => ok), endpoints, sites };
}
