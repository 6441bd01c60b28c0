import { RE2JS } from "re2js";
import type { IngressRule, OriginRequest, TunnelConfig } from "./tunnel-rows";

/**
 * What is wrong with a configuration, in the order in which cloudflared would find it; empty when nothing is. The checks
 * are those of CFD:ingress/ingress.go, rule.go and config.go (facts/cloudflare.md §8, partly seen in a running
 * cloudflared); quoted sentences are cloudflared's, the rest are the stand-in's own.
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

function catchAllProblems(rule: IngressRule, index: number, last: number): string[] {
  const matchesEveryHost = rule.hostname === undefined || rule.hostname === "" || rule.hostname === "*";
  const isCatchAll = matchesEveryHost && (rule.path === undefined || rule.path === "");
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

/** Whether Go would compile the pattern. */
function isRe2(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

/** An `audTag` needs a team name; `required` with neither passes and checks nothing of use (CFD:ingress/ingress.go:229, facts/datapath.md). */
function originRequestProblems(settings: OriginRequest | undefined, where: string): string[] {
  const { teamName = "", audTag = [] } = settings?.access ?? {};
  return teamName === "" && audTag.length > 0 ? [`${where}.access: access.TeamName cannot be blank`] : [];
}
