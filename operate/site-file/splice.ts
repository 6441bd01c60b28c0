/** Text that goes into a file in place of what stands from `start` up to `end`. */
export interface Splice {
  readonly start: number;
  /** Equal to `start` where something is only added. */
  readonly end: number;
  readonly text: string;
}

/** Puts splices, which must not overlap, into a text. Those at one place keep their order. */
export function spliced(text: string, splices: readonly Splice[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, text: added } of [...splices].sort((a, b) => a.start - b.start)) {
    result += text.slice(at, start) + added;
    at = end;
  }
  return result + text.slice(at);
}
