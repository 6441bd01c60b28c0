import type { Endpoint } from "../fleet/config";

/** What an Access application in front of a push host is called, and what it covers. */
export interface PlannedApplication {
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
  return {
    wholeHost: { name: `${ownPrefix}${signal}: everything else on ${hostname}`, uris: [hostname] },
    writePaths: {
      name: `${ownPrefix}${signal}: push to ${hostname}`,
      uris: paths.map((path) => hostname + path),
    },
  };
}
