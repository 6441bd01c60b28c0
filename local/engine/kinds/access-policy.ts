import { z } from "zod";
import { importIdParts } from "../import-id";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  decision: z.enum(["allow", "deny", "non_identity", "bypass"]),
  includes: z.array(
    z.union([
      z.strictObject({ serviceToken: z.strictObject({ tokenId: z.string() }) }),
      z.strictObject({ everyone: z.strictObject({}) }),
    ]),
  ),
  sessionDuration: z.string().optional(),
});

const answer = z.looseObject({ id: z.string() });

const imported = answer.extend({
  name: z.string(),
  decision: z.enum(["allow", "deny", "non_identity", "bypass"]),
  include: z.array(
    z.union([
      z.strictObject({ service_token: z.strictObject({ token_id: z.string() }) }),
      z.strictObject({ everyone: z.strictObject({}) }),
    ]),
  ),
  session_duration: z.string().optional(),
});

function body(policy: z.infer<typeof inputs>) {
  return {
    account_id: policy.accountId,
    name: policy.name,
    decision: policy.decision,
    include: policy.includes.map((rule) =>
      "serviceToken" in rule
        ? { service_token: { token_id: rule.serviceToken.tokenId } }
        : { everyone: rule.everyone },
    ),
    ...(policy.sessionDuration === undefined ? {} : { session_duration: policy.sessionDuration }),
  };
}

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_policy/resource.go */
export const accessPolicy = defineKind({
  type: "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
  permission: "Access: Apps and Policies Edit",
  replaceOn: ["accountId"],
  inputs,
  async create(client, policy) {
    const { id } = answer.parse(await client.zeroTrust.access.policies.create(body(policy)));
    return { id, outputs: {} };
  },
  async import(client, importId) {
    const [accountId, policyId] = importIdParts(importId, "<account_id>/<policy_id>");
    const policy = imported.parse(
      await client.zeroTrust.access.policies.get(policyId, { account_id: accountId }),
    );
    return {
      id: policy.id,
      inputs: {
        accountId,
        name: policy.name,
        decision: policy.decision,
        includes: policy.include.map((rule) =>
          "service_token" in rule
            ? { serviceToken: { tokenId: rule.service_token.token_id } }
            : { everyone: rule.everyone },
        ),
        sessionDuration: policy.session_duration,
      },
      outputs: {},
    };
  },
  async update(client, id, policy) {
    await client.zeroTrust.access.policies.update(id, body(policy));
    return {};
  },
  async read(client, id, policy) {
    await client.zeroTrust.access.policies.get(id, { account_id: policy.accountId });
    return {};
  },
  async delete(client, id, policy) {
    await client.zeroTrust.access.policies.delete(id, { account_id: policy.accountId });
  },
});
