import { BlockList, isIP } from "node:net";
import type { AccessPolicy, Rule, ServiceToken } from "../api/rows";

/** What rules are compared with: a machine has an address and perhaps a token, and no identity. */
export interface Machine {
  readonly token: ServiceToken | undefined;
  readonly address: string;
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
