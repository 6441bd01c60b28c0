import { isIP } from "node:net";
import { gateSocket } from "../../fleet/config";
import type { CentralHost, CentralSignal, Places } from "../central-host";
import { connectorPath, connectorsOf, stackTitle, teamsOf, type ConnectorPlace } from "../several-stacks";
import { keyFile, keyIdsFile, slotsOf } from "./access-keys";
import { destinationsOf, type Destination } from "./destinations";
import type { RefusalReason } from "./refusals";
import { shutOut } from "./site-map";

/**
 * Longest body that is taken, in bytes: as long as vmagent takes (`-maxInsertRequestSize`); collectors send a tenth of it
 * (docs/facts/collectors.md, K4).
 */
const largestBody = 32 * 1024 * 1024;

/** Pushes of one site that may be under way at a time: a collector that catches up sends up to 50 beside each other. */
const mostInFlight = 100;

/** Limits are kept over this long, so that a burst passes. */
const limitSeconds = 10;

/** HAProxy counts what it keeps a rate of in 32 bits; fleet/config-schema.ts has limits that fit. */
const overLimitSeconds = (perSecond: number): number => perSecond * limitSeconds;

/** How far clocks may be apart, in seconds. */
const clockLeeway = 60;

/** Headers that a store is given as they came; all others are taken away, whatever a store makes of them. */
const handedOn = [
  "accept",
  "accept-encoding",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "transfer-encoding",
  "user-agent",
  "x-prometheus-remote-write-version",
];

/** The gate's haproxy.cfg. Written for HAProxy 2.6, and with nothing that later releases have given up. */
export function haproxyConfig(central: CentralHost, places: Places): string {
  const place = places.programs.gate;
  const destinations = central.signals.flatMap((signal) => destinationsOf(central, places, signal));
  const connectors = connectorsOf(central, places);
  const named =
    destinations.some(({ url }) => isName(bareHost(url))) || isName(places.programs.cloudflared.host);
  return `${[
    `# The gate of ${stackTitle(central.stackName)}: who may push, and as whom. Rendered; changes are lost with the next rendering.`,
    global(places),
    defaults(place.files),
    ...(named ? [resolvers] : []),
    tables,
    page(place.bind, place.ports.http, connectors),
    ...connectors.map(connector),
    ...central.signals.map((signal) => frontend(central, places, signal)),
    ...destinations.map((destination) => backend(central, destination)),
  ].join("\n\n")}\n`;
}

const global = ({ run, programs }: Places): string => `global
  log stdout format raw local0 info
  maxconn 2000
  # A worker that was replaced finishes what it has begun, and no longer than this.
  hard-stop-after 5m
  stats socket unix@${run}/admin.sock mode 600 level admin expose-fd listeners
  lua-load ${programs.gate.files}/gate.lua`;

const defaults = (files: string): string => `defaults
  mode http
  log global
  log-format "gate %[var(txn.signal)] status=%ST reason=%[var(txn.reason)] site=%[var(txn.site)] client=%[var(txn.client)] bytes=%U ms=%Ta ended=%ts ray=%[var(txn.ray)] store=%b"
  option dontlognull
  # While a worker is replaced, an idle connection gets one more answer instead of an end in the middle of the next push.
  option idle-close-on-response
  option redispatch
  retries 2
  timeout connect 5s
  timeout http-request 15s
  # cloudflared closes idle connections after 90 seconds: it has to be the first to do so.
  timeout http-keep-alive 3m
  timeout client 60s
  timeout queue 10s
  # Cloudflare gives up after 100 seconds.
  timeout server 60s
  http-error status 500 content-type text/plain string "The gate failed. Send it again.\\n" hdr Retry-After 10 hdr X-Sitepass-Gate gate-failed
  http-error status 502 content-type text/plain string "The store broke off. Send it again.\\n" hdr Retry-After 10 hdr X-Sitepass-Gate store-broke-off
  http-error status 503 content-type text/plain string "The store does not run. Send it again.\\n" hdr Retry-After 10 hdr X-Sitepass-Gate store-down
  http-error status 504 content-type text/plain string "The store did not answer in time. Send it again.\\n" hdr Retry-After 10 hdr X-Sitepass-Gate store-slow
  # A body that came too slowly: 503 in place of 408, which collectors drop on.
  http-error status 408 errorfile ${files}/send-again.http`;

/** What a push is answered whose body stopped coming. */
export const sendAgain = [
  "HTTP/1.1 503 Service Unavailable",
  "Retry-After: 10",
  "Connection: close",
  "Content-Length: 0",
  "",
  "",
].join("\r\n");

/** Addresses of names may change while the gate runs, as a container's does; when no answer comes, the last one counts. */
const resolvers = `resolvers system
  parse-resolv-conf
  accepted_payload_size 8192
  hold valid 10s
  hold nx 1h
  hold refused 1h
  hold timeout 1h
  hold other 1h
  hold obsolete 1m`;

/** Counted by site: how much just now, for the limits; and what became of pushes since the start. */
const tables = `backend gate_sites
  stick-table type string len 64 size 20k expire 1h store conn_cur,http_req_rate(${limitSeconds}s),bytes_in_rate(${limitSeconds}s)

