import type { AnsweredBy } from "cloudflare-standin/edge/answer";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { SiteName, SitePass } from "cloudflare-standin/testing/edge-world";

type Outcome = readonly [status: number, by: AnsweredBy];

type Sites = Readonly<Record<SiteName, SitePass>>;

/** For tests: one request and what becomes of it. */
export interface RequestRow {
  readonly claim: string;
  /** Whose credentials; without it and without `headers`, none. */
  readonly as?: SiteName;
  /** In place of the site's own pair of headers. */
  readonly headers?: (sites: Sites, forgedAssertion: string) => HeaderLines;
  /** Default POST. */
  readonly method?: string;
  /** Default "metrics": whose host. */
  readonly to?: "metrics" | "logs";
  /** In place of the signal's host. */
  readonly host?: string;
  /** Default: the signal's first write path. */
  readonly path?: string;
  /** Default: what the signal's collectors send, in JSON for logs. */
  readonly body?: "protobuf" | "otlp" | "rubbish" | "none";
  readonly outcome: Outcome;
  /** With strict mode, where it differs. */
  readonly strict?: Outcome;
  /** With RFC 3986 normalisation, where it differs. */
  readonly rfc3986?: Outcome;
}

const delivered: Outcome = [204, "origin"];
const unauthorized: Outcome = [401, "access"];
const forbidden: Outcome = [403, "access"];
const noRoute: Outcome = [404, "cloudflared"];

/** For tests: pushes as collectors send them. */
export const pushes: readonly RequestRow[] = [
  { claim: "metrics of a site", as: "tokyo", outcome: delivered },
  { claim: "logs of a site in JSON", as: "tokyo", to: "logs", outcome: delivered },
  { claim: "logs of a site in protobuf", as: "tokyo", to: "logs", body: "protobuf", outcome: delivered },
  {
    claim: "logs of a site by OpenTelemetry",
    as: "tokyo",
    to: "logs",
    path: "/otlp/v1/logs",
    body: "otlp",
    outcome: [200, "origin"],
  },
  { claim: "metrics of a site with that signal only", as: "berlin", outcome: delivered },
  { claim: "a rotated site with its new secret", as: "quito", outcome: delivered },
  {
    claim: "a rotated site with its previous secret in time",
    headers: ({ quito }) => quito.before,
    outcome: delivered,
  },
  { claim: "another rotated site with its new secret", as: "rome", outcome: delivered },
  {
    claim: "a rotated site with its previous secret too late",
    headers: ({ rome }) => rome.before,
    outcome: unauthorized,
  },
  {
    claim: "a site on a signal it was not granted",
    as: "berlin",
    to: "logs",
    outcome: unauthorized,
    strict: forbidden,
  },
  {
    claim: "a site on the other write path of a signal it was not granted",
    as: "berlin",
    to: "logs",
    path: "/otlp/v1/logs",
    body: "otlp",
    outcome: unauthorized,
    strict: forbidden,
  },
  { claim: "a disabled site", as: "cairo", outcome: unauthorized },
  { claim: "a site whose token has expired", as: "lima", outcome: unauthorized },
  { claim: "a site that was removed", as: "oslo", outcome: unauthorized },
  { claim: "nobody", outcome: unauthorized },
  { claim: "nobody to the logs", to: "logs", outcome: unauthorized },
  { claim: "a body that is not a remote write", as: "tokyo", body: "rubbish", outcome: [400, "origin"] },
  {
    claim: "a body that is not a Loki push",
    as: "tokyo",
    to: "logs",
    body: "rubbish",
    outcome: [400, "origin"],
  },
];

