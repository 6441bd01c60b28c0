import { z } from "zod";
import type { CloudflareApi } from "./client";

/**
 * An address that nobody has (RFC 5737, TEST-NET-1): a policy that lets it in lets nobody in. With its prefix length, as
 * the provider wants addresses written (docs/facts/provider.md, P39).
 */
export const addressOfNobody = "192.0.2.1/32";

/** One rule of a policy: an object with one selector, such as `{ service_token: { token_id } }`. */
export type AccessRule = Readonly<Record<string, unknown>>;

/** What the API token needs for it, as the dashboard names it; applications need the same. */
export const readPolicies = "Access: Apps and Policies, Read";

/** Rules in an answer; none where there is no such list. A selector that is there and null selects nothing. */
export const rulesSchema = z
  .array(
    z
      .record(z.string(), z.unknown())
      .transform((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== null))),
  )
  .nullish();

const policySchema = z
  .object({
    id: z.string(),
    name: z.string().catch(""),
    decision: z.string().catch(""),
    include: rulesSchema,
    exclude: rulesSchema,
    require: rulesSchema,
  })
  .transform((found) => ({
    id: found.id,
    name: found.name,
    /** `non_identity` is the dashboard's "Service Auth"; the others are `allow`, `deny` and `bypass`. */
    decision: found.decision,
    include: rulesOf(found.include),
    exclude: rulesOf(found.exclude),
    require: rulesOf(found.require),
  }));

const rulesOf = (found: z.infer<typeof rulesSchema>): readonly AccessRule[] => found ?? [];

/** A reusable Access policy of an account. */
export type AccountPolicy = Readonly<z.infer<typeof policySchema>>;

/** Lists every reusable policy of an account; those that belong to one application alone are not among them. */
export function listPolicies(api: CloudflareApi, accountId: string) {
  return api.list(
    { doing: `list the Access policies of account ${accountId}`, what: "the account's Access policies" },
    policySchema,
    (page) => api.client.zeroTrust.access.policies.list({ account_id: accountId, ...page }),
  );
}
