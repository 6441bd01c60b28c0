import type { TestContext } from "node:test";
import { zoneId } from "../api/database";
import type { StandIn } from "../api/stand-in";
import { account_id, present, standInFor } from "../testing/stand-in";
import { startConnector, type Connector } from "../edge/tunnel/connector";
import { startEdge, type Edge } from "../edge/edge";
import { headerLines, readBody, send, type HeaderLines, type RequestToSend } from "../edge/http-messages";
import { tokenHeaders } from "../edge/access/service-credentials";
import { goPath, type UrlNormalization } from "../edge/request-url";
import { listenOnLoopback } from "../loopback-server";
import type Cloudflare from "cloudflare";

/** What is pushed to one of the world's two hosts: Prometheus remote write, and Loki's pushes with OpenTelemetry's logs. */
export type SignalName = "metrics" | "logs";

const signalNames = ["metrics", "logs"] as const satisfies readonly SignalName[];

/** For tests: what is declared for each of the two hosts. */
export const declared: Readonly<
  Record<
    SignalName,
    { readonly paths: readonly [string, ...string[]]; readonly pattern: string; readonly service: string }
  >
> = {
  metrics: { paths: ["/api/v1/write"], pattern: "^/api/v1/write$", service: "http://localhost:9090" },
  logs: {
    paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
    pattern: "^(?:/loki/api/v1/push|/otlp/v1/logs)$",
    service: "http://localhost:3100",
  },
};

/** For tests: how long the policies and applications let a session last. */
export const sessionDuration = "30m";

/** For tests: the names of the two hosts. */
export const hosts = { metrics: "prom.example.com", logs: "loki.example.com" } as const;

const teamName = "example-team";
const hour = 3_600_000;

/** For tests: a site's credentials as headers; `before` are those with the secret it had before a rotation. */
export interface SitePass {
  readonly tokenId: string;
  readonly clientId: string;
  readonly secret: string;
  readonly headers: HeaderLines;
  readonly before: HeaderLines;
}

export type SiteName = "tokyo" | "berlin" | "cairo" | "lima" | "oslo" | "quito" | "rome";

/** For tests: an account with two hosts that sites push to, an edge in front of it, a connector, and an origin for each host. */
export interface TestWorld {
  readonly api: StandIn;
  readonly client: Cloudflare;
  readonly clock: { now: Date };
  readonly edge: Edge;
  readonly connector: Connector;
  readonly tunnelId: string;
  readonly origins: Readonly<Record<SignalName, TestOrigin>>;
  /** tokyo may push to both hosts, berlin metrics only; cairo is disabled, lima has expired, oslo was removed; quito's previous secret is still good, rome's is not. */
  readonly sites: Readonly<Record<SiteName, SitePass>>;
  readonly applications: Readonly<
    Record<SignalName, { readonly wholeHost: string; readonly writePaths: string }>
  >;
}

export interface WorldOptions {
  readonly strict?: boolean;
  readonly urlNormalization?: UrlNormalization;
  /** Default: two of {@link originFor}. */
  readonly origins?: Readonly<Record<SignalName, TestOrigin>>;
}

/** For tests: makes the world through the API with the official SDK; everything is closed when the test ends. */
export async function worldFor(
  t: TestContext,
  { strict = false, urlNormalization = "cloudflare", origins: given }: WorldOptions = {},
): Promise<TestWorld> {
  const clock = { now: new Date("2026-11-23T12:00:00Z") };
  const now = (): Date => clock.now;
  const { api, client } = await standInFor(t, { now, teamName });
  await client.zeroTrust.organizations.update({ account_id, strict_service_token_auth: strict });
  const sites = await declareSites(client, clock);
  const both = await declarePolicy(client, "push metrics+logs", [
    sites.tokyo,
    sites.lima,
    sites.quito,
    sites.rome,
  ]);
  const metricsOnly = await declarePolicy(client, "push metrics", [sites.berlin]);
  const applications = {
    metrics: await declareApplications(client, "metrics", [both, metricsOnly]),
    logs: await declareApplications(client, "logs", [both]),
  };
  const tunnelId = await declareTunnel(client, applications);
  const origins = given ?? { metrics: await originFor(t), logs: await originFor(t) };
  const services = new Map(signalNames.map((name) => [declared[name].service, origins[name].url]));
  const edge = await startEdge({ database: api.database, now, urlNormalization });
  t.after(() => edge.close());
  const tunnelToken = await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id });
  const connector = await startConnector({ database: api.database, tunnelToken, services, now });
  t.after(() => connector.close());
  return { api, client, clock, edge, connector, tunnelId, origins, sites, applications };
}

