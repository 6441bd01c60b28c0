import { z } from "zod";
import type { Database } from "./database";
import { tunnelNotFound } from "./errors";
import { noBody, noQuery, route, type Route } from "./route";
import { unregisterConnector } from "./tunnel-connectors";
import type { Tunnel } from "./tunnel-rows";

const item = "/accounts/:account/cfd_tunnel/:id";
const read = "Cloudflare Tunnel Read";
const write = "Cloudflare Tunnel Write";

/** How connectors get in, and which are in (facts/cloudflare.md §7): token and connections of a live tunnel. */
export const tunnelAccessRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: `${item}/token`,
    // Read is not enough (TF:zero_trust_tunnel_cloudflared_token data source, "Accepted Permissions").
    permission: write,
    query: noQuery,
    body: noBody,
    handle: ({ database, issuedSecrets, id }) => {
      const token = tunnelToken(liveTunnel(database, id), database);
      issuedSecrets.add(token);
      return { result: token };
    },
  }),
  route({
    method: "GET",
    path: `${item}/connections`,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: liveTunnel(database, id).connections }),
  }),
  route({
    method: "DELETE",
    path: `${item}/connections`,
    permission: write,
    query: z.strictObject({ client_id: z.string().exactOptional() }),
    body: noBody,
    handle: ({ database, now, id, query }) => {
      liveTunnel(database, id);
      unregisterConnector(database, id, query.client_id, now());
      return { result: {} };
    },
  }),
];

/** What `cloudflared` runs with: base64 of JSON with the account's tag, the tunnel's ID and the secret (CFD:connection/connection.go TunnelToken). */
export function tunnelToken(tunnel: Tunnel, { accountId }: Database): string {
  return Buffer.from(JSON.stringify({ a: accountId, t: tunnel.id, s: tunnel.tunnelSecret })).toString(
    "base64",
  );
}

/** The tunnel, unless it is unknown or deleted: then 404. */
export function liveTunnel(database: Database, id: string): Tunnel {
  const tunnel = database.tunnels.get(id);
  if (tunnel === undefined || !isLive(tunnel)) {
    throw tunnelNotFound();
  }
  return tunnel;
}

/** Whether it has not been deleted. */
export function isLive(tunnel: Tunnel): boolean {
  return tunnel.deleted_at === null;
}
