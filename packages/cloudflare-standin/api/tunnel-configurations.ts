import type { ConfigurationGetResponse } from "cloudflare/resources/zero-trust/tunnels/cloudflared/configurations";
import { RE2JS } from "re2js";
import { z } from "zod";
import { apiError, type Answered } from "./envelope";
import { noInput, route, type Route } from "./route";
import { tunnelConfig, type IngressRule, type OriginRequest, type Tunnel, type TunnelConfig } from "./rows";
import { liveTunnel } from "./tunnels";

/** `source` is not in the SDK's parameters, but the provider repeats it from an answer (TF:zero_trust_tunnel_cloudflared_config/model.go). */
const updateBody = z.strictObject({
  config: tunnelConfig,
  source: z.literal("cloudflare").exactOptional(),
});

const path = "/accounts/:account/cfd_tunnel/:id/configurations";

/**
 * A tunnel's remote configuration: a PUT replaces the whole document and raises the version, and there is no DELETE
 * (cloudflare 7.3.0 configurations.d.ts; TF:zero_trust_tunnel_cloudflared_config/resource.go). Cloudflare may accept what
 * cloudflared then refuses (CFD:orchestration/orchestrator.go UpdateConfig); the stand-in refuses it at once, with
 * cloudflared's checks. Its code, and that a tunnel with `config_src: local`, which would never read the document, refuses
 * the PUT, are gaps.
 */
export const tunnelConfigurationRoutes: readonly Route[] = [
  route("GET", path, "Cloudflare Tunnel Read", noInput, ({ database, id }) => ({
    result: shown(liveTunnel(database, id), database.accountId),
  })),
  route("PUT", path, "Cloudflare Tunnel Write", { ...noInput, body: updateBody }, ({ body, ...call }) => {
    const { database, now, id } = call;
    const { config } = body;
    const tunnel = liveTunnel(database, id);
    const problems =
      tunnel.config_src === "local"
        ? ["this tunnel is configured locally (config_src is local)"]
        : configurationProblems(config);
    if (problems.length > 0) {
      throw apiError(400, 1056, problems.join("; "));
    }
    const version = tunnel.configuration.version + 1;
    tunnel.configuration = { version, created_at: now().toISOString(), config };
    return { result: shown(tunnel, database.accountId) };
  }),
];

/** The SDK's answer, whose rules all have a `hostname`, which a catch-all does not. */
type ConfigurationAnswer = Answered<Omit<ConfigurationGetResponse, "config">> &
  Pick<Tunnel["configuration"], "config">;

/** Before the first PUT: version 0 and a null document [gap]. */
function shown({ id, config_src, configuration }: Tunnel, account_id: string): ConfigurationAnswer {
  return { account_id, tunnel_id: id, source: config_src, ...configuration };
}

/**
 * What is wrong with a configuration, in the order in which cloudflared would find it; empty when nothing is. The checks
 * are those of CFD:ingress/ingress.go, rule.go and config.go (partly seen in a running cloudflared 2026.8.2); quoted
 * sentences are cloudflared's, the rest are the stand-in's own.
 */
export function configurationProblems({ ingress = [], originRequest }: TunnelConfig): string[] {
  if (ingress.length === 0) {
    return ["The config file doesn't contain any ingress rules"];
  }
  const last = ingress.length - 1;
  return [
    ...originRequestProblems(originRequest, "originRequest"),
    ...ingress.flatMap((rule, index) => [
      ...ruleProblems(rule, `ingress[${index}]`),
      ...catchAllProblems(rule, index, last),
      ...originRequestProblems(rule.originRequest, `ingress[${index}].originRequest`),
    ]),
  ];
}

function catchAllProblems({ hostname = "", path = "" }: IngressRule, index: number, last: number): string[] {
  const isCatchAll = ["", "*"].includes(hostname) && path === "";
  if (index === last && !isCatchAll) {
    return ["The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"];
  }
  if (index !== last && isCatchAll) {
    return [`ingress[${index}] matches all URLs, so the rules after it are never reached`];
  }
  return [];
}

function ruleProblems({ hostname = "", path = "", service }: IngressRule, where: string): string[] {
  const problems: string[] = [];
  if (hostname.includes(":")) {
    problems.push(`${where}: Hostname cannot contain a port`);
  }
  if (
    hostname.lastIndexOf("*") > 0 ||
    (hostname.startsWith("*") && hostname !== "*" && !hostname.startsWith("*."))
  ) {
    problems.push(
      `${where}: Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. "*.example.com"`,
    );
  }
  if (!isRe2(path)) {
    problems.push(`${where}.path: not a regular expression of Go (RE2): ${path}`);
  }
  const problem = serviceProblem(service);
  return problem === undefined ? problems : [...problems, `${where}.service: ${problem}`];
}

/** Whether Go would compile the pattern. */
function isRe2(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

/** Schemes that cloudflared proxies to, with a host and no path. */
const schemes = new Set(["http:", "https:", "ws:", "wss:", "tcp:", "ssh:", "rdp:", "smb:"]);

function serviceProblem(service: string): string | undefined {
  const [, status] = /^http_status:(.*)$/.exec(service) ?? [];
  if (status !== undefined) {
    return /^[1-9]\d\d$/.test(status) ? undefined : `not an HTTP status: ${status}`;
  }
  if (/^unix(?:\+tls)?:.+/.test(service) || ["hello_world", "hello-world", "bastion"].includes(service)) {
    return undefined;
  }
  if (!URL.canParse(service)) {
    return `not a URL: ${service}`;
  }
  const { protocol, pathname, search } = new URL(service);
  if (!schemes.has(protocol)) {
    return `unknown scheme ${protocol}`;
  }
  // A lone slash counts as a path too, and URL adds one to every http URL: look at the text.
  if (/^[a-z]+:\/\/[^/]*\//.test(service) || search !== "" || (pathname !== "" && pathname !== "/")) {
    return "ingress rules don't support proxying to a different path on the origin service";
  }
  return undefined;
}

/** An `audTag` needs a team name; `required` with neither is accepted and checks nothing of use (CFD:ingress/ingress.go). */
function originRequestProblems(settings: OriginRequest | undefined, where: string): string[] {
  const { teamName = "", audTag = [] } = settings?.access ?? {};
  return teamName === "" && audTag.length > 0 ? [`${where}.access: access.TeamName cannot be blank`] : [];
}