/** For tests: one push for each signal, so that the connector has fetched the keys that it checks assertions with; nothing of it stays in the records. */
export async function warmUp({ edge, sites, origins }: TestWorld): Promise<void> {
  for (const signal of signalNames) {
    const path = declared[signal].paths[0];
    await send(edge.url, { host: hosts[signal], path, headers: sites.tokyo.headers });
    origins[signal].clear();
  }
  edge.clear();
}

/** For tests: a push of a site to a signal's first write path, without content: an origin that it reaches answers 400. */
export async function pushAs(
  { edge, sites }: TestWorld,
  site: SiteName,
  to: SignalName = "metrics",
): Promise<string> {
  const path = declared[to].paths[0];
  return outcomeOf(edge, { host: hosts[to], path, headers: sites[site].headers, body: Buffer.from("x") });
}

/** For tests: sends the request and returns status and who answered, such as "401 access". */
export async function outcomeOf(edge: Edge, push: RequestToSend): Promise<string> {
  edge.clear();
  await send(edge.url, push);
  const record = edge.answered.at(-1);
  return record === undefined ? "nothing" : `${record.status} ${record.by}`;
}

/** For tests: a service behind the edge. */
export interface TestOrigin {
  readonly url: string;
  /** Every request, whatever it was answered; its path as it came. */
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly headers: HeaderLines;
  }[];
  clear(): void;
  close(): Promise<void>;
}

/** What a service answers by method and decoded path: no push of these tests has real content. */
const statuses: Readonly<Record<string, number>> = {
  "POST /api/v1/write": 400,
  "POST /loki/api/v1/push": 400,
  "POST /otlp/v1/logs": 400,
  "GET /api/v1/query": 200,
  "POST /-/reload": 200,
};

/** For tests: an origin that also answers what a push may never reach, so that a hole in front of it shows; 404 to all else. */
export async function originFor(t: TestContext): Promise<TestOrigin> {
  const requests: TestOrigin["requests"][number][] = [];
  const server = await listenOnLoopback((request, response) => {
    const { method = "", url: path = "" } = request;
    readBody(request).then(
      () => {
        const status = statuses[`${method} ${String(goPath(path))}`] ?? 404;
        requests.push({ method, path, status, headers: headerLines(request.rawHeaders) });
        response.writeHead(status).end();
      },
      () => response.destroy(),
    );
  }, 0);
  t.after(() => server.close());
  return {
    url: server.url,
    requests,
    clear: () => {
      requests.length = 0;
    },
    close: () => server.close(),
  };
}

/** Two hours pass: lima's token ends after one, and so does rome's previous secret. */
async function declareSites(client: Cloudflare, clock: { now: Date }): Promise<Record<SiteName, SitePass>> {
  const sites = {
    tokyo: await declareSite(client, "tokyo"),
    berlin: await declareSite(client, "berlin"),
    cairo: await declareSite(client, "cairo", { enabled: false }),
    lima: await declareSite(client, "lima", { duration: "1h" }),
    oslo: await declareSite(client, "oslo"),
    quito: await rotated(
      client,
      await declareSite(client, "quito"),
      new Date(clock.now.getTime() + 24 * hour),
    ),
    rome: await rotated(client, await declareSite(client, "rome"), new Date(clock.now.getTime() + hour)),
  };
  await client.zeroTrust.access.serviceTokens.delete(sites.oslo.tokenId, { account_id });
  clock.now = new Date(clock.now.getTime() + 2 * hour);
  return sites;
}

