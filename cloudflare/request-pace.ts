import { setTimeout as delay } from "node:timers/promises";

type Fetch = typeof globalThis.fetch;

/**
 * Cloudflare takes 1,200 calls per five minutes and user, dashboard and Pulumi included, and refuses everything for five
 * minutes beyond that (docs/facts/cloudflare.md, C45). These two together stay below it in any five minutes:
 * 240 + 300 s x 3 / s = 1,140.
 */
const burst = 240;
const perSecond = 3;

/** A `fetch` that makes the first requests at once, and from then on no more than Cloudflare takes for ever. */
export function pacedFetch(
  inner: Fetch = globalThis.fetch,
  now: () => number = () => performance.now(),
  wait: (milliseconds: number) => Promise<unknown> = (milliseconds) => delay(milliseconds),
) {
  let allowance = burst;
  let at = now();
  let count = 0;
  return {
    /** How many requests were made, retries included. */
    count: () => count,
    fetch: async (input: Parameters<Fetch>[0], init?: RequestInit) => {
      const time = now();
      allowance = Math.min(burst, allowance + ((time - at) / 1000) * perSecond) - 1;
      at = time;
      count += 1;
      if (allowance < 0) {
        // What is owed keeps the order: whoever comes next owes more.
        await wait((-allowance / perSecond) * 1000);
      }
      return inner(input, init);
    },
  };
}