backend gate_pushes
  stick-table type string len 96 size 40k store http_req_cnt,bytes_in_cnt,gpc0,gpc1

backend gate_refusals
  stick-table type string len 128 size 100k store http_req_cnt,conn_cur`;

const page = (bind: string, port: number, connectors: readonly ConnectorPlace[]): string => `frontend page
  bind ${bind}:${port}
  http-request set-log-level silent
  monitor-uri /ready
  http-request use-service prometheus-exporter if { path /metrics }
  http-request use-service lua.sites if { path /metrics/sites }
  http-request return status 404 unless { path ${connectors.map(connectorPath).join(" ")} }
${connectors
  .map((one) =>
    one.stack === undefined
      ? `  default_backend ${connectorBackend(one)}`
      : `  use_backend ${connectorBackend(one)} if { path ${connectorPath(one)} }`,
  )
  .join("\n")}`;

/** What a server has behind its address, so that a name is looked up again while the gate runs. */
const lookUp = (host: string): string =>
  isName(host) ? " resolvers system init-addr last,libc,none resolve-prefer ipv4" : "";

const isName = (host: string): boolean => isIP(host) === 0;

const connectorBackend = ({ stack }: ConnectorPlace): string =>
  stack === undefined ? "connector" : `connector_${stack}`;

/**
 * The connector's metrics, handed on: so Prometheus shares no network with cloudflared, and whoever may change where the tunnel leads
 * still cannot lead it to Prometheus.
 */
function connector(one: ConnectorPlace): string {
  return `backend ${connectorBackend(one)}
  http-request set-path /metrics
  server cloudflared ${one.host}:${one.port}${lookUp(one.host)}`;
}

function frontend(central: CentralHost, places: Places, signal: CentralSignal): string {
  const { signal: name, paths, audiences } = signal;
  const { files } = places.programs.gate;
  const destinations = destinationsOf(central, places, signal);
  const { requestsPerSecond, bytesPerSecond } = central.limits;
  const claim = (query: string): string => `var(txn.assertion),jwt_payload_query('$.${query}')`;
  const number = (query: string): string => `var(txn.assertion),jwt_payload_query('$.${query}','int')`;
  const isFor = (acl: string, tags: readonly string[]): readonly string[] =>
    tags.length === 0
      ? []
      : ["aud", "aud[0]", "aud[1]", "aud[2]"].map(
          (query) => `acl for_${acl} ${claim(query)} -m str ${tags.join(" ")}`,
        );
  const teams = teamsOf(central);
  const slots = slotsOf(teams);
  const outdated = destinations.filter(({ takesRemoteWrite2 }) => !takesRemoteWrite2);
  // The first reason that holds is the one.
  const refuse = (reason: RefusalReason, ...conditions: readonly string[]): string[] =>
    conditions.map((condition) => `http-request set-var(txn.reason) str(${reason}) if !refused ${condition}`);
  const lines = [
    `bind unix@${gateSocket(name, places.run)} mode 666`,
    "acl refused var(txn.reason) -m found",
    `http-request set-var(txn.signal) str(${name})`,
    // Of use in Cloudflare's own logs; nothing else that a site sends is logged.
    String.raw`http-request set-var(txn.ray) req.fhdr(cf-ray) if { req.fhdr(cf-ray) -m reg ^[\w-]+$ }`,
    "http-request set-var(txn.now) date()",
    "",
    "# The assertion: exactly one, signed by Access with a key that is held here.",
    ...refuse("no-assertion", "{ req.fhdr_cnt(cf-access-jwt-assertion) eq 0 }"),
    ...refuse("two-assertions", "{ req.fhdr_cnt(cf-access-jwt-assertion) gt 1 }"),
    "http-request set-var(txn.assertion) req.fhdr(cf-access-jwt-assertion) if !refused",
    ...refuse("malformed", String.raw`!{ var(txn.assertion) -m reg ^[\w-]+\.[\w-]+\.[\w-]*$ }`),
    "http-request set-var(txn.algorithm) var(txn.assertion),jwt_header_query('$.alg') if !refused",
    ...refuse("algorithm", "!{ var(txn.algorithm) -m str RS256 }"),
    // Of several teams, the one that it says it is of is the one whose keys are looked at.
    ...(teams === undefined
      ? []
      : [
          `http-request set-var(txn.issuer) ${claim("iss")} if !refused`,
          ...teams.map(
            (team) =>
              `http-request set-var(txn.team) str(${team}) if !refused { var(txn.issuer) -m str ${issuerOf(team)} }`,
          ),
          ...refuse("issuer", "!{ var(txn.team) -m found }"),
        ]),
    `http-request set-var(txn.slot) var(txn.assertion),jwt_header_query('$.kid'),${teams === undefined ? "" : "concat(@,txn.team),"}map_str(${files}/keys/${keyIdsFile}) if !refused`,
    ...refuse("unknown-key", `!{ var(txn.slot) -m str ${slots.join(" ")} }`),
    ...slots.map(
      (slot) =>
        `http-request set-var(txn.signed) var(txn.assertion),jwt_verify("RS256","${files}/keys/${keyFile(slot)}") if !refused { var(txn.slot) -m str ${slot} }`,
    ),
    ...refuse("signature", "!{ var(txn.signed) -m int 1 }"),
    "",
    "# What it says: for this signal, by this team, now, and of whom.",
    ...(teams === undefined
      ? refuse("issuer", `!{ ${claim("iss")} -m str ${issuerOf(central.teamName)} }`)
      : []),
    `http-request set-var(txn.until) ${number("exp")} if !refused`,
    `http-request set-var(txn.client) ${claim("common_name")} if !refused`,
    ...refuse("claims", "!{ var(txn.until) -m found }", "!{ var(txn.client) -m reg . }"),
    ...refuse("expired", `{ var(txn.until),sub(txn.now),add(${clockLeeway}) -m int lt 0 }`),
    ...["nbf", "iat"].flatMap((from) => [
      `http-request set-var(txn.${from}) ${number(from)} if !refused`,
      ...refuse("not-yet-valid", `{ var(txn.${from}),sub(txn.now) -m int gt ${clockLeeway} }`),
    ]),
    // A text, or a list.
    ...(central.stacks === undefined
      ? [...isFor(name, audiences), ...refuse("audience", audiences.length === 0 ? "TRUE" : `!for_${name}`)]
      : [
          // Of several stacks, the one that is meant is the one whose application it is for, if that is its team's.
          ...central.stacks.flatMap((stack) => {
            const ofStack = stack.signals.find((one) => one.signal === name)?.audiences ?? [];
            return ofStack.length === 0
              ? []
              : [
                  ...isFor(`${name}_${stack.name}`, ofStack),
                  `http-request set-var(txn.stack) str(${stack.name}) if !refused { var(txn.team) -m str ${stack.teamName} } for_${name}_${stack.name}`,
                ];
          }),
          ...refuse("audience", "!{ var(txn.stack) -m found }"),
        ]),
    "",
    "# Whose it is, and what that site may push.",
    `http-request set-var(txn.entry) var(txn.client),${central.stacks === undefined ? "" : "concat(@,txn.stack),"}map_str(${files}/sites.map) if !refused`,
    ...refuse("unknown-client", "!{ var(txn.entry) -m found }"),
    "http-request set-var(txn.site) var(txn.entry),field(1,/) if !refused",
    ...refuse("unknown-client", "!{ var(txn.site) -m reg . }"),
    ...refuse("shut-out", `{ var(txn.entry) -m sub /${shutOut}/ }`),
    ...refuse("other-signal", `!{ var(txn.entry) -m sub /${name}/ }`),
    ...refuse("method", "!{ method POST }"),
    ...refuse("path", `!{ path -m str ${paths.join(" ")} }`),
    ...refuse("too-large", `{ req.hdr(content-length) -m int gt ${largestBody} }`),
    ...(outdated.length === 0 || name !== "metrics"
      ? []
      : refuse("remote-write-2", "{ req.hdr(content-type) -m sub -i io.prometheus.write.v2 }")),
    "",
    "# Limits by site. Only what is let in counts, so that a site over its limit is let in again as soon as it is below.",
    ...refuse(
      "requests",
      `{ var(txn.site),table_http_req_rate(gate_sites) ge ${overLimitSeconds(requestsPerSecond)} }`,
    ),
    ...refuse(
      "bytes",
      `{ var(txn.site),table_bytes_in_rate(gate_sites) ge ${overLimitSeconds(bytesPerSecond)} }`,
    ),
    ...refuse("connections", `{ var(txn.site),table_conn_cur(gate_sites) ge ${mostInFlight} }`),
    "",
    "# Counted, and answered where it is refused.",
    `http-request set-var-fmt(txn.key) "${name} %[var(txn.reason)] -" if refused`,
    `http-request set-var-fmt(txn.key) "${name} %[var(txn.reason)] %[var(txn.site)]" if refused { var(txn.site) -m found }`,
    "http-request track-sc1 var(txn.key) table gate_refusals if refused",
    // A service in Lua knows no timeout while it reads: a short body is waited for before, and of long ones only so many at a time.
    "http-request wait-for-body time 10s if refused",
    "http-request use-service lua.refuse if refused { sc1_conn_cur(gate_refusals) le 20 }",
    'http-request return status 503 hdr Retry-After 10 hdr X-Sitepass-Gate "%[var(txn.reason)]" if refused',
    // Whatever the rules above may lack: nothing goes on that was not found good.
    "http-request deny deny_status 503 unless { var(txn.signed) -m int 1 } { var(txn.site) -m reg . }",
    "http-request track-sc0 var(txn.site) table gate_sites",
    `http-request set-var-fmt(txn.key) "${name} %[var(txn.site)]"`,
    "http-request track-sc1 var(txn.key) table gate_pushes",
    "",
    "# Nothing that the site says of itself reaches a store.",
    `http-request del-header "^(?!(?:${handedOn.join("|")})\\$)" -m reg`,
    ...destinations.map(
      (destination) => `use_backend ${destination.name} if { path -m str ${destination.paths.join(" ")} }`,
    ),
  ];
  return `frontend ${name}\n${indent(lines)}`;
}

function backend({ siteLabel }: CentralHost, { name, url, tells, onlyWhile }: Destination): string {
  const host = bareHost(url);
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : url.port;
  // In double quotes HAProxy takes $NAME for a variable of its environment, and %[...] for one of its own.
  const fixed = `${url.pathname}${url.search}`.replaceAll("%", "%%").replaceAll("$", String.raw`\$`);
  const target =
    tells === "label"
      ? `${fixed}${url.search === "" ? "?" : "&"}extra_label=${siteLabel}=%[var(txn.site)]`
      : fixed;
  const lines = [
    ...(onlyWhile === undefined
      ? []
      : [
          `http-request return ${status503("store-down", "The store behind does not run. Send it again.")} if { nbsrv(${name}_store) eq 0 }`,
        ]),
    `http-request set-pathq "${target}"`,
    `http-request set-header Host ${url.host}`,
    ...(tells === "tenant" ? ['http-request set-header X-Scope-OrgID "%[var(txn.site)]"'] : []),
    "# A store that answers like this is set up wrongly, or leads elsewhere; a push is never to blame.",
    'http-response return status 503 content-type text/plain hdr Retry-After 10 hdr X-Sitepass-Gate store-refuses lf-string "The store answered %[status], so it is not set up for this push.\\n" if { status 300:399 401 403 404 405 }',
    // So that `sitepass verify` knows that it was the store that answered.
    "http-response set-header X-Sitepass-Gate handed-on",
    "http-response sc-inc-gpc0(1) if { status 200:299 }",
    "http-response sc-inc-gpc1(1) if { status 400:499 } !{ status 429 }",
    "http-response set-log-level silent if { status 200:299 }",
    `server store ${url.hostname}:${port} maxconn 500 check inter 5s fall 3 rise 1${lookUp(host)}${secure ? ` ssl verify required ca-file @system-ca no-check-ssl sni str(${host}) verifyhost ${host}` : ""}`,
  ];
  return [
    `backend ${name}\n${indent(lines)}`,
    ...(onlyWhile === undefined ? [] : [watched(name, onlyWhile)]),
  ].join("\n\n");
}

const status503 = (reason: string, text: string): string =>
  `status 503 content-type text/plain hdr Retry-After 10 hdr X-Sitepass-Gate ${reason} string "${text}\\n"`;

const issuerOf = (team: string): string => `https://${team}.cloudflareaccess.com`;

/** A store that gets nothing from the gate itself, and is looked at. */
function watched(name: string, url: URL): string {
  return `backend ${name}_store\n${indent([
    `option httpchk GET ${url.pathname}`,
    `server store ${url.hostname}:${url.port} check inter 5s fall 3 rise 1${lookUp(bareHost(url))}`,
  ])}`;
}

/** Without the brackets of an IPv6 address. */
const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

const indent = (lines: readonly string[]): string =>
  lines.map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
