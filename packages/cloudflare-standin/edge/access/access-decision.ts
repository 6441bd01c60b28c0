import { BlockList, isIP } from "node:net";
import type { Database } from "../../api/database";
import type { AccessApplication, AccessPolicy, Rule, ServiceToken } from "../../api/rows";

/**
 * The application that protects a URL: of those that cover it the one with the most specific destination. It inherits nothing
 * from the others (app-paths.mdx "Policy inheritance").
 *
 * @param path as {@link normalisedPath} returns it; compared with case [gap].
 */
export function applicationFor(
  { applications }: Database,
  host: string,
  path: string,
): AccessApplication | undefined {
  const covering = [...applications.values()].flatMap((application) =>
    application.destinations.flatMap(({ uri }) => {
      const specificity = specificityOf(uri, host, path);
      return specificity === undefined ? [] : [{ application, specificity }];
    }),
  );
  return covering.sort((one, other) => compare(other.specificity, one.specificity))[0]?.application;
}

/**
 * How specific a destination is; undefined when it does not cover the URL. The more specific of two is greater by the first
 * number that differs: a host name in full is more specific than a wildcard, a longer path more than a shorter one, and of
 * equally long ones the one without wildcard [gap: the docs say "the more specific rule"].
 *
 * Wildcards by app-paths.mdx: in a host name `*` stays within its label; in a path it crosses slashes. A path without a
 * wildcard at its end covers itself and what is below it, one with `/*` at its end covers only what is below.
 */
function specificityOf(uri: string, wantedHost: string, wantedPath: string): readonly number[] | undefined {
  const slash = uri.includes("/") ? uri.indexOf("/") : uri.length;
  const host = uri.slice(0, slash).toLowerCase();
  const path = uri.slice(slash).replace(/\/+$/, "");
  const hostPattern = escaped(host).replace(/^\*\./, "[^.]+\\.").replaceAll("*", "[^.]*");
  const pathPattern = escaped(path).replaceAll("*", ".*") + (path.endsWith("*") ? "" : "(?:/.*)?");
  const covers =
    new RegExp(`^${hostPattern}$`).test(wantedHost) && new RegExp(`^${pathPattern}$`).test(wantedPath);
  const pathLength = path.replaceAll("*", "").length;
  return covers
    ? [host.includes("*") ? 0 : 1, host.length, pathLength, path.includes("*") ? 0 : 1]
    : undefined;
}

/** For a regular expression; asterisks stay. */
function escaped(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&");
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, position) => value !== other[position]);
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}

/** What rules are compared with: a machine has an address and perhaps a token, and no identity. */
interface Machine {
  readonly token: ServiceToken | undefined;
  readonly address: string;
}

/** What an application's policies say of a machine. */
type AccessDecision =
  | { readonly verdict: "bypass" }
  | { readonly verdict: "serviceAuth"; readonly policy: AccessPolicy }
  | { readonly verdict: "blocked"; readonly hasServiceAuth: boolean; readonly hasAllow: boolean };

/**
 * Who does Access let in? Asks an application's policies about a machine.
 *
 * Bypass and Service Auth come first, top-down by precedence; then Allow and Block; deny by default (policies/index.mdx, order
 * of execution). Allow and Block are not evaluated: they need to know who asks, and a machine can only be sent to the login page.
 */
export function accessDecision(
  application: AccessApplication,
  database: Database,
  machine: Machine,
): AccessDecision {
  const policies = [...application.policies]
    .sort((one, other) => one.precedence - other.precedence)
    .flatMap(({ id }) => database.policies.get(id) ?? []);
  const policy = policies.find(
    (one) => ["bypass", "non_identity"].includes(one.decision) && policyMatches(one, machine),
  );
  if (policy !== undefined) {
    return policy.decision === "bypass" ? { verdict: "bypass" } : { verdict: "serviceAuth", policy };
  }
  return {
    verdict: "blocked",
    hasServiceAuth: policies.some(({ decision }) => decision === "non_identity"),
    hasAllow: policies.some(({ decision }) => decision === "allow"),
  };
}

/** Include is OR, require AND, exclude NOT (policies/index.mdx, rule types). An empty include matches nobody. */
export function policyMatches({ include, exclude, require }: AccessPolicy, machine: Machine): boolean {
  const matches = (rule: Rule): boolean => ruleMatches(rule, machine);
  return include.some(matches) && require.every(matches) && !exclude.some(matches);
}

/** Selectors about people, groups, lists, countries and certificates never match: nothing here knows them. */
function ruleMatches(rule: Rule, { token, address }: Machine): boolean {
  if ("everyone" in rule) {
    return true;
  }
  if ("any_valid_service_token" in rule) {
    return token !== undefined;
  }
  if ("service_token" in rule) {
    return token?.id === rule.service_token.token_id;
  }
  return "ip" in rule && isInNetwork(address, rule.ip.ip);
}

function isInNetwork(address: string, network: string): boolean {
  const [base = "", prefix] = network.split("/");
  const bits = { 0: undefined, 4: 32, 6: 128 }[isIP(base)];
  if (bits === undefined) {
    return false;
  }
  const family = bits === 32 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, prefix === undefined ? bits : Number(prefix), family);
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
