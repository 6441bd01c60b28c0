import { plural } from "./wording";

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const component = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a Go duration such as `8760h` or `2h45m`.
 *
 * @returns milliseconds, or undefined when the text is not a Go duration. Go has no unit above the hour, so `365d` and
 * `1y` are none. Source: https://pkg.go.dev/time#ParseDuration, which Cloudflare's `duration` fields follow.
 */
export function parseGoDuration(text: string): number | undefined {
  const parts = [...text.matchAll(component)];
  return text === "" || parts.map(([part]) => part).join("") !== text
    ? undefined
    : parts.reduce(
        (sum, [, count, unit = ""]) => sum + Number(count) * (millisecondsPerUnit[unit] ?? NaN),
        0,
      );
}

/**
 * What is wrong with a service token's duration, or undefined when Cloudflare accepts it.
 * Cloudflare takes Go durations and the word `forever` (@pulumi/cloudflare 6.22.1, ZeroTrustAccessServiceTokenArgs.duration).
 */
export function durationProblem(text: string): string | undefined {
  if (text === "forever") {
    return undefined;
  }
  const milliseconds = parseGoDuration(text);
  if (milliseconds === undefined) {
    return `is not a duration that Cloudflare accepts. Write hours, such as ${suggestHours(text)}, or forever`;
  }
  return milliseconds > 0
    ? undefined
    : "is not a length of time above zero. Write hours, such as 8760h, or forever";
}

/** `365d` and `1y` are the usual slips; the right spelling can be computed for them. */
function suggestHours(text: string): string {
  const hoursPerUnit: Readonly<Record<string, number>> = { d: 24, w: 168, y: 8760 };
  if (/^[1-9]\d{0,5}$/.test(text)) {
    return `${text}h`;
  }
  const match = /^(\d{1,4})([dwy])$/.exec(text);
  const hours = hoursPerUnit[match?.[2] ?? ""];
  return match === null || hours === undefined ? "8760h (one year)" : `${Number(match[1]) * hours}h`;
}

/**
 * Reads a duration as people write it for a command: days, a Go duration, or both, such as `7d`, `12h`, `1d12h`, `90m`.
 *
 * @returns milliseconds, or undefined when the text is not one.
 */
export function parseDayDuration(text: string): number | undefined {
  const [, days, rest = ""] = /^(?:(\d+(?:\.\d+)?)d)?(.*)$/s.exec(text) ?? [];
  if (days === undefined) {
    return parseGoDuration(rest);
  }
  const further = rest === "" ? 0 : parseGoDuration(rest);
  return further === undefined ? undefined : Number(days) * 86_400_000 + further;
}

const unitsForPeople = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** A length of time for people, in its largest unit, rounded, and at least a minute: `7 days`, `24 hours`. */
export function roughDuration(milliseconds: number): string {
  const [name, unit] = unitsForPeople.find(([, one]) => milliseconds >= 1.5 * one) ?? unitsForPeople[2];
  return plural(Math.max(1, Math.round(milliseconds / unit)), name);
}

/** A length of time for people, in the largest unit that it has two days or one hour of, rounded down; its sign is left out. */
export function durationRoundedDown(milliseconds: number): string {
  const length = Math.abs(milliseconds);
  const [name, unit] =
    unitsForPeople.find(([one, its]) => length >= (one === "day" ? 2 : 1) * its) ?? unitsForPeople[2];
  return plural(Math.floor(length / unit), name);
}
