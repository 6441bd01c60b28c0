import type { Connector, Tunnel } from "../api/rows";
import type { Answer } from "./answer";
import type { OutgoingRequest } from "./loopback-request";

/** A request on its way through a tunnel. */
export interface TunnelledRequest extends OutgoingRequest {
  /** Where the edge listens: the imitated Internet, on which the connector finds the team's keys. */
  readonly edgeUrl: string;
}

export type ServeTunnelled = (request: TunnelledRequest) => Promise<Answer>;

/**
 * The connections that connectors hold open to the edge, by the row that says that they are up. In memory and not a port,
 * because a connector dials out and listens on nothing. Weak, and keyed by the row itself: who is no longer in the
 * database cannot be reached.
 */
const links = new WeakMap<Connector, ServeTunnelled>();

export function linkConnector(connector: Connector, serve: ServeTunnelled): void {
  links.set(connector, serve);
}

/** The first of a tunnel's connectors that runs here. Cloudflare takes the nearest (facts/cloudflare.md §9 [UNVERIFIED]). */
export function findLink({ connections }: Tunnel): ServeTunnelled | undefined {
  for (const connector of connections) {
    const serve = links.get(connector);
    if (serve !== undefined) {
      return serve;
    }
  }
  return undefined;
}
