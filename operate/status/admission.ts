import type { Endpoint } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import type { AccountApplication, AttachedPolicy } from "../../cloudflare/access-applications";
import type { AccessRule, AccountPolicy } from "../../cloudflare/access-policies";

/** Whom the write paths of one endpoint let in. */
export type Admission =
  | { readonly kind: "known"; readonly lets: (tokenId: string) => boolean }
  /** An application is missing, or does not say. */
  | { readonly kind: "unknown"; readonly problem: string };

/** What of an application decides whom it lets in. */
export type GuardingApplication = Pick<AccountApplication, "name" | "destinations" | "policies">;

/** Whether the rules of every policy are in the list of applications, which saves the list of policies. */
export function showsRules(applications: readonly GuardingApplication[]): boolean {
  return applications.every(({ policies }) => policies.every(({ include }) => include !== undefined));
}

/** Reads from the account's applications whom each endpoint lets in. */
export function readAdmissions(
  endpoints: readonly Endpoint[],
  applications: readonly GuardingApplication[],
  reusable: readonly AccountPolicy[],
): ReadonlyMap<SignalName, Admission> {
  const rules = new Map(reusable.map((policy) => [policy.id, policy]));
  return new Map(endpoints.map((endpoint) => [endpoint.signal, admissionOf(endpoint, applications, rules)]));
}

function admissionOf(
  { hostname, paths }: Endpoint,
  applications: readonly GuardingApplication[],
  rules: ReadonlyMap<string, AccountPolicy>,
): Admission {
  const lets: ((tokenId: string) => boolean)[] = [];
  for (const path of paths) {
    const uri = hostname + path;
    const application = applications.find(({ destinations }) =>
      destinations.some((destination) => destination.replace(/\/+$/, "") === uri),
    );
    if (application === undefined) {
      return {
        kind: "unknown",
        problem: `${uri}: no Access application covers it, so no token is let in there. Run \`pulumi refresh\` and \`pulumi up\`.`,
      };
    }
    const policies = application.policies.map((policy) => withRules(policy, rules));
    if (policies.some(({ include }) => include === undefined)) {
      return {
        kind: "unknown",
        problem: `${uri}: whom the application "${application.name}" lets in cannot be read, for it shows no rules. Look at it in the dashboard.`,
      };
    }
    lets.push((tokenId) => policies.some((policy) => admits(policy, tokenId)));
  }
  return { kind: "known", lets: (tokenId) => lets.every((admit) => admit(tokenId)) };
}

type Rules = Pick<AttachedPolicy, "decision" | "include" | "exclude" | "require">;

const withRules = (policy: AttachedPolicy, rules: ReadonlyMap<string, AccountPolicy>): Rules =>
  policy.include === undefined ? (rules.get(policy.id) ?? policy) : policy;

/**
 * Whether a policy lets a token in without further condition. Include is OR, and this stack requires nothing beside it; an
 * Allow policy lets no service token in (cloudflare-docs, access-controls/policies).
 */
function admits({ decision, include = [], exclude = [], require = [] }: Rules, tokenId: string): boolean {
  if (decision === "bypass") {
    return true;
  }
  return (
    decision === "non_identity" &&
    require.length === 0 &&
    include.some((rule) => matches(rule, tokenId)) &&
    !exclude.some((rule) => matches(rule, tokenId))
  );
}

function matches(rule: AccessRule, tokenId: string): boolean {
  const { service_token: named } = rule;
  return (
    "everyone" in rule ||
    "any_valid_service_token" in rule ||
    (typeof named === "object" && named !== null && "token_id" in named && named.token_id === tokenId)
  );
}
