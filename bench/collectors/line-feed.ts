import type { Place } from "./subject";

/** Feeds a collector one numbered log line a second. */
export class LineFeed {
  /** How many lines the collector has taken. */
  count = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(feed: (place: Place, line: number) => Promise<void>, place: Place) {
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) {
        return;
      }
      busy = true;
      feed(place, this.count + 1)
        .then(
          () => (this.count += 1),
          // A collector that is being restarted takes none; the line is fed again.
          () => undefined,
        )
        .finally(() => {
          busy = false;
        });
    }, 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
