import type { Config } from "../fleet/config";
import type { PublicRecord } from "./public-records";
import type { PublicRoute, PublicTunnel } from "./public-tunnel";
import type { PushEndpoint } from "./push-endpoint";
import { recordTypeFor } from "./declared-objects";
import type { SignalName } from "../fleet/signals";

/** The tunnel's routes: each endpoint's write paths, open to whom its application on them let in. */
export function planRoutes(
  config: Config,
  endpoints: ReadonlyMap<SignalName, PushEndpoint>,
): readonly PublicRoute[] {
  return config.endpoints.map(({ signal, hostname, paths, origin }) => ({
    hostname,
    paths,
    origin,
    audience: applicationsOf(signal, endpoints).writePaths.aud,
  }));
}

/** Where each endpoint's DNS record leads, and what must stand before it: through the tunnel, or straight to an address. */
export function planRecords(
  config: Config,
  endpoints: ReadonlyMap<SignalName, PushEndpoint>,
  tunnel: PublicTunnel | undefined,
): readonly PublicRecord[] {
  const { publish } = config;
  return config.endpoints.map(({ signal, hostname }) => {
    const { wholeHost, writePaths } = applicationsOf(signal, endpoints);
    const applications = [wholeHost, writePaths];
    if (publish.kind === "addresses") {
      const address = publish.addresses.get(signal);
      if (address === undefined) {
        throw new Error(`no address serves ${hostname}`);
      }
      return {
        signal,
        hostname,
        target: { type: recordTypeFor(address), content: address },
        after: applications,
      };
    }
    if (tunnel === undefined) {
      throw new Error(`no tunnel serves ${hostname}`);
    }
    return {
      signal,
      hostname,
      target: { type: "CNAME", content: tunnel.target },
      after: [...applications, tunnel.ingress],
    };
  });
}

function applicationsOf(signal: SignalName, endpoints: ReadonlyMap<SignalName, PushEndpoint>): PushEndpoint {
  const endpoint = endpoints.get(signal);
  if (endpoint === undefined) {
    throw new Error(`no application protects the endpoint of ${signal}`);
  }
  return endpoint;
}
