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
  filters: z.strictObject({ tunnelIds: z.array(z.string()).optional() }).optional(),
  alertInterval: z.string().optional(),
});

const existing = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  enabled: z.boolean(),
  alert_type: alertType,
  mechanisms: z.looseObject({ email: z.array(z.looseObject({ id: z.string() })).optional() }),
  filters: z.looseObject({ tunnel_id: z.array(z.string()).optional() }).nullish(),
  alert_interval: z.string().nullish(),
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
  // Optional and not computed (schema.go).
  filledIn: ["filters", "alertInterval"],
  inputsOf: (answer, accountId) => {
    const policy = existing.parse(answer);
    const { filters } = policy;
    return {
      accountId,
      name: policy.name,
      description: policy.description ?? "",
      enabled: policy.enabled,
      alertType: policy.alert_type,
      mechanisms: { emails: (policy.mechanisms.email ?? []).map(({ id }) => ({ id })) },
      filters: filters ? { tunnelIds: filters.tunnel_id } : undefined,
      alertInterval: policy.alert_interval ?? undefined,
    };
  },
});

function body({ accountId, alertType, mechanisms, filters, alertInterval, ...same }: z.infer<typeof inputs>) {
  return {
    account_id: accountId,
    ...same,
    alert_type: alertType,
    mechanisms: { email: mechanisms.emails },
    ...(filters === undefined
      ? {}
      : { filters: filters.tunnelIds === undefined ? {} : { tunnel_id: filters.tunnelIds } }),
    ...(alertInterval === undefined ? {} : { alert_interval: alertInterval }),
  };
}
