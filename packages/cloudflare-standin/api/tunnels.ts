import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import { pageOf, pagination } from "./envelope";
import { tunnelHasConnections, tunnelNameTaken, tunnelNotFound, tunnelQuota } from "./errors";
import type { Database } from "./database";
import { noBody, noQuery, route, type Route } from "./route";
import { isLive, liveTunnel, tunnelToken } from "./tunnel-access";
import { tunnelStatus } from "./tunnel-connectors";
import type { Tunnel } from "./tunnel-rows";

/** At least 32 bytes in base64 (cloudflare 7.3.0 resources/zero-trust/tunnels/cloudflared/cloudflared.d.ts CloudflaredCreateParams). */
const tunnelSecret = z
  .string()
  .refine((secret) => /^[A-Za-z0-9+/]+={0,2}$/.test(secret) && Buffer.from(secret, "base64").length >= 32, {
    error: "must be at least 32 bytes in base64",
  });
const createBody = z.strictObject({
  name: z.string().min(1),
  // `local` is the default (facts/cloudflare.md §7), although the provider's users nearly always want `cloudflare`.
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

const collection = "/accounts/:account/cfd_tunnel";
const item = `${collection}/:id`;
const read = "Cloudflare Tunnel Read";
const write = "Cloudflare Tunnel Write";

/** Tunnels run by cloudflared (facts/cloudflare.md §7). A deleted one can still be read and listed, with `deleted_at`; that GET answers 200 then is a gap. */
export const tunnelRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: write,
    query: noQuery,
    body: createBody,
    handle: ({ database, limits, issuedSecrets, now, body }) => {
      checkName(database, body.name, undefined);
      if ([...database.tunnels.values()].filter(isLive).length >= limits.tunnels) {
        throw tunnelQuota();
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
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: read,
    query: listQuery,
    body: noBody,
    handle: ({ database, query: { name, is_deleted, ...page } }) => {
      const tunnels = [...database.tunnels.values()].filter(
        (tunnel) =>
          (name === undefined || tunnel.name === name) &&
          (is_deleted === undefined || isLive(tunnel) === (is_deleted === "false")),
      );
      return pageOf(tunnels, page, (tunnel) => shown(tunnel, database));
    },
  }),
  route({
    method: "GET",
    path: item,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => {
      const tunnel = database.tunnels.get(id);
      if (tunnel === undefined) {
        throw tunnelNotFound();
      }
      return { result: shown(tunnel, database) };
    },
  }),
  route({
    method: "PATCH",
    path: item,
    permission: write,
    query: noQuery,
    body: editBody,
    // Connectors that are up stay up with the old secret (D:.../remote-tunnel-permissions.mdx).
    handle: ({ database, issuedSecrets, id, body }) => {
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
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: write,
    query: noQuery,
    body: noBody,
    handle: ({ database, now, id }) => {
      const tunnel = liveTunnel(database, id);
      if (tunnel.connections.length > 0) {
        throw tunnelHasConnections();
      }
      tunnel.deleted_at = now().toISOString();
      return { result: shown(tunnel, database) };
    },
  }),
];

/** Names are unique among live tunnels (pulumi/pulumi-cloudflare#1440). */
function checkName(database: Database, name: string, ownId: string | undefined): void {
  for (const tunnel of database.tunnels.values()) {
    if (tunnel.name === name && isLive(tunnel) && tunnel.id !== ownId) {
      throw tunnelNameTaken();
    }
  }
}

/** Fields by cloudflare 7.3.0 resources/shared.d.ts CloudflareTunnel. */
function shown(tunnel: Tunnel, { accountId }: Database): object {
  const { id, name, config_src, created_at, deleted_at, conns_active_at, conns_inactive_at } = tunnel;
  return {
    id,
    account_tag: accountId,
    name,
    config_src,
    remote_config: config_src === "cloudflare",
    tun_type: "cfd_tunnel",
    status: tunnelStatus(tunnel),
    created_at,
    deleted_at,
    conns_active_at,
    conns_inactive_at,
    connections: tunnel.connections.flatMap(({ conns }) => conns),
    metadata: {},
  };
}
