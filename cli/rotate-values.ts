import { InvalidArgumentError } from "commander";
import { parseDayDuration } from "../fleet/duration";
import type { WaveSize } from "../operate/rotate/plan-wave";

/** Reads a duration such as `90d` or `12h` from the command line; milliseconds. */
export function duration(text: string): number {
  const milliseconds = parseDayDuration(text);
  if (milliseconds === undefined) {
    throw new InvalidArgumentError("Give a duration such as 7d, 12h or 30m.");
  }
  return milliseconds;
}

/** What Cloudflare's dashboard offers (service-tokens.mdx, "Rotate"); its API takes any time. */
const shortestGrace = 3_600_000;
const longestGrace = 30 * 24 * 3_600_000;

/** Reads how long an old secret is to go on working; milliseconds. */
export function graceDuration(text: string): number {
  const milliseconds = duration(text);
  if (milliseconds < shortestGrace || milliseconds > longestGrace) {
    throw new InvalidArgumentError(
      "Give 1h to 30d, as Cloudflare's dashboard does. To end the old secret at once, take --now.",
    );
  }
  return milliseconds;
}

/** Reads the size of a wave: `10%` of the fleet, or `5` sites. */
export function waveSize(text: string): WaveSize {
  const [, digits = "", percent] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === "" || number < 1 || (percent === "%" && number > 100)) {
    throw new InvalidArgumentError("Give a number of sites such as 5, or a part of the fleet such as 10%.");
  }
  return percent === "%" ? { percent: number } : { sites: number };
}
