import { randomBytes, randomUUID } from "node:crypto";
import type { CloudflareTunnel } from "cloudflare/resources/shared";
import type { Client } from "cloudflare/resources/zero-trust/tunnels/cloudflared/connections";
import { z } from "zod";
import type { Database } from "./database";
import { apiError, pageOf, pagination, refuse, type Answered, type ApiError } from "./envelope";
import { noInput, route, type Route } from "./route";
import type { Connector, Tunnel } from "./rows";

/** At least 32 bytes in base64 (cloudflare 7.3.0 resources/zero-trust/tunnels/cloudflared/cloudflared.d.ts CloudflaredCreateParams). */
const tunnelSecret = z
  .string()
  .refine((secret) => /^[A-Za-z0-9+/]+={0,2}$/.test(secret) && Buffer.from(secret, "base64").length >= 32, {
    error: "must be at least 32 bytes in base64",
  });
const createBody = z.strictObject({
  name: z.string().min(1),
  // `local` is the default (CloudflaredCreateParams), although the provider's users nearly always want `cloudflare`.
  config_src: z.enum(["local", "cloudflare"]).default("local"),
  tunnel_secret: tunnelSecret.exactOptional(),
});
const editBody = z.strictObject({
  name: z.string().min(1).exactOptional(),
  tunnel_secret: tunnelSecret.exactOptional(),
});
const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  is_deleted: z.enum(["true", "false"]).exactOptional(),
});
const connectorQuery = z.strictObject({ client_id: z.string().exactOptional() });

const collection = "/accounts/:account/cfd_tunnel";
const item = `${collection}/:id`;
const read = "Cloudflare Tunnel Read";
const write = "Cloudflare Tunnel Write";

/**
 * Tunnels run by cloudflared, their tokens and their connectors (cloudflare 7.3.0 cloudflared.d.ts, token.d.ts,
 * connections.d.ts). A deleted one can still be read and listed, with `deleted_at`: the provider's acceptance test fails when
 * that GET is refused, or says null (TF:zero_trust_tunnel_cloudflared/resource_test.go testAccCheckCloudflareTunnelDestroy).
 * Whatever else is asked of a deleted one is refused as for one that never was; code and text of that 404 are a gap.
 */
export const tunnelRoutes: readonly Route[] = [
  route("POST", collection, write, { ...noInput, body: createBody }, ({ body, ...backend }) => {
    const { database, limits, issuedSecrets, now } = backend;
    checkName(database, body.name, undefined);
    if ([...database.tunnels.values()].filter(isLive).length >= limits.tunnels) {
      // Code and text are a gap.
      throw apiError(400, 1002, "Maximum number of tunnels has been reached");
    }
    const created_at = now().toISOString();
    const tunnel: Tunnel = {
      id: randomUUID(),
      name: body.name,
      config_src: body.config_src,
      created_at,
      deleted_at: null,
      conns_active_at: null,
      conns_inactive_at: null,
      tunnelSecret: body.tunnel_secret ?? randomBytes(32).toString("base64"),
      connections: [],
      configuration: { version: 0, created_at, config: null },
    };
    database.tunnels.set(tunnel.id, tunnel);
    const token = tunnelToken(tunnel, database);
    issuedSecrets.add(tunnel.tunnelSecret).add(token);
    // The two secrets come with the answer to a create only (D:.../create-remote-tunnel-api.mdx).
    const credentials_file = {
      AccountTag: database.accountId,
      TunnelID: tunnel.id,
      TunnelName: tunnel.name,
      TunnelSecret: tunnel.tunnelSecret,
    };
    return { result: { ...shown(tunnel, database), credentials_file, token } };
  }),
  route("GET", collection, read, { ...noInput, query: listQuery }, ({ database, query }) => {
    const { name, is_deleted, ...page } = query;
    const tunnels = [...database.tunnels.values()].filter(
      (tunnel) =>
        (name === undefined || tunnel.name === name) &&
        (is_deleted === undefined || isLive(tunnel) === (is_deleted === "false")),
    );
    return pageOf(tunnels, page, (tunnel) => shown(tunnel, database));
  }),
  route("GET", item, read, noInput, ({ database, id }) => ({
    result: shown(database.tunnels.get(id) ?? refuse(notFound()), database),
  })),
  // Connectors that are up stay up with the old secret (D:.../remote-tunnel-permissions.mdx).
  route("PATCH", item, write, { ...noInput, body: editBody }, ({ database, issuedSecrets, id, body }) => {
    const tunnel = liveTunnel(database, id);
    if (body.name !== undefined) {
      checkName(database, body.name, id);
      tunnel.name = body.name;
    }
    if (body.tunnel_secret !== undefined) {
      tunnel.tunnelSecret = body.tunnel_secret;
      issuedSecrets.add(tunnel.tunnelSecret).add(tunnelToken(tunnel, database));
    }
    return { result: shown(tunnel, database) };
  }),
  route("DELETE", item, write, noInput, ({ database, now, id }) => {
    const tunnel = liveTunnel(database, id);
    if (tunnel.connections.length > 0) {
      // TF#5255.
      throw apiError(400, 1022, "Cannot delete tunnel because it has active connections");
    }
    tunnel.deleted_at = now().toISOString();
    return { result: shown(tunnel, database) };
  }),
  // Read is not enough (TF:zero_trust_tunnel_cloudflared_token data source, "Accepted Permissions").
  route("GET", `${item}/token`, write, noInput, ({ database, issuedSecrets, id }) => {
    const token = tunnelToken(liveTunnel(database, id), database);
    issuedSecrets.add(token);
    return { result: token };
  }),
  route("GET", `${item}/connections`, read, noInput, ({ database, id }) => {
    const result: Client[] = liveTunnel(database, id).connections;
    return { result };
  }),
  route(
    "DELETE",
    `${item}/connections`,
    write,
    { ...noInput, query: connectorQuery },
    ({ database, now, id, query }) => {
      liveTunnel(database, id);
      unregisterConnector(database, id, query.client_id, now());
      return { result: {} };
    },
  ),
];

