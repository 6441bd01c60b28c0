import { isIP } from "node:net";
import type { Endpoint } from "../fleet/config";
import type { SignalName } from "../fleet/signals";

/** Type tokens of what the program declares and an account can have already; a test holds them against the program. */
export const resourceTypes = {
  token: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
  application: "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
  tunnel: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
  ingress: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
  record: "cloudflare:index/dnsRecord:DnsRecord",
} as const;

/** The logical name in a URN, `urn:pulumi:<stack>::<project>::<types>::<name>`; it may hold `::` itself. */
export const logicalNameIn = (urn: string): string => urn.split("::").slice(3).join("::");

/** What an Access application in front of a push host is called, and what it covers. */
export interface PlannedApplication {
  /**
   * Holds the host name: another host is another application. So a new host is covered by new ones before its record
   * leads there, and the old ones cover the old host until nothing does, because the engine deletes last.
   * See docs/decisions/0019-applications-of-one-host.md.
   */
  readonly logicalName: string;
  /** The logical name until it held the host name; the same object in stacks of that time. */
  readonly formerName: string;
  /** Its name in Cloudflare. */
  readonly name: string;
  /** Hosts with their paths, without scheme; the first one is the application's domain. */
  readonly uris: readonly string[];
}

/** The two applications of one endpoint; see push-endpoint.ts for why there are two. */
export function planApplications(
  { signal, hostname, paths }: Pick<Endpoint, "signal" | "hostname" | "paths">,
  ownPrefix: string,
): Readonly<Record<"wholeHost" | "writePaths", PlannedApplication>> {
  const names = (role: string) => ({
    logicalName: `${signal}-${role}-${hostname}`,
    formerName: `${signal}-${role}`,
  });
  return {
    wholeHost: {
      ...names("whole-host"),
      name: `${ownPrefix}${signal}: everything else on ${hostname}`,
      uris: [hostname],
    },
    writePaths: {
      ...names("write-paths"),
      name: `${ownPrefix}${signal}: push to ${hostname}`,
      uris: paths.map((path) => hostname + path),
    },
  };
}

/**
 * How long what Access issues for an admitted request is good for.
 *
 * Collectors send their token with every request and keep no cookies, so the time decides only how long the assertion
 * is valid that cloudflared checks at the origin, and how long a copied one could be used again. Explicit, because the
 * provider would fill in 24 h, which accounts with a lower cap refuse (docs/facts/cloudflare.md, C26).
 */
export const sessionDuration = "30m";

/**
 * The ingress pattern that matches exactly these paths.
 *
 * cloudflared matches with Go's regexp, unanchored and on a path it does not normalise, so a bare path would also let
 * `/anything/api/v1/write/../../-/reload` through (docs/facts/edge.md, E43).
 */
export function anchoredPattern(paths: readonly string[]): string {
  const escaped = paths.map((path) => path.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&"));
  return escaped.length === 1 ? `^${escaped.join("")}$` : `^(?:${escaped.join("|")})$`;
}

/** The kinds of record that a push host may have. */
export type RecordType = "A" | "AAAA" | "CNAME";

/** The kind of record that leads to an address or host name. */
export function recordTypeFor(address: string): RecordType {
  switch (isIP(address)) {
    case 4:
      return "A";
    case 6:
      return "AAAA";
    default:
      return "CNAME";
  }
}

/** The comment on a signal's record. At most 100 characters, which is what free zones may have (docs/facts/cloudflare.md, C43). */
export function recordComment(ownPrefix: string, signal: SignalName): string {
  return `${ownPrefix}${signal}`.slice(0, 100);
}