/** For tests: credentials sent in odd ways. */
export const headerTricks: readonly RequestRow[] = [
  {
    claim: "header names in lower case",
    headers: ({ tokyo }) => tokyo.headers.map(([name, value]) => [name.toLowerCase(), value]),
    outcome: delivered,
  },
  {
    claim: "spaces around the values",
    headers: ({ tokyo }) => tokyo.headers.map(([name, value]) => [name, `  ${value}\t `]),
    outcome: delivered,
  },
  {
    claim: "the same pair twice, as `headers` and `http_headers` together send it",
    headers: ({ tokyo }) => [...tokyo.headers, ...tokyo.headers],
    outcome: unauthorized,
  },
  {
    claim: "a good pair and another site's pair",
    headers: ({ tokyo, berlin }) => [...tokyo.headers, ...berlin.headers],
    outcome: unauthorized,
  },
  {
    claim: "a client ID without a secret",
    headers: ({ tokyo }) => tokyo.headers.slice(0, 1),
    outcome: unauthorized,
  },
  {
    claim: "a secret without a client ID",
    headers: ({ tokyo }) => tokyo.headers.slice(1),
    outcome: unauthorized,
  },
  {
    claim: "the client ID of one site with the secret of another",
    headers: ({ tokyo, berlin }) => tokenHeaders(tokyo.clientId, berlin.secret),
    outcome: unauthorized,
  },
  {
    claim: "a client ID without .access",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId.replace(".access", ""), tokyo.secret),
    outcome: unauthorized,
  },
  {
    claim: "a token's UUID in place of its client ID",
    headers: ({ tokyo }) => tokenHeaders(tokyo.tokenId, tokyo.secret),
    outcome: unauthorized,
  },
  {
    claim: "a client ID in capitals",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId.toUpperCase(), tokyo.secret),
    outcome: unauthorized,
  },
  {
    claim: "a secret with a character too many",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId, `${tokyo.secret}x`),
    outcome: unauthorized,
  },
  {
    claim: "a secret in quotes",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId, `"${tokyo.secret}"`),
    outcome: unauthorized,
  },
  { claim: "an unknown pair", headers: () => tokenHeaders("x.access", "y"), outcome: unauthorized },
  {
    claim: "empty values, as from unset variables",
    headers: () => tokenHeaders("", ""),
    outcome: unauthorized,
  },
  {
    claim: "a client ID with an empty secret",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId, ""),
    outcome: unauthorized,
  },
  {
    claim: "names with underscores",
    headers: ({ tokyo }) => tokyo.headers.map(([name, value]) => [name.replaceAll("-", "_"), value]),
    outcome: unauthorized,
  },
  {
    claim: "the pair in one Authorization header, which no application reads",
    headers: ({ tokyo }) => [["Authorization", singleHeader(tokyo)]],
    outcome: unauthorized,
  },
  {
    claim: "the pair, and again in an Authorization header that no application reads",
    headers: ({ tokyo }) => [...tokyo.headers, ["Authorization", singleHeader(tokyo)]],
    outcome: delivered,
  },
  {
    claim: "an assertion that the sender made up",
    headers: (_, forged) => [["Cf-Access-Jwt-Assertion", forged]],
    outcome: unauthorized,
  },
  {
    claim: "a good pair and a made-up assertion",
    headers: ({ tokyo }, forged) => [...tokyo.headers, ["cf-access-jwt-assertion", forged]],
    outcome: delivered,
  },
  {
    claim: "a made-up session cookie",
    headers: (_, forged) => [["Cookie", `CF_Authorization=${forged}`]],
    outcome: unauthorized,
  },
  {
    claim: "a bad pair and a made-up session cookie",
    headers: ({ tokyo }, forged) => [
      ...tokenHeaders(tokyo.clientId, "no"),
      ["Cookie", `CF_Authorization=${forged}`],
    ],
    outcome: unauthorized,
  },
  {
    claim: "headers that name another URL, which nobody heeds",
    headers: ({ tokyo }) => [
      ...tokyo.headers,
      ["X-Original-URL", "/-/reload"],
      ["X-Forwarded-Host", "loki.example.com"],
    ],
    outcome: delivered,
  },
];

function singleHeader({ clientId, secret }: SitePass): string {
  return JSON.stringify({ "cf-access-client-id": clientId, "cf-access-client-secret": secret });
}

const path = (as: string, outcome: Outcome, rfc3986 = outcome): RequestRow => ({
  claim: `POST ${as} by a site`,
  as: "tokyo",
  path: as,
  outcome,
  rfc3986,
});

