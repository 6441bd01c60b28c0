import { z } from "zod";
import { defineKind } from "../resource-kind";

const alertType = z.enum(["expiring_service_token_alert", "tunnel_health_event"]);

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  description: z.string(),
  enabled: z.boolean(),
  alertType,
  mechanisms: z.strictObject({ emails: z.array(z.strictObject({ id: z.string() })) }),
  filters: z.strictObject({ tunnelIds: z.array(z.string()) }).optional(),
});

const existing = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  enabled: z.boolean(),
  alert_type: alertType,
  mechanisms: z.looseObject({ email: z.array(z.looseObject({ id: z.string() })).optional() }),
  filters: z.looseObject({ tunnel_id: z.array(z.string()).optional() }).nullish(),
});

/** terraform-provider-cloudflare v5, internal/services/notification_policy/resource.go */
export const notificationPolicy = defineKind({
  type: "cloudflare:index/notificationPolicy:NotificationPolicy",
  permission: "Notifications Edit",
  replaceOn: ["accountId"],
  inputs,
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "<account_id>/<policy_id>",
  create: (client, policy) => client.alerting.policies.create(body(policy)),
  update: (client, id, policy) => client.alerting.policies.update(id, body(policy)),
  get: (client, id, account_id) => client.alerting.policies.get(id, { account_id }),
  delete: (client, id, account_id) => client.alerting.policies.delete(id, { account_id }),
  inputsOf: (answer, accountId) => {
    const policy = existing.parse(answer);
    const tunnelIds = policy.filters?.tunnel_id;
    return {
      accountId,
      name: policy.name,
      description: policy.description ?? "",
      enabled: policy.enabled,
      alertType: policy.alert_type,
      mechanisms: { emails: (policy.mechanisms.email ?? []).map(({ id }) => ({ id })) },
      filters: tunnelIds === undefined ? undefined : { tunnelIds },
    };
  },
});

function body({ accountId, alertType, mechanisms, filters, ...same }: z.infer<typeof inputs>) {
  return {
    account_id: accountId,
    ...same,
    alert_type: alertType,
    mechanisms: { email: mechanisms.emails },
    ...(filters === undefined ? {} : { filters: { tunnel_id: filters.tunnelIds } }),
  };
}
