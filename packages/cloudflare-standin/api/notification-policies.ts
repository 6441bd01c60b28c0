import { randomBytes } from "node:crypto";
import type { Policy, PolicyCreateResponse } from "cloudflare/resources/alerting/policies";
import { z } from "zod";
import type { Database } from "./database";
import { apiError, refuse } from "./envelope";
import { noInput, route, type Route } from "./route";
import { notificationPolicyRow, type NotificationPolicy } from "./rows";

/** Bodies by cloudflare 7.3.0 resources/alerting/policies.d.ts. */
const fields = notificationPolicyRow.omit({ id: true, created: true, modified: true }).extend({
  name: z.string().min(1),
  mechanisms: notificationPolicyRow.shape.mechanisms
    .extend({ email: z.array(z.strictObject({ id: z.email() })).exactOptional() })
    .refine((lists) => Object.values(lists).some((list) => list.length > 0), {
      error: "at least one mechanism is required",
    }),
});
const updateBody = fields.exactPartial();

const collection = "/accounts/:account/alerting/v3/policies";
const item = `${collection}/:id`;
const read = "Notifications Read";
const write = "Notifications Write";

/**
 * Notification policies. Create and update are answered with the ID alone (cloudflare 7.3.0 alerting/policies.d.ts), and a read
 * gives back what was sent and no defaults: with them, the provider's own tests would find a change after each creation
 * (TF:notification_policy/resource_test.go).
 */
export const notificationPolicyRoutes: readonly Route[] = [
  route("POST", collection, write, { ...noInput, body: fields }, ({ database, now, body }) => {
    const created = now().toISOString();
    const result: Required<PolicyCreateResponse> = { id: randomBytes(16).toString("hex") };
    database.notificationPolicies.set(result.id, { ...result, ...body, created, modified: created });
    return { result };
  }),
  // Not paged: the SDK reads it as a single page.
  route("GET", collection, read, noInput, ({ database }) => ({
    result: [...database.notificationPolicies.values()].map(shown),
  })),
  route("GET", item, read, noInput, ({ database, id }) => ({ result: shown(find(database, id)) })),
  route("PUT", item, write, { ...noInput, body: updateBody }, ({ database, now, id, body }) => {
    const policy = { ...find(database, id), ...body, modified: now().toISOString() };
    database.notificationPolicies.set(id, policy);
    return { result: { id } };
  }),
  route("DELETE", item, write, noInput, ({ database, id }) => {
    find(database, id);
    database.notificationPolicies.delete(id);
    return { result: null };
  }),
];

function shown(policy: NotificationPolicy): Policy {
  return policy;
}

function find(database: Database, id: string): NotificationPolicy {
  // Code and text are a gap.
  return database.notificationPolicies.get(id) ?? refuse(apiError(404, 17000, "policy not found"));
}
