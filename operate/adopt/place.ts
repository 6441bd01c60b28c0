/** Where an Access application's destination lies. */
export interface Place {
  /** Lower case; may begin with `*.` or hold other wildcards. */
  readonly host: string;
  /** Empty for the whole host. */
  readonly path: string;
}

/** `host/`, `host/*` and `host` are the same place (cloudflare-docs, access-controls/policies/app-paths). */
export function placeOf(uri: string): Place {
  const slash = uri.includes("/") ? uri.indexOf("/") : uri.length;
  return {
    host: uri.slice(0, slash).toLowerCase(),
    path: uri
      .slice(slash)
      .replace(/^\/\*$/, "")
      .replace(/\/+$/, ""),
  };
}

export const shownPlace = ({ host, path }: Place): string => host + path;

/** In a host name `*` stays within its label; in a path it crosses slashes, and a path covers what is below it (app-paths). */
export function covers(place: Place, host: string, path: string): boolean {
  return (
    coversHost(place, host) &&
    new RegExp(`^${pattern(place.path, ".*")}${place.path.endsWith("*") ? "" : "(?:/.*)?"}$`).test(path)
  );
}

export function coversHost(place: Place, host: string): boolean {
  return new RegExp(`^${pattern(place.host, "[^.]*")}$`).test(host);
}

/**
 * Positive when the first place is the more specific one, and so the one whose application decides: a whole host name
 * before a wildcard, then the longer path, then the one without a wildcard.
 */
export function compareSpecificity(one: Place, other: Place): number {
  const [a, b] = [specificity(one), specificity(other)];
  const index = a.findIndex((value, position) => value !== b[position]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

function specificity({ host, path }: Place): readonly number[] {
  return [
    host.includes("*") ? 0 : 1,
    host.length,
    path.replaceAll("*", "").length,
    path.includes("*") ? 0 : 1,
  ];
}

const pattern = (text: string, wildcard: string): string =>
  text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&").replaceAll("*", wildcard);
