import type { AttachedPolicy } from "../../cloudflare/access-applications";
import type { AccessRule, AccountPolicy } from "../../cloudflare/access-policies";

/** A policy of an application, with its rules wherever they were found. */
export interface RuledPolicy extends AccountPolicy {
  /** False for a policy that belongs to its application alone, and goes when it is taken off. */
  readonly reusable: boolean;
}

/** Fills in from the list of reusable policies what an application's own answer leaves out. */
export function ruledPolicy(attached: AttachedPolicy, policies: readonly AccountPolicy[]): RuledPolicy {
  const listed = policies.find(({ id }) => id === attached.id);
  return {
    id: attached.id,
    name: attached.name,
    decision: attached.decision,
    reusable: attached.reusable ?? listed !== undefined,
    include: attached.include ?? listed?.include ?? [],
    exclude: attached.exclude ?? listed?.exclude ?? [],
    require: attached.require ?? listed?.require ?? [],
  };
}

/** The ID of the service token that a rule names; undefined for other rules. */
export function tokenIdIn(rule: AccessRule): string | undefined {
  const named = rule.service_token;
  const id: unknown =
    typeof named === "object" && named !== null ? Reflect.get(named, "token_id") : undefined;
  return typeof id === "string" ? id : undefined;
}

/** IDs of the service tokens that a policy names. */
export function tokenIdsIn({ include }: Pick<AccountPolicy, "include">): readonly string[] {
  return include.flatMap((rule) => tokenIdIn(rule) ?? []);
}

/** Whether a rule lets in any service token of the account. */
export const isAnyToken = (rule: AccessRule): boolean => "any_valid_service_token" in rule;

/** Whether a rule may let in tokens that it does not name: any of the account's, or those of an Access group. */
export const isOpaque = (rule: AccessRule): boolean => isAnyToken(rule) || "group" in rule;

/** Names of a rule's selectors, such as `ip` or `email_domain`. */
export const selectorsIn = (rules: readonly AccessRule[]): readonly string[] => [
  ...new Set(rules.flatMap((rule) => Object.keys(rule))),
];
