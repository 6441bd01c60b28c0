import type { Receiver } from "../../local/pushes/receiver";

/** A metric that each scrape of a collector by itself brings once. */
const scrapeMetrics = ["up", "internal_agent_gather_errors"];

/** Times of the samples that came, in milliseconds, in order. */
export function arrivedTimes(receiver: Receiver): readonly number[] {
  return receiver.samples
    .filter(({ labels }) => scrapeMetrics.includes(labels.__name__ ?? ""))
    .flatMap(({ samples }) => samples.map(({ timestamp }) => timestamp))
    .sort((a, b) => a - b);
}

/** How many whole seconds between two times have no sample, of a series that has one a second. */
export function missingSeconds(times: readonly number[], from: number, to: number): number {
  const around = times.filter((time) => time >= from - 5_000 && time <= to + 5_000);
  let missing = 0;
  let before = around[0] ?? from;
  for (const time of [...around.slice(1), ...(around.some((time) => time >= to) ? [] : [to])]) {
    // Scrapes are a second apart, give or take what the machine is late.
    missing += Math.max(0, Math.round((time - before) / 1000) - 1);
    before = time;
  }
  return missing;
}

const linePattern = /^line (\d+)$/;

/** Numbers of the fed log lines that came. */
export function arrivedLines(receiver: Receiver): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const { lines } of receiver.lines) {
    for (const { line } of lines) {
      const [, number] = linePattern.exec(line) ?? [];
      if (number !== undefined) {
        numbers.add(Number(number));
      }
    }
  }
  return numbers;
}

/** The text of a fed log line. */
export const lineText = (number: number): string => `line ${number}`;
