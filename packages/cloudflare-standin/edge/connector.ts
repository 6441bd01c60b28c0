import { randomUUID } from "node:crypto";
import type { Database } from "../api/database";
import { registerConnector, unregisterConnector } from "../api/tunnels";
import type { Connection, Connector as ConnectorRow } from "../api/rows";
import { assertionHeader } from "./access";
import { ownAnswer, type Answer } from "./answer";
import { ConnectorConfiguration } from "./connector-configuration";
import { goPath } from "./go-path";
import { valuesOf } from "./header-lines";
import { findRule, type Rule } from "./ingress";
import { sendToLoopback } from "./loopback-request";
import { linkConnector, type TunnelledRequest } from "./tunnel-link";
import { tunnelForToken } from "./tunnel-token";

export interface ConnectorOptions {
  readonly database: Database;
  /** What `cloudflared tunnel run --token` is given. */
  readonly tunnelToken: string;
  /** Where keys are fetched, with the team's domain as Host header. Default: the edge that the request came from. */
  readonly jwksUrl?: string;
  /** Services that are found elsewhere on loopback than the configuration says, such as `http://localhost:9090`. */
  readonly services?: ReadonlyMap<string, string>;
  readonly now?: () => Date;
}

export interface Connector {
  /** The client ID in `GET .../connections`. */
  readonly id: string;
  /** Unregisters, then waits for the requests under way. */
  close(): Promise<void>;
}

/** cloudflared's release that was read and run for the facts (facts/cloudflare.md). */
const version = "2026.8.2";

/**
 * Imitates `cloudflared tunnel run --token`: registers with the tunnel and serves until it is closed. It is not told when the
 * tunnel's connections are deleted, and unlike cloudflared does not connect again: it is simply not asked any more. A tunnel
 * token that is changed later does not end it (facts/cloudflare.md §9).
 *
 * Rejects a token that is malformed, of a tunnel that does not exist, or with another secret.
 */
export function startConnector(options: ConnectorOptions): Promise<Connector> {
  return new Promise((resolve) => {
    resolve(start(options));
  });
}

function start({
  database,
  tunnelToken,
  jwksUrl,
  services,
  now = () => new Date(),
}: ConnectorOptions): Connector {
  const tunnel = tunnelForToken(database, tunnelToken);
  const configuration = new ConnectorConfiguration(tunnel);
  const underWay = new Set<Promise<Answer>>();
  const id = randomUUID();
  const row: ConnectorRow = {
    id,
    version,
    arch: "linux_amd64",
    get config_version() {
      return configuration.version;
    },
    features: ["allow_remote_config", "serialized_headers", "ha-origin"],
    run_at: now().toISOString(),
    // Four connections each (facts/cloudflare.md §9).
    conns: ["ams01", "ams01", "fra02", "fra03"].map((colo) => connection(id, colo, now())),
  };
  linkConnector(row, (request) => {
    const url = jwksUrl ?? `${request.edgeUrl}/cdn-cgi/access/certs`;
    const answer = serve(request, configuration.rules, url, services, now());
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

async function serve(
  request: TunnelledRequest,
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

/** Method, path, query and body stay; of the Host header `httpHostHeader` makes an X-Forwarded-Host (CFD:ingress/origin_proxy.go). Only plain HTTP to this machine is imitated. */
async function proxy(
  request: TunnelledRequest,
  hostHeader: string | undefined,
  service: string,
): Promise<Answer> {
  const rewritten =
    hostHeader === undefined
      ? request
      : {
          ...request,
          host: hostHeader,
          headers: [...request.headers, ["X-Forwarded-Host", request.host] as const],
        };
  try {
    return {
      by: "origin",
      ...(await sendToLoopback(service, rewritten)),
      detail: `${service} through the tunnel`,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return ownAnswer("cloudflared", 502, `Unable to reach the origin service: ${reason}`);
  }
}

function connection(clientId: string, colo: string, now: Date): Connection {
  const id = randomUUID();
  return {
    id,
    uuid: id,
    client_id: clientId,
    client_version: version,
    colo_name: colo,
    is_pending_reconnect: false,
    opened_at: now.toISOString(),
    origin_ip: "127.0.0.1",
  };
}
