import { z } from "zod";
import { defineKind } from "../resource-kind";

const decision = z.enum(["allow", "deny", "non_identity", "bypass"]);
const everyone = z.strictObject({ everyone: z.strictObject({}) });
const address = z.strictObject({ ip: z.strictObject({ ip: z.string() }) });

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  decision,
  includes: z.array(
    z.union([z.strictObject({ serviceToken: z.strictObject({ tokenId: z.string() }) }), everyone, address]),
  ),
  sessionDuration: z.string().optional(),
});

const existing = z.looseObject({
  name: z.string(),
  decision,
  include: z.array(
    z.union([z.strictObject({ service_token: z.strictObject({ token_id: z.string() }) }), everyone, address]),
  ),
  session_duration: z.string().optional(),
});

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_policy/resource.go */
export const accessPolicy = defineKind({
  type: "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
  permission: "Access: Apps and Policies Edit",
  replaceOn: ["accountId"],
  inputs,
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "<account_id>/<policy_id>",
  create: (client, policy) => client.zeroTrust.access.policies.create(body(policy)),
  update: (client, id, policy) => client.zeroTrust.access.policies.update(id, body(policy)),
  get: (client, id, account_id) => client.zeroTrust.access.policies.get(id, { account_id }),
  delete: (client, id, account_id) => client.zeroTrust.access.policies.delete(id, { account_id }),
  inputsOf: (answer, accountId) => {
    const policy = existing.parse(answer);
    return {
      accountId,
      name: policy.name,
      decision: policy.decision,
      includes: policy.include.map((rule) =>
        "service_token" in rule ? { serviceToken: { tokenId: rule.service_token.token_id } } : rule,
      ),
      sessionDuration: policy.session_duration,
    };
  },
});

function body({ accountId, name, decision, includes, sessionDuration }: z.infer<typeof inputs>) {
  return {
    account_id: accountId,
    name,
    decision,
    include: includes.map((rule) =>
      "serviceToken" in rule ? { service_token: { token_id: rule.serviceToken.tokenId } } : rule,
    ),
    ...(sessionDuration === undefined ? {} : { session_duration: sessionDuration }),
  };
}
