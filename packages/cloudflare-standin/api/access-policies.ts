import { randomUUID } from "node:crypto";
import type { PolicyGetResponse } from "cloudflare/resources/zero-trust/access/policies";
import { z } from "zod";
import { goDurationMilliseconds } from "../go-duration";
import type { Database } from "./database";
import { accessNotFound, accessQuota, invalidRequest, pageOf, pagination, refuse } from "./envelope";
import { noInput, route, type Backend, type Route } from "./route";
import { accessPolicyRow, ruleRow, type AccessPolicy, type Rule } from "./rows";

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

/** Reusable Access policies (D:docs/cloudflare-one/access-controls/policies/policy-management.mdx); inline ones of an application are not imitated. */
export const accessPolicyRoutes: readonly Route[] = [
  route("POST", collection, write, { ...noInput, body: policyBody }, ({ database, limits, now, body }) => {
    if (database.policies.size >= limits.policies) {
      throw accessQuota("reusable policies");
    }
    const created_at = now().toISOString();
    const policy = { id: randomUUID(), ...checked(body, database), created_at, updated_at: created_at };
    database.policies.set(policy.id, policy);
    return { status: 201, result: withCount(policy, 0) };
  }),
  route("GET", collection, read, { ...noInput, query: z.strictObject(pagination) }, ({ database, query }) => {
    const counts = applicationCounts(database);
    return pageOf([...database.policies.values()], query, (policy) =>
      withCount(policy, counts.get(policy.id)),
    );
  }),
  route("GET", item, read, noInput, ({ database, id }) => ({
    result: withCount(find(database, id), applicationCounts(database).get(id)),
  })),
  route("PUT", item, write, { ...noInput, body: policyBody }, ({ id, body, ...backend }) => {
    const { database, now } = backend;
    const { created_at } = find(database, id);
    const policy = { id, ...checked(body, database), created_at, updated_at: now().toISOString() };
    checkApplicationsOf(policy, backend);
    database.policies.set(id, policy);
    return { result: withCount(policy, applicationCounts(database).get(id)) };
  }),
  route("DELETE", item, write, noInput, ({ database, id }) => {
    find(database, id);
    const count = applicationCounts(database).get(id) ?? 0;
    if (count > 0) {
      // "Removed from all applications first" (policy-management.mdx); status, code and text are a gap.
      throw invalidRequest(`cannot delete policy because it is used by ${count} application(s)`);
    }
    database.policies.delete(id);
    return { status: 202, result: { id } };
  }),
];

/** A policy as answers show it inside an application. */
export function shownPolicy(policy: AccessPolicy): PolicyGetResponse {
  return { ...policy, reusable: true };
}

function withCount(policy: AccessPolicy, app_count = 0): PolicyGetResponse {
  return { ...shownPolicy(policy), app_count };
}

/** How many applications each policy is attached to. */
function applicationCounts(database: Database): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of [...database.applications.values()].flatMap(({ policies }) => policies)) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** How many rules count against an application that has these policies. */
export function ruleCount(policies: readonly (AccessPolicy | undefined)[]): number {
  return policies
    .filter((policy) => policy !== undefined)
    .reduce(
      (sum, { include, exclude, require }) => sum + include.length + exclude.length + require.length,
      0,
    );
}

/** A policy that grows must not push an application it is attached to over its limit of rules (account-limits page; the refusal is a gap). */
function checkApplicationsOf(policy: AccessPolicy, { database, limits }: Backend): void {
  for (const { policies } of database.applications.values()) {
    if (policies.some(({ id }) => id === policy.id)) {
      const attached = policies.map(({ id }) => (id === policy.id ? policy : database.policies.get(id)));
      if (ruleCount(attached) > limits.rulesPerApplication) {
        throw accessQuota("rules per application");
      }
    }
  }
}

function checked(
  body: z.output<typeof policyBody>,
  database: Database,
): Omit<AccessPolicy, "id" | "created_at" | "updated_at"> {
  const decision = accessPolicyRow.shape.decision.options.find((known) => known === body.decision);
  if (decision === undefined) {
    throw invalidRequest(`unrecognized decision '${body.decision}'`);
  }
  if (goDurationMilliseconds(body.session_duration) === undefined) {
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

/**
 * Checks the rules of one list of a policy. Throws 12130 on an unknown selector, on more or less than one selector in a
 * rule (TF customvalidator ObjectSizeAtMost(1)), and on a service token whose ID does not exist, such as its name or
 * client ID (TF#2336, TF#2702: "invalid 'include' configuration"). Wordings after that sentence are the stand-in's.
 *
 * Selectors that exist and are not imitated (azureAD, okta, device_posture, ...) are refused like unknown ones.
 */
function checkedRules(list: string, rules: readonly unknown[], database: Database): Rule[] {
  return rules.map((rule, index) => {
    const refusal = `invalid '${list}' configuration`;
    const where = `${refusal}: ${list}[${index}]`;
    const selectors = typeof rule === "object" && rule !== null ? Object.keys(rule) : [];
    if (selectors.length !== 1) {
      throw invalidRequest(`${where} has ${selectors.length} selectors instead of one`);
    }
    const parsed = ruleRow.safeParse(rule);
    if (!parsed.success) {
      throw invalidRequest(`${where}: selector '${selectors.join()}' is unknown, not imitated, or malformed`);
    }
    if ("service_token" in parsed.data && !database.serviceTokens.has(parsed.data.service_token.token_id)) {
      throw invalidRequest(refusal);
    }
    return parsed.data;
  });
}

function find(database: Database, id: string): AccessPolicy {
  return database.policies.get(id) ?? refuse(accessNotFound("policy"));
}