async function declareSite(
  client: Cloudflare,
  name: string,
  settings: { readonly enabled?: boolean; readonly duration?: string } = {},
): Promise<SitePass> {
  const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name, ...settings });
  return passOf(present(token.id), present(token.client_id), present(token.client_secret));
}

function passOf(tokenId: string, clientId: string, secret: string, before = secret): SitePass {
  return {
    tokenId,
    clientId,
    secret,
    headers: tokenHeaders(clientId, secret),
    before: tokenHeaders(clientId, before),
  };
}

async function rotated(client: Cloudflare, pass: SitePass, until: Date): Promise<SitePass> {
  const { client_secret } = await client.zeroTrust.access.serviceTokens.rotate(pass.tokenId, {
    account_id,
    previous_client_secret_expires_at: until.toISOString(),
  });
  return passOf(pass.tokenId, pass.clientId, present(client_secret), pass.secret);
}

/** A Service Auth policy that lets these sites in. */
async function declarePolicy(client: Cloudflare, name: string, sites: readonly SitePass[]): Promise<string> {
  const policy = await client.zeroTrust.access.policies.create({
    account_id,
    name,
    decision: "non_identity",
    include: sites.map(({ tokenId }) => ({ service_token: { token_id: tokenId } })),
    session_duration: sessionDuration,
  });
  return present(policy.id);
}

/** One application on the whole host that lets nobody in, and one on the write paths. */
async function declareApplications(
  client: Cloudflare,
  signal: SignalName,
  policies: readonly string[],
): Promise<{ wholeHost: string; writePaths: string }> {
  const declare = async (uris: readonly string[], attached: readonly string[]): Promise<string> => {
    const application = await client.zeroTrust.access.applications.create({
      account_id,
      type: "self_hosted",
      name: uris.join(" "),
      domain: present(uris[0]),
      destinations: uris.map((uri) => ({ type: "public" as const, uri })),
      policies: attached.map((id, index) => ({ id, precedence: index + 1 })),
      session_duration: sessionDuration,
      service_auth_401_redirect: attached.length > 0,
      app_launcher_visible: false,
    });
    return present(application.id);
  };
  return {
    wholeHost: await declare([hosts[signal]], []),
    writePaths: await declare(
      declared[signal].paths.map((path) => hosts[signal] + path),
      policies,
    ),
  };
}

/** A tunnel with a rule for each host that checks assertions, and a proxied record for each. */
async function declareTunnel(client: Cloudflare, applications: TestWorld["applications"]): Promise<string> {
  const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
    account_id,
    name: "central",
    config_src: "cloudflare",
  });
  const tunnelId = present(tunnel.id);
  const audiences = new Map<string, string>();
  for await (const application of client.zeroTrust.access.applications.list({ account_id })) {
    audiences.set(present(application.id), present(application.aud));
  }
  await client.zeroTrust.tunnels.cloudflared.configurations.update(tunnelId, {
    account_id,
    config: {
      ingress: [
        ...signalNames.map((signal) => ({
          hostname: hosts[signal],
          path: declared[signal].pattern,
          service: declared[signal].service,
          originRequest: {
            access: {
              required: true,
              teamName,
              audTag: [present(audiences.get(applications[signal].writePaths))],
            },
          },
        })),
        { hostname: "", service: "http_status:404" },
      ],
    },
  });
  for (const signal of signalNames) {
    await client.dns.records.create({
      zone_id: zoneId("example.com"),
      type: "CNAME",
      name: hosts[signal],
      content: `${tunnelId}.cfargotunnel.com`,
      proxied: true,
      ttl: 1,
    });
  }
  return tunnelId;
}
