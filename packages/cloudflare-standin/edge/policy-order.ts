import type { Database } from "../api/database";
import type { AccessApplication, AccessPolicy } from "../api/rows";
import { policyMatches, type Machine } from "./policy-rules";

/** What an application's policies say of a machine. */
export type PolicyVerdict =
  | { readonly verdict: "bypass" }
  | { readonly verdict: "serviceAuth"; readonly policy: AccessPolicy }
  | { readonly verdict: "blocked"; readonly hasServiceAuth: boolean; readonly hasAllow: boolean };

/**
 * Bypass and Service Auth first, top-down by precedence; then Allow and Block; deny by default (policies/index.mdx, order of
 * execution). Allow and Block are not evaluated: they need to know who asks, and a machine can only be sent to the login page.
 */
export function evaluatePolicies(
  application: AccessApplication,
  database: Database,
  machine: Machine,
): PolicyVerdict {
  const policies = [...application.policies]
    .sort((one, other) => one.precedence - other.precedence)
    .flatMap(({ id }) => database.policies.get(id) ?? []);
  for (const policy of policies) {
    if (policy.decision === "bypass" && policyMatches(policy, machine)) {
      return { verdict: "bypass" };
    }
    if (policy.decision === "non_identity" && policyMatches(policy, machine)) {
      return { verdict: "serviceAuth", policy };
    }
  }
  return {
    verdict: "blocked",
    hasServiceAuth: policies.some(({ decision }) => decision === "non_identity"),
    hasAllow: policies.some(({ decision }) => decision === "allow"),
  };
}
