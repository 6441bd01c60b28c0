import { parseGoDuration } from "./go-duration";

const millisecondsPerDay = 86_400_000;

/**
 * Reads a duration as people write it for a command: days, a Go duration, or both, such as `7d`, `12h`, `1d12h`, `90m`.
 *
 * @returns milliseconds, or undefined when the text is no such duration.
 */
export function parseDayDuration(text: string): number | undefined {
  const [, days, rest = ""] = /^(?:(\d+(?:\.\d+)?)d)?(.*)$/s.exec(text) ?? [];
  if (days === undefined) {
    return parseGoDuration(rest);
  }
  const further = rest === "" ? 0 : parseGoDuration(rest);
  return further === undefined ? undefined : Number(days) * millisecondsPerDay + further;
}

/** A length of time for people, in its largest unit, rounded: `7 days`, `1 hour`. */
export function roughDuration(milliseconds: number): string {
  const units = [
    ["day", millisecondsPerDay],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const;
  const [name, length] = units.find(([, one]) => milliseconds >= 1.5 * one) ?? ["minute", 60_000];
  const count = Math.max(1, Math.round(milliseconds / length));
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
