import type { Database } from "../api/database";
import type { AccessApplication } from "../api/rows";

/**
 * The application that protects a URL: of those that cover it the one with the most specific destination. It inherits nothing
 * from the others (app-paths.mdx "Policy inheritance"). A host name in full is more specific than a wildcard, a longer path
 * more than a shorter one, and of equally long ones the one without wildcard [gap: the docs say "the more specific rule"].
 *
 * @param path as {@link normalisedPath} returns it; compared with case [gap].
 */
export function applicationFor(
  { applications }: Database,
  host: string,
  path: string,
): AccessApplication | undefined {
  const covering = [...applications.values()].flatMap((application) =>
    application.destinations
      .map(({ uri }) => destinationOf(uri))
      .filter((destination) => destination.covers(host, path))
      .map(({ specificity }) => ({ application, specificity })),
  );
  return covering.sort((one, other) => compare(other.specificity, one.specificity))[0]?.application;
}

interface Destination {
  covers(host: string, path: string): boolean;
  /** The more specific of two destinations is greater, by the first number that differs. */
  readonly specificity: readonly number[];
}

/**
 * Wildcards by app-paths.mdx: in a host name `*` stays within its label; in a path it crosses slashes. A path without a
 * wildcard at its end covers itself and what is below it, one with `/*` at its end covers only what is below.
 */
function destinationOf(uri: string): Destination {
  const slash = uri.includes("/") ? uri.indexOf("/") : uri.length;
  const host = uri.slice(0, slash).toLowerCase();
  const path = uri.slice(slash).replace(/\/+$/, "");
  const hostPattern = new RegExp(`^${escaped(host).replace(/^\*\./, "[^.]+\\.").replaceAll("*", "[^.]*")}$`);
  const pathPattern = new RegExp(
    `^${escaped(path).replaceAll("*", ".*")}${path.endsWith("*") ? "" : "(?:/.*)?"}$`,
  );
  return {
    covers: (wantedHost, wantedPath) => hostPattern.test(wantedHost) && pathPattern.test(wantedPath),
    specificity: [
      host.includes("*") ? 0 : 1,
      host.length,
      path.replaceAll("*", "").length,
      path.includes("*") ? 0 : 1,
    ],
  };
}

/** For a regular expression; asterisks stay. */
function escaped(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&");
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, position) => value !== other[position]);
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}
