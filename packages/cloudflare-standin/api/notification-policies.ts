import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Database } from "./database";
import { notificationPolicyNotFound } from "./errors";
import { noBody, noQuery, route, type Route } from "./route";
import type { NotificationPolicy } from "./rows";

/** The alert types that matter here (TF:notification_policy/schema.go); the many others are refused as not imitated. */
const alertTypes = ["expiring_service_token_alert", "tunnel_health_event", "tunnel_update_event"] as const;

const textList = z.array(z.string()).exactOptional();
const targets = z.array(z.strictObject({ id: z.string() })).exactOptional();

/** Bodies by cloudflare 7.3.0 resources/alerting/policies.d.ts, with the filters that fit the alert types above. */
const name = z.string().min(1);
const alertType = z.enum(alertTypes);
const mechanisms = z
  .strictObject({
    email: z.array(z.strictObject({ id: z.email() })).exactOptional(),
    pagerduty: targets,
    webhooks: targets,
  })
  .refine((lists) => Object.values(lists).some((list) => list.length > 0), {
    error: "at least one mechanism is required",
  });
const filters = z.strictObject({
  token_id: textList,
  tunnel_id: textList,
  tunnel_name: textList,
  new_status: textList,
  event_type: textList,
});
const createBody = z.strictObject({
  name,
  alert_type: alertType,
  enabled: z.boolean(),
  mechanisms,
  description: z.string().default(""),
  alert_interval: z.string().default(""),
  filters: filters.default({}),
});
const updateBody = z.strictObject({
  name: name.exactOptional(),
  alert_type: alertType.exactOptional(),
  enabled: z.boolean().exactOptional(),
  mechanisms: mechanisms.exactOptional(),
  description: z.string().exactOptional(),
  alert_interval: z.string().exactOptional(),
  filters: filters.exactOptional(),
});

const collection = "/accounts/:account/alerting/v3/policies";
const item = `${collection}/:id`;
const read = "Notifications Read";
const write = "Notifications Write";

/** Notification policies (facts/cloudflare.md §1 "Expiry alert"). Create and update answer the ID alone (alerting/policies.d.ts). */
export const notificationPolicyRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: write,
    query: noQuery,
    body: createBody,
    handle: ({ database, now, body }) => {
      const created = now().toISOString();
      const policy = { id: randomBytes(16).toString("hex"), ...body, created, modified: created };
      database.notificationPolicies.set(policy.id, policy);
      return { result: { id: policy.id } };
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: read,
    query: noQuery,
    body: noBody,
    // Not paged: the SDK reads it as a single page.
    handle: ({ database }) => ({ result: [...database.notificationPolicies.values()] }),
  }),
  route({
    method: "GET",
    path: item,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: find(database, id) }),
  }),
  route({
    method: "PUT",
    path: item,
    permission: write,
    query: noQuery,
    body: updateBody,
    handle: ({ database, now, id, body }) => {
      database.notificationPolicies.set(id, {
        ...find(database, id),
        ...body,
        modified: now().toISOString(),
      });
      return { result: { id } };
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: write,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => {
      find(database, id);
      database.notificationPolicies.delete(id);
      return { result: null };
    },
  }),
];

function find(database: Database, id: string): NotificationPolicy {
  const policy = database.notificationPolicies.get(id);
  if (policy === undefined) {
    throw notificationPolicyNotFound();
  }
  return policy;
}
