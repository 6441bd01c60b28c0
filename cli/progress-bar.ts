import { SingleBar } from "cli-progress";

export interface ProgressBar {
  readonly update: (done: number, total: number) => void;
  /** Takes it off the screen. */
  readonly stop: () => void;
}

/** A bar on stderr for a person who waits; nothing in pipes and in CI systems. */
export function progressBar(what: string): ProgressBar {
  if (!process.stderr.isTTY || (process.env.CI ?? "") !== "") {
    return { update: () => undefined, stop: () => undefined };
  }
  const bar = new SingleBar({
    stream: process.stderr,
    format: `{bar} {value} of {total} ${what}`,
    barsize: 30,
    barCompleteChar: "=",
    barIncompleteChar: " ",
    clearOnComplete: true,
    // The bar would restore the cursor on SIGINT, and end the process; a command does that in its own time.
    gracefulExit: false,
    hideCursor: false,
  });
  let started = false;
  return {
    update: (done, total) => {
      if (started) {
        bar.setTotal(total);
        bar.update(done);
      } else {
        started = true;
        bar.start(total, done);
      }
    },
    stop: () => {
      bar.stop();
      started = false;
    },
  };
}
