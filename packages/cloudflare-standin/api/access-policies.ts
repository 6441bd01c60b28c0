import { randomUUID } from "node:crypto";
import { z } from "zod";
import { parseGoDuration } from "../../../fleet/duration";
import { checkedRules } from "./access-rules";
import type { Database } from "./database";
import { pageOf, pagination } from "./envelope";
import { accessNotFound, accessQuota, invalidRequest, policyInUse } from "./errors";
import type { Limits } from "./limits";
import { noBody, noQuery, route, type Route } from "./route";
import { decisions, type AccessPolicy } from "./rows";

/**
 * The body of create and update (cloudflare 7.3.0 resources/zero-trust/access/policies.d.ts). `include` is required, as in
 * the SDK and the OpenAPI document, and must not be empty: such a policy admits nobody, so it is a mistake worth a stop.
 * That Cloudflare refuses an empty one is a gap; the provider leaves the field out then (TF:zero_trust_access_policy/model.go).
 * Fields of the SDK that are missing here (approval_groups, connection_rules, mfa_config) are not imitated.
 */
const policyBody = z.strictObject({
  name: z.string().min(1).max(350),
  decision: z.string(),
  include: z.array(z.unknown()).exactOptional(),
  exclude: z.array(z.unknown()).default([]),
  require: z.array(z.unknown()).default([]),
  session_duration: z.string().default("24h"),
  approval_required: z.boolean().default(false),
  isolation_required: z.boolean().default(false),
  purpose_justification_required: z.boolean().default(false),
  purpose_justification_prompt: z.string().exactOptional(),
});

const collection = "/accounts/:account/access/policies";
const item = `${collection}/:id`;
const read = "Access: Apps and Policies Read";
const write = "Access: Apps and Policies Write";

/** Reusable Access policies (facts/cloudflare.md §4); inline ones of an application are not imitated. */
export const accessPolicyRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: write,
    query: noQuery,
    body: policyBody,
    handle: ({ database, limits, now, body }) => {
      if (database.policies.size >= limits.policies) {
        throw accessQuota("reusable policies");
      }
      const created_at = now().toISOString();
      const policy = { id: randomUUID(), ...checked(body, database), created_at, updated_at: created_at };
      database.policies.set(policy.id, policy);
      return { status: 201, result: { ...shownPolicy(policy), app_count: 0 } };
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: read,
    query: z.strictObject(pagination),
    body: noBody,
    handle: ({ database, query }) => {
      const counts = applicationCounts(database);
      return pageOf([...database.policies.values()], query, (policy) => ({
        ...shownPolicy(policy),
        app_count: counts.get(policy.id) ?? 0,
      }));
    },
  }),
  route({
    method: "GET",
    path: item,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: withCount(find(database, id), database) }),
  }),
  route({
    method: "PUT",
    path: item,
    permission: write,
    query: noQuery,
    body: policyBody,
    handle: ({ database, limits, now, id, body }) => {
      const { created_at } = find(database, id);
      const policy = { id, ...checked(body, database), created_at, updated_at: now().toISOString() };
      checkApplicationsOf(policy, database, limits);
      database.policies.set(id, policy);
      return { result: withCount(policy, database) };
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: write,
    query: noQuery,
    body: noBody,
    // Removed from all applications first, says policy-management.mdx.
    handle: ({ database, id }) => {
      find(database, id);
      const count = applicationCounts(database).get(id) ?? 0;
      if (count > 0) {
        throw policyInUse(count);
      }
      database.policies.delete(id);
      return { status: 202, result: { id } };
    },
  }),
];

/** A policy as answers show it, on its own and inside an application. */
export function shownPolicy(policy: AccessPolicy): object {
  return { ...policy, reusable: true };
}

/** How many rules count against an application that has these policies. */
export function ruleCount(policies: readonly (AccessPolicy | undefined)[]): number {
  return policies.reduce(
    (sum, policy) =>
      sum +
      (policy === undefined ? 0 : policy.include.length + policy.exclude.length + policy.require.length),
    0,
  );
}

function checked(
  body: z.output<typeof policyBody>,
  database: Database,
): Omit<AccessPolicy, "id" | "created_at" | "updated_at"> {
  const decision = decisions.find((known) => known === body.decision);
  if (decision === undefined) {
    throw invalidRequest(`unrecognized decision '${body.decision}'`);
  }
  if (parseGoDuration(body.session_duration) === undefined) {
    throw invalidRequest(`invalid session_duration '${body.session_duration}'`);
  }
  if (body.include === undefined || body.include.length === 0) {
    throw invalidRequest("invalid 'include' configuration: at least one rule is required");
  }
  return {
    ...body,
    decision,
    include: checkedRules("include", body.include, database),
    exclude: checkedRules("exclude", body.exclude, database),
    require: checkedRules("require", body.require, database),
  };
}

/** A policy that grows must not push an application it is attached to over its limit of rules (account-limits page; the refusal is a gap). */
function checkApplicationsOf(policy: AccessPolicy, database: Database, limits: Limits): void {
  for (const application of database.applications.values()) {
    if (application.policies.some(({ id }) => id === policy.id)) {
      const attached = application.policies.map(({ id }) =>
        id === policy.id ? policy : database.policies.get(id),
      );
      if (ruleCount(attached) > limits.rulesPerApplication) {
        throw accessQuota("rules per application");
      }
    }
  }
}

function withCount(policy: AccessPolicy, database: Database): object {
  return { ...shownPolicy(policy), app_count: applicationCounts(database).get(policy.id) ?? 0 };
}

function applicationCounts(database: Database): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { policies } of database.applications.values()) {
    for (const { id } of policies) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

function find(database: Database, id: string): AccessPolicy {
  const policy = database.policies.get(id);
  if (policy === undefined) {
    throw accessNotFound("policy");
  }
  return policy;
}
