import { z } from "zod";
import { importIdParts } from "../import-id";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  description: z.string(),
  enabled: z.boolean(),
  alertType: z.enum(["expiring_service_token_alert", "tunnel_health_event"]),
  mechanisms: z.strictObject({ emails: z.array(z.strictObject({ id: z.string() })) }),
  filters: z.strictObject({ tunnelIds: z.array(z.string()) }).optional(),
});

const answer = z.looseObject({ id: z.string() });

const imported = answer.extend({
  name: z.string(),
  description: z.string().nullish(),
  enabled: z.boolean(),
  alert_type: inputs.shape.alertType,
  mechanisms: z.looseObject({ email: z.array(z.looseObject({ id: z.string() })).optional() }),
  filters: z.looseObject({ tunnel_id: z.array(z.string()).optional() }).nullish(),
});

function body(policy: z.infer<typeof inputs>) {
  return {
    account_id: policy.accountId,
    name: policy.name,
    description: policy.description,
    enabled: policy.enabled,
    alert_type: policy.alertType,
    mechanisms: { email: policy.mechanisms.emails },
    ...(policy.filters === undefined ? {} : { filters: { tunnel_id: policy.filters.tunnelIds } }),
  };
}

/** terraform-provider-cloudflare v5, internal/services/notification_policy/resource.go */
export const notificationPolicy = defineKind({
  type: "cloudflare:index/notificationPolicy:NotificationPolicy",
  permission: "Notifications Edit",
  replaceOn: ["accountId"],
  inputs,
  async create(client, policy) {
    const { id } = answer.parse(await client.alerting.policies.create(body(policy)));
    return { id, outputs: {} };
  },
  async import(client, importId) {
    const [accountId, policyId] = importIdParts(importId, "<account_id>/<policy_id>");
    const policy = imported.parse(await client.alerting.policies.get(policyId, { account_id: accountId }));
    const tunnelIds = policy.filters?.tunnel_id;
    return {
      id: policy.id,
      inputs: {
        accountId,
        name: policy.name,
        description: policy.description ?? "",
        enabled: policy.enabled,
        alertType: policy.alert_type,
        mechanisms: { emails: (policy.mechanisms.email ?? []).map(({ id }) => ({ id })) },
        filters: tunnelIds === undefined ? undefined : { tunnelIds },
      },
      outputs: {},
    };
  },
  async update(client, id, policy) {
    await client.alerting.policies.update(id, body(policy));
    return {};
  },
  async read(client, id, { accountId }) {
    await client.alerting.policies.get(id, { account_id: accountId });
    return {};
  },
  async delete(client, id, { accountId }) {
    await client.alerting.policies.delete(id, { account_id: accountId });
  },
});
