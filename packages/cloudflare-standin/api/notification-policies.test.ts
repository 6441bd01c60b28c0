import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { account_id, failureOf, present, refuses, send, standInFor } from "../testing/stand-in";

const path = `/accounts/${account_id}/alerting/v3/policies`;
const body = {
  name: "expiring",
  alert_type: "expiring_service_token_alert",
  enabled: true,
  mechanisms: { email: [{ id: "ops@example.com" }] },
} as const;

describe("notification policies", () => {
  it("answers create and update with the ID alone, and a read with what was sent", async (t) => {
    const { client } = await standInFor(t, { now: () => new Date("2026-01-01T00:00:00Z") });
    const { policies } = client.alerting;
    const mechanisms = { email: [{ id: "ops@example.com" }] };
    const created = await policies.create({ account_id, ...body, mechanisms, description: "d" });
    const id = present(created.id);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.deepEqual(created, { id });
    assert.deepEqual(await policies.update(id, { account_id, enabled: false }), { id });
    assert.deepEqual(await policies.get(id, { account_id }), {
      id,
      ...body,
      enabled: false,
      description: "d",
      created: "2026-01-01T00:00:00.000Z",
      modified: "2026-01-01T00:00:00.000Z",
    });
    assert.equal((await policies.list({ account_id })).result.length, 1);
    await policies.delete(id, { account_id });
    await refuses(policies.get(id, { account_id }), 404, 17000, "policy not found");
  });

  it("refuses unknown alert types, filters and mechanisms", async (t) => {
    const { api } = await standInFor(t);
    const options = '"expiring_service_token_alert"|"tunnel_health_event"|"tunnel_update_event"';
    const cases: [object, string][] = [
      [
        { alert_type: "billing_usage_alert" },
        `field "alert_type": Invalid option: expected one of ${options}`,
      ],
      [{ filters: { zones: ["a"] } }, 'unknown field "filters.zones"'],
      [{ mechanisms: { email: [{ id: "nobody" }] } }, 'field "mechanisms.email.0.id": Invalid email address'],
      [{ mechanisms: {} }, 'field "mechanisms": at least one mechanism is required'],
    ];
    for (const [fields, message] of cases) {
      const { status, envelope } = await send(api, "POST", path, { ...body, ...fields });
      assert.deepEqual(envelope, failureOf(400, message));
      assert.equal(status, 400);
    }
  });
});
