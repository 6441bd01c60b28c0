import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { account_id, failureOf, present, refuses, send, standInFor } from "../testing/stand-in";

const path = `/accounts/${account_id}/access/policies`;
const everyone = [{ everyone: {} }];

describe("access policies", () => {
  it("answers a create with every default", async (t) => {
    const { client } = await standInFor(t, { now: () => new Date("2026-01-01T00:00:00Z") });
    const token = present((await client.zeroTrust.access.serviceTokens.create({ account_id, name: "a" })).id);
    const { id, ...rest } = await client.zeroTrust.access.policies.create({
      account_id,
      name: "push",
      decision: "non_identity",
      include: [{ service_token: { token_id: token } }],
    });
    assert.match(present(id), /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      name: "push",
      decision: "non_identity",
      include: [{ service_token: { token_id: token } }],
      exclude: [],
      require: [],
      session_duration: "24h",
      approval_required: false,
      isolation_required: false,
      purpose_justification_required: false,
      reusable: true,
      app_count: 0,
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
    });
  });

  it("refuses a service token's client ID or name in place of its ID", async (t) => {
    const { client } = await standInFor(t);
    const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name: "tokyo" });
    for (const token_id of [present(token.client_id), "tokyo"]) {
      await refuses(
        client.zeroTrust.access.policies.create({
          account_id,
          name: "push",
          decision: "non_identity",
          include: [{ service_token: { token_id } }],
        }),
        400,
        12130,
        "access.api.error.invalid_request: invalid 'include' configuration",
      );
    }
  });

  it("refuses rules without exactly one known selector", async (t) => {
    const { api } = await standInFor(t);
    const cases: [unknown[] | undefined, string][] = [
      [undefined, "at least one rule is required"],
      [[], "at least one rule is required"],
      [[{}], "include[0] has 0 selectors instead of one"],
      [["everyone"], "include[0] has 0 selectors instead of one"],
      [[...everyone, { everyone: {}, certificate: {} }], "include[1] has 2 selectors instead of one"],
      [[{ okta: { name: "x" } }], "include[0]: selector 'okta' is unknown, not imitated, or malformed"],
      [[{ ip: { cidr: "10.0.0.0/8" } }], "include[0]: selector 'ip' is unknown, not imitated, or malformed"],
    ];
    for (const [include, detail] of cases) {
      const { status, envelope } = await send(api, "POST", path, { name: "p", decision: "allow", include });
      assert.equal(status, 400);
      assert.deepEqual(
        envelope,
        failureOf(12130, `access.api.error.invalid_request: invalid 'include' configuration: ${detail}`),
      );
    }
  });

  it("takes each imitated selector, in include, exclude and require", async (t) => {
    const { client } = await standInFor(t);
    const rules = [
      { any_valid_service_token: {} },
      { everyone: {} },
      { ip: { ip: "192.0.2.0/24" } },
      { ip_list: { id: "a" } },
      { geo: { country_code: "JP" } },
      { email: { email: "a@example.com" } },
      { email_domain: { domain: "example.com" } },
      { group: { id: "g" } },
      { certificate: {} },
      { login_method: { id: "l" } },
    ];
    const policy = await client.zeroTrust.access.policies.create({
      account_id,
      name: "all",
      decision: "allow",
      include: rules,
      exclude: rules,
      require: rules,
    });
    assert.deepEqual([policy.include, policy.exclude, policy.require], [rules, rules, rules]);
  });

  it("refuses an unknown decision and a wrong session duration", async (t) => {
    const { api } = await standInFor(t);
    const cases = [
      [{ decision: "nonIdentity" }, "unrecognized decision 'nonIdentity'"],
      [{ decision: "allow", session_duration: "1d" }, "invalid session_duration '1d'"],
    ] as const;
    for (const [fields, detail] of cases) {
      const { status, envelope } = await send(api, "POST", path, { name: "p", include: everyone, ...fields });
      assert.equal(status, 400);
      assert.deepEqual(envelope, failureOf(12130, `access.api.error.invalid_request: ${detail}`));
    }
  });

  it("replaces the whole policy on update, and takes null for a field left out", async (t) => {
    const { api, client } = await standInFor(t);
    const { id = "" } = await client.zeroTrust.access.policies.create({
      account_id,
      name: "p",
      decision: "allow",
      include: everyone,
      exclude: [{ geo: { country_code: "JP" } }],
      session_duration: "1h",
    });
    const body = { name: "q", decision: "deny", include: everyone, exclude: null, session_duration: null };
    assert.equal((await send(api, "PUT", `${path}/${id}`, body)).status, 200);
    const policy = await client.zeroTrust.access.policies.get(id, { account_id });
    assert.deepEqual(
      [policy.name, policy.decision, policy.exclude, policy.session_duration],
      ["q", "deny", [], "24h"],
    );
  });

  it("refuses to delete a policy that an application has, and counts applications", async (t) => {
    const { client } = await standInFor(t);
    const { policies, applications } = client.zeroTrust.access;
    const { id = "" } = await policies.create({
      account_id,
      name: "p",
      decision: "allow",
      include: everyone,
    });
    const application = await applications.create({
      account_id,
      type: "self_hosted",
      domain: "prom.example.com",
      policies: [{ id, precedence: 1 }],
    });
    assert.equal((await policies.get(id, { account_id })).app_count, 1);
    assert.equal((await policies.list({ account_id })).result[0]?.app_count, 1);
    await refuses(
      policies.delete(id, { account_id }),
      400,
      12130,
      "access.api.error.invalid_request: cannot delete policy because it is used by 1 application(s)",
    );
    await applications.delete(present(application.id), { account_id });
    assert.deepEqual(await policies.delete(id, { account_id }), { id });
    await refuses(
      policies.get(id, { account_id }),
      404,
      11021,
      "access.api.error.not_found: policy not found",
    );
  });

  it("refuses to grow a policy beyond an application's limit of rules", async (t) => {
    const { client } = await standInFor(t, { limits: { rulesPerApplication: 2 } });
    const { policies, applications } = client.zeroTrust.access;
    const { id = "" } = await policies.create({
      account_id,
      name: "p",
      decision: "allow",
      include: everyone,
    });
    await applications.create({ account_id, type: "self_hosted", domain: "a.example.com", policies: [id] });
    await refuses(
      policies.update(id, {
        account_id,
        name: "p",
        decision: "allow",
        include: [1, 2, 3].map(() => ({ everyone: {} })),
      }),
      400,
      12130,
      "access.api.error.invalid_request: maximum number of rules per application has been reached",
    );
  });

  it("refuses one more than the quota", async (t) => {
    const { client } = await standInFor(t, { limits: { policies: 1 } });
    const body = { account_id, name: "p", decision: "allow", include: everyone } as const;
    await client.zeroTrust.access.policies.create(body);
    await refuses(
      client.zeroTrust.access.policies.create(body),
      400,
      12130,
      "access.api.error.invalid_request: maximum number of reusable policies has been reached",
    );
  });
});
