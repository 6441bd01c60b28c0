import type { Met } from "./met";

/** So many requests in a row without an answer, and the next ones are not made. */
const mostInARow = 8;

/**
 * Spares the requests to what has stopped to answer: each would wait for its time-out, and a fleet's thousands of them for
 * hours. An answer of any kind starts the count anew.
 */
export class Breaker {
  readonly #inARow = new Map<string, { readonly failures: number; readonly last: Met }>();

  /** What a request would meet; undefined: it is worth trying. */
  tripped(key: string): Met | undefined {
    const seen = this.#inARow.get(key);
    return seen === undefined || seen.failures < mostInARow
      ? undefined
      : { ...seen.last, text: `not tried after ${mostInARow} in a row` };
  }

  note(key: string, met: Met): void {
    if (met.kind === "network") {
      this.#inARow.set(key, { failures: (this.#inARow.get(key)?.failures ?? 0) + 1, last: met });
    } else {
      this.#inARow.delete(key);
    }
  }
}
