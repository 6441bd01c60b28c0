import { plural } from "../../fleet/wording";

export const hourMilliseconds = 3_600_000;
export const dayMilliseconds = 24 * hourMilliseconds;

/** A span of time in the largest unit that fits, as in `5 days`; the sign is left out. */
export function describeSpan(milliseconds: number): string {
  const span = Math.abs(milliseconds);
  if (span >= 2 * dayMilliseconds) {
    return plural(Math.floor(span / dayMilliseconds), "day");
  }
  return span >= hourMilliseconds
    ? plural(Math.floor(span / hourMilliseconds), "hour")
    : plural(Math.floor(span / 60_000), "minute");
}