/** For tests: other spellings of the write path, and other paths under it, all with a site's good credentials. */
export const pathTricks: readonly RequestRow[] = [
  path("/api/v1/write?x=/-/reload", delivered),
  path("/api/v1/%77rite", delivered),
  path("//api/v1/write", noRoute, forbidden),
  path("/api//v1/write", noRoute, forbidden),
  path("/api\\v1\\write", noRoute, forbidden),
  path("/api/v1/write/", noRoute),
  path("/api/v1/write//", noRoute),
  path("/api/v1/write/x", noRoute),
  path("/api/v1/./write", noRoute),
  path("/x/../api/v1/write", noRoute),
  path("/%2e%2e/api/v1/write", noRoute),
  path("/api/v1/query/../write", noRoute),
  path("/api/v1/write/..%2fquery", noRoute),
  path("/api/v1/write/%2e%2e%2fquery", noRoute),
  path("/api/v1/write/%0a", noRoute),
  path("/api/v1/write/%zz", [502, "cloudflared"]),
  path("/api/v1/write/../query", forbidden),
  path("/api/v1/write/%2e%2e/query", forbidden),
  path("/api/v1/write%2f..%2fquery", forbidden),
  path("/api/v1/write/../../../-/reload", forbidden),
  path("/api%2Fv1%2Fwrite", forbidden),
  path("/api/v1/write%2f", forbidden),
  path("/api/v1/write%00", forbidden),
  path("/api/v1/write%0a", forbidden),
  path("/api/v1/write%20", forbidden),
  path("/api/v1/%2577rite", forbidden),
  path("/API/v1/write", forbidden),
  path("/api/v1/Write", forbidden),
  path("/api/v1/write;x", forbidden),
  path("/api/v1/write.", forbidden),
  path("/api/v1/writes", forbidden),
  path("/api/v1/write#x", [400, "edge"]),
  path("*", [400, "edge"]),
  path("http://prom.example.com/api/v1/write", delivered),
  path("http://prom.example.com/-/reload", forbidden),
  path("http://loki.example.com/api/v1/write", forbidden),
  path("http://loki.example.com/loki/api/v1/push?", [400, "origin"]),
];

/** For tests: what is not for collectors. */
export const otherPaths: readonly RequestRow[] = [
  ...["/", "/api/v1/query", "/api/v1/query?query=up", "/metrics", "/api/v1/status/config"].map(
    (url): RequestRow => ({
      claim: `GET ${url} by a site`,
      as: "tokyo",
      method: "GET",
      path: url,
      body: "none",
      outcome: forbidden,
    }),
  ),
  path("/-/reload", forbidden),
  path("/api/v1/admin/tsdb/delete_series", forbidden),
  {
    claim: "GET /api/v1/query by nobody",
    method: "GET",
    path: "/api/v1/query",
    body: "none",
    outcome: forbidden,
  },
  {
    claim: "GET /api/v1/query with a bad secret",
    headers: ({ tokyo }) => tokenHeaders(tokyo.clientId, "no"),
    method: "GET",
    path: "/api/v1/query",
    body: "none",
    outcome: forbidden,
    strict: unauthorized,
  },
  ...[
    "/loki/api/v1/query_range?query={site=%22tokyo%22}",
    "/loki/api/v1/delete",
    "/loki/api/v1/push/../query_range",
    "/loki/api/v1/push/../../../../config",
    "/otlp/v1/metrics",
    "/api/v1/write",
  ].map((url): RequestRow => ({
    claim: `POST ${url} on the logs' host by a site`,
    as: "tokyo",
    to: "logs",
    path: url,
    outcome: forbidden,
  })),
  { ...path("/loki/api/v1/push", forbidden), claim: "a log push on the metrics' host by a site" },
  {
    claim: "a log push to a path below the write path",
    as: "tokyo",
    to: "logs",
    path: "/loki/api/v1/push/x",
    outcome: noRoute,
  },
];

const onWritePath = (method: string, as: SiteName | undefined, outcome: Outcome): RequestRow => ({
  claim: `${method} on the write path by ${as === undefined ? "nobody" : "a site"}`,
  ...(as === undefined ? {} : { as }),
  method,
  body: "none",
  outcome,
});

/** For tests: other methods on the write path, and other hosts. */
export const methodsAndHosts: readonly RequestRow[] = [
  ...["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].flatMap((method) => [
    onWritePath(method, "tokyo", [405, "origin"]),
    onWritePath(method, undefined, unauthorized),
  ]),
  { claim: "a host in capitals", as: "tokyo", host: "PROM.Example.COM", outcome: delivered },
  { claim: "a host with a port", as: "tokyo", host: "prom.example.com:443", outcome: delivered },
  { claim: "a host with a dot at its end", as: "tokyo", host: "prom.example.com.", outcome: [530, "dns"] },
  { claim: "a host without a record", as: "tokyo", host: "grafana.example.com", outcome: [530, "dns"] },
  { claim: "the zone itself", as: "tokyo", host: "example.com", outcome: [530, "dns"] },
  { claim: "the edge's own address", as: "tokyo", host: "127.0.0.1", outcome: [530, "dns"] },
  { claim: "a host with a user", as: "tokyo", host: "x@prom.example.com", outcome: [400, "edge"] },
  {
    claim: "a second Host header",
    headers: ({ tokyo }) => [...tokyo.headers, ["Host", "loki.example.com"]],
    outcome: [400, "edge"],
  },
  {
    claim: "the team's login page",
    host: "example-team.cloudflareaccess.com",
    path: "/cdn-cgi/access/login/prom.example.com",
    outcome: [200, "access"],
  },
];