/**
 * The SDK's tunnel, without its connections: since 2026-10-05 they are only at `/connections`
 * (D:changelog/tunnel/2026-07-09). `remote_config`, which the SDK calls deprecated, is still answered, because the provider
 * reads it.
 */
type TunnelAnswer = Answered<Omit<CloudflareTunnel, "connections" | "remote_config">> & {
  readonly remote_config: boolean;
};

function shown(tunnel: Tunnel, { accountId }: Database): TunnelAnswer {
  const { id, name, config_src, created_at, deleted_at, conns_active_at, conns_inactive_at } = tunnel;
  return {
    id,
    account_tag: accountId,
    name,
    config_src,
    remote_config: config_src === "cloudflare",
    tun_type: "cfd_tunnel",
    status: status(tunnel),
    created_at,
    deleted_at,
    conns_active_at,
    conns_inactive_at,
    metadata: {},
  };
}

/** `inactive` until a connector has been up, then `healthy` or `down`; `degraded` needs connections that fail and is not imitated (cloudflare 7.3.0 resources/shared.d.ts CloudflareTunnel). */
function status(tunnel: Tunnel): CloudflareTunnel["status"] & string {
  if (tunnel.connections.length > 0) {
    return "healthy";
  }
  return tunnel.conns_inactive_at === null ? "inactive" : "down";
}

/** Names are unique among live tunnels (pulumi/pulumi-cloudflare#1440). */
function checkName(database: Database, name: string, ownId: string | undefined): void {
  for (const tunnel of database.tunnels.values()) {
    if (tunnel.name === name && isLive(tunnel) && tunnel.id !== ownId) {
      throw apiError(409, 1013, "You already have a tunnel with this name");
    }
  }
}

/** A tunnel that does not exist, or is deleted where only a live one will do. Code and text are a gap. */
function notFound(): ApiError {
  return apiError(404, 1003, "Tunnel not found");
}

/** Whether it has not been deleted. */
export function isLive(tunnel: Tunnel): boolean {
  return tunnel.deleted_at === null;
}

/** The tunnel, unless it is unknown or deleted: then 404. */
export function liveTunnel(database: Database, id: string): Tunnel {
  const tunnel = database.tunnels.get(id);
  return tunnel !== undefined && isLive(tunnel) ? tunnel : refuse(notFound());
}

/** What `cloudflared` runs with: base64 of JSON with the account's tag, the tunnel's ID and the secret (CFD:connection/connection.go TunnelToken). */
export function tunnelToken(tunnel: Tunnel, { accountId }: Database): string {
  const contents = JSON.stringify({ a: accountId, t: tunnel.id, s: tunnel.tunnelSecret });
  return Buffer.from(contents).toString("base64");
}

/**
 * Notes that a connector is up. A connector with the same ID is replaced, as one that reconnects is. Nothing is done for a
 * tunnel that is unknown or deleted; the answer says whether there was one.
 */
export function registerConnector(
  database: Database,
  tunnelId: string,
  connector: Connector,
  now: Date,
): boolean {
  const tunnel = database.tunnels.get(tunnelId);
  if (tunnel?.deleted_at !== null) {
    return false;
  }
  if (tunnel.connections.length === 0) {
    tunnel.conns_active_at = now.toISOString();
    tunnel.conns_inactive_at = null;
  }
  tunnel.connections = [...tunnel.connections.filter(({ id }) => id !== connector.id), connector];
  return true;
}

/** Notes that a connector is gone, or all of them when none is named. */
export function unregisterConnector(
  database: Database,
  tunnelId: string,
  connectorId: string | undefined,
  now: Date,
): void {
  const tunnel = database.tunnels.get(tunnelId);
  if (tunnel === undefined || tunnel.connections.length === 0) {
    return;
  }
  tunnel.connections = tunnel.connections.filter(({ id }) => connectorId !== undefined && id !== connectorId);
  if (tunnel.connections.length === 0) {
    tunnel.conns_active_at = null;
    tunnel.conns_inactive_at = now.toISOString();
  }
}
