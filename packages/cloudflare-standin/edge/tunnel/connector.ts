import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Database } from "../../api/database";
import { registerConnector, unregisterConnector } from "../../api/tunnels";
import type { Connector as ConnectorRow, Tunnel } from "../../api/rows";
import { assertionHeader } from "../access/access";
import { ownAnswer, type Answer } from "../answer";
import { parsedJson, sendToLoopback, valuesOf, type ForwardedRequest } from "../http-messages";
import { goPath } from "../request-url";
import { findRule, followIngress, type Rule } from "./ingress";

interface ConnectorOptions {
  readonly database: Database;
  /** What `cloudflared tunnel run --token` is given. */
  readonly tunnelToken: string;
  /** Where keys are fetched, with the team's domain as Host header. Default: the edge that the request came from. */
  readonly jwksUrl?: string;
  /** Services that are found elsewhere on this machine than the configuration says, such as `http://localhost:9090`. */
  readonly services?: ReadonlyMap<string, string>;
  readonly now?: () => Date;
}

export interface Connector {
  /** The client ID in `GET .../connections`. */
  readonly id: string;
  /** Unregisters, then waits for the requests under way. */
  close(): Promise<void>;
}

/** The release of cloudflared whose source was read and which was run (cloudflare/cloudflared d1df7985); `CFD:` marks its files. */
const version = "2026.8.2";

/**
 * The connections that connectors hold open to the edge, by the row that says that they are up. In memory and not a port,
 * because a connector dials out and listens on nothing. Weak, and keyed by the row itself: a connector that is no longer in
 * the database cannot be reached.
 */
const links = new WeakMap<ConnectorRow, (request: ForwardedRequest, edgeUrl: string) => Promise<Answer>>();

/**
 * Sends a request to the first of a tunnel's connectors that runs here; Cloudflare takes the nearest [gap]. The answer is 530
 * with error 1033 when the tunnel is unknown, deleted, or has no connector (cloudflare-docs, cloudflare-1xxx-errors/error-1033). A request
 * under way when the connector is dropped is still answered [gap].
 */
export async function sendThroughTunnel(
  tunnel: Tunnel | undefined,
  request: ForwardedRequest,
  edgeUrl: string,
): Promise<Answer> {
  const connections = tunnel?.deleted_at === null ? tunnel.connections : [];
  const [link] = connections.flatMap((connector) => links.get(connector) ?? []);
  return link === undefined
    ? ownAnswer("edge", 530, "no connector serves the tunnel", "error code: 1033\n")
    : link(request, edgeUrl);
}

/**
 * Imitates `cloudflared tunnel run --token`: registers with the tunnel and serves until it is closed. It is not told when the
 * tunnel's connections are deleted, and unlike cloudflared does not connect again: it is simply not asked any more. A tunnel
 * token that is changed later does not end it (cloudflare-docs, configure-tunnels/remote-tunnel-permissions).
 *
 * Rejects a token that is malformed, of a tunnel that does not exist, or with another secret.
 */
export function startConnector(options: ConnectorOptions): Promise<Connector> {
  return new Promise((resolve) => {
    resolve(start(options));
  });
}

function start(options: ConnectorOptions): Connector {
  const { database, tunnelToken, jwksUrl, services, now = () => new Date() } = options;
  const tunnel = tunnelForToken(database, tunnelToken);
  const ingress = followIngress(tunnel);
  const underWay = new Set<Promise<Answer>>();
  const id = randomUUID();
  const row: ConnectorRow = {
    id,
    version,
    arch: "linux_amd64",
    get config_version() {
      return ingress().version;
    },
    features: ["allow_remote_config", "serialized_headers", "ha-origin"],
    run_at: now().toISOString(),
    // Four connections each (CFD:cmd/cloudflared/tunnel/cmd.go ha-connections).
    conns: ["ams01", "ams01", "fra02", "fra03"].map((colo) => {
      const connection = randomUUID();
      return {
        id: connection,
        uuid: connection,
        client_id: id,
        client_version: version,
        colo_name: colo,
        is_pending_reconnect: false,
        opened_at: now().toISOString(),
        origin_ip: "127.0.0.1",
      };
    }),
  };
  links.set(row, (request, edgeUrl) => {
    const url = jwksUrl ?? `${edgeUrl}/cdn-cgi/access/certs`;
    const answer = serve(request, ingress().rules, url, services, now());
    underWay.add(answer);
    return answer.finally(() => underWay.delete(answer));
  });
  registerConnector(database, tunnel.id, row, now());
  return {
    id,
    close: async () => {
      unregisterConnector(database, tunnel.id, id, now());
      await Promise.allSettled(underWay);
    },
  };
}

/** Base64 of JSON: account tag, tunnel ID and base64 secret (CFD:connection/connection.go TunnelToken). */
const tokenContents = z.object({ a: z.string(), t: z.string(), s: z.string() });

/**
 * The tunnel that a token is for.
 *
 * Throws with cloudflared's sentence on text that is not a token (CFD:cmd/cloudflared/tunnel/subcommands.go), and on a token that
 * the network does not know; the sentences for that are made up [gap].
 */
function tunnelForToken(database: Database, token: string): Tunnel {
  const parsed = tokenContents.safeParse(parsedJson(Buffer.from(token, "base64").toString()));
  if (!parsed.success) {
    throw new Error("Provided Tunnel token is not valid.");
  }
  const { a: account, t: id, s: secret } = parsed.data;
  const tunnel = account === database.accountId ? database.tunnels.get(id) : undefined;
  if (tunnel?.deleted_at !== null) {
    throw new Error("Unauthorized: Tunnel not found");
  }
  if (tunnel.tunnelSecret !== secret) {
    throw new Error("Unauthorized: Invalid tunnel secret");
  }
  return tunnel;
}

async function serve(
  request: ForwardedRequest,
  rules: readonly Rule[],
  jwksUrl: string,
  services: ReadonlyMap<string, string> | undefined,
  now: Date,
): Promise<Answer> {
  const path = goPath(request.path);
  if (path === undefined) {
    return ownAnswer("cloudflared", 502, "Go does not parse the URL");
  }
  const rule = findRule(rules, request.host, path);
  const [assertion] = valuesOf(request.headers, assertionHeader);
  const filtered = await rule.check?.filter(assertion, jwksUrl, now);
  if (filtered !== undefined) {
    return ownAnswer("cloudflared", filtered.status, filtered.detail);
  }
  const [, status] = /^http_status:(\d+)$/.exec(rule.service) ?? [];
  if (status !== undefined) {
    return ownAnswer("cloudflared", Number(status), rule.service);
  }
  return proxy(request, rule.hostHeader, services?.get(rule.service) ?? rule.service);
}

/** Method, path, query and body stay; with `httpHostHeader` the Host header becomes an X-Forwarded-Host (CFD:ingress/origin_proxy.go). Only plain HTTP to this machine is imitated, to a port or to a socket (`unix:/path`, CFD:ingress/ingress.go). */
async function proxy(
  request: ForwardedRequest,
  hostHeader: string | undefined,
  service: string,
): Promise<Answer> {
  const { host, headers } = request;
  const rewritten =
    hostHeader === undefined
      ? request
      : { ...request, host: hostHeader, headers: [...headers, ["X-Forwarded-Host", host] as const] };
  try {
    const answer = await sendToLoopback(service, rewritten);
    return { by: "origin", ...answer, detail: `${service} through the tunnel` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return ownAnswer("cloudflared", 502, `Unable to reach the origin service: ${reason}`);
  }
}
