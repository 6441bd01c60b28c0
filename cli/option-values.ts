import { InvalidArgumentError, type Command } from "commander";
import { parseDayDuration } from "../fleet/duration";

/** Reads a TCP port from the command line. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535) {
    throw new InvalidArgumentError("Give a port from 1 to 65535.");
  }
  return value;
}

/** Reads a whole number of at least `least`, and at most `most`, from the command line. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(
        most === Number.MAX_SAFE_INTEGER
          ? `Give a whole number from ${least} on.`
          : `Give a whole number from ${least} to ${most}.`,
      );
    }
    return value;
  };
}

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

/**
 * What is wrong with naming sites and taking all of them, or with neither.
 *
 * @param otherWays to say which sites, beside names and `--all`, and whether one was given.
 */
export function siteChoiceProblem(
  command: Command,
  sites: readonly string[],
  all: boolean,
  otherWays: { readonly given: boolean; readonly named: string } = { given: false, named: "" },
): string | undefined {
  if (all && sites.length > 0) {
    return `--all comes with ${sites.join(", ")}. Name sites, or take --all, not both.`;
  }
  return all || sites.length > 0 || otherWays.given
    ? undefined
    : `no site is named. Name sites as in \`npx sitepass ${command.name()} tokyo\`, or take --all${otherWays.named}.`;
}

/** What is wrong with options that were given, and mean something only beside another. */
export function comesOnlyWith(
  command: Command,
  names: readonly string[],
  other: string,
  isGiven: boolean,
): string | undefined {
  const lonely = isGiven ? [] : givenOf(command, names);
  return lonely.length === 0 ? undefined : `${lonely.join(" and ")} comes only with ${other}.`;
}

/** What is wrong with options that were given, and contradict another, or mean nothing beside it. */
export function doesNotGoWith(
  command: Command,
  names: readonly string[],
  other: string,
  isGiven: boolean,
): string | undefined {
  const wrong = isGiven ? givenOf(command, names) : [];
  return wrong.length === 0 ? undefined : `${wrong.join(" and ")} does not go with ${other}.`;
}

/** Which of these options, such as `--relay-port`, were typed. */
const givenOf = (command: Command, names: readonly string[]): readonly string[] =>
  command.options
    .filter(({ long }) => long !== undefined && names.includes(long))
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long ?? "");

/** Collects an option that may be given several times. */
export function repeated(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
