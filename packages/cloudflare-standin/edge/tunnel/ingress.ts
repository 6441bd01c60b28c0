import { RE2JS } from "re2js";
import { configurationProblems } from "../../api/tunnel-configurations";
import type { IngressRule, TunnelConfig, Tunnel } from "../../api/rows";
import { AssertionCheck } from "./assertion-check";

/** An ingress rule that cloudflared has taken in. */
export interface Rule {
  matches(host: string, path: Uint8Array): boolean;
  readonly service: string;
  readonly hostHeader: string | undefined;
  /** Undefined: anything may pass. */
  readonly check: AssertionCheck | undefined;
}

/** What a connector without rules does: 503 (CFD:ingress/ingress.go GetDefaultIngressRules). */
const withoutRules: Rule = {
  matches: () => true,
  service: "http_status:503",
  hostHeader: undefined,
  check: undefined,
};

/**
 * Takes a configuration in as cloudflared does (CFD:ingress/ingress.go validateIngress). Of `originRequest` at the top level
 * the rules inherit `httpHostHeader`; `access` there installs no check (CFD:ingress/ingress.go, and seen with cloudflared
 * 2026.8.2). Of the rest nothing is imitated. Throws when cloudflared would refuse the document.
 */
export function compileIngress(config: TunnelConfig): readonly Rule[] {
  const { ingress = [], originRequest } = config;
  if (ingress.length === 0) {
    return [withoutRules];
  }
  const problems = configurationProblems({ ...config, ingress });
  if (problems.length > 0) {
    throw new Error(problems.join("; "));
  }
  return ingress.map((rule) => compileRule(rule, originRequest?.httpHostHeader));
}

function compileRule(
  { hostname = "", path = "", service, originRequest = {} }: IngressRule,
  inherited: string | undefined,
): Rule {
  const pattern = path === "" ? undefined : RE2JS.compile(path);
  const { access, httpHostHeader = inherited } = originRequest;
  return {
    matches: (host, bytes) => hostMatches(hostname, host) && (pattern === undefined || pattern.test(bytes)),
    service,
    hostHeader: httpHostHeader === "" ? undefined : httpHostHeader,
    check: access?.required === true ? new AssertionCheck(access.teamName, access.audTag) : undefined,
  };
}

/** In full, or by suffix after a leading `*.`, over any number of labels (CFD:ingress/ingress.go matchHost). */
function hostMatches(pattern: string, host: string): boolean {
  return (
    pattern === "" ||
    pattern === "*" ||
    pattern === host ||
    (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)))
  );
}

/** The first rule that matches; the last matches everything (CFD:ingress/ingress.go FindMatchingRule). */
export function findRule(rules: readonly Rule[], host: string, path: Uint8Array): Rule {
  return rules.find((rule) => rule.matches(host, path)) ?? withoutRules;
}

/** What a connector runs with. */
interface AppliedIngress {
  /** As `GET .../connections` shows it: behind the tunnel's own version when that one was refused. */
  readonly version: number;
  readonly rules: readonly Rule[];
}

/**
 * Follows a tunnel's configuration: the function returns what applies when it is called. A newer configuration is taken over
 * whole, or not at all when it does not parse: then the old one stays (CFD:orchestration/orchestrator.go UpdateConfig).
 * Cloudflare pushes it; here the connector looks when it is asked for anything, so that it is never seen with an old one; of
 * several versions since then only the last counts.
 */
export function followIngress(tunnel: Tunnel): () => AppliedIngress {
  let applied: AppliedIngress = { version: 0, rules: compileIngress({}) };
  let lastSeen = 0;
  const current = (): AppliedIngress => {
    const { version, config } = tunnel.configuration;
    if (version !== lastSeen && config !== null) {
      lastSeen = version;
      try {
        applied = { version, rules: compileIngress(config) };
      } catch {
        // cloudflared logs it and keeps what it has.
      }
    }
    return applied;
  };
  current();
  return current;
}
