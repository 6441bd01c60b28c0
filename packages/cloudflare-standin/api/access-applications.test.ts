import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StandIn } from "./stand-in";
import { account_id, failureOf, present, refuses, send, standInFor } from "../testing/stand-in";

const path = `/accounts/${account_id}/access/apps`;
const uri = "prom.example.com/api/v1/write";

async function refusesBody(api: StandIn, body: object, code: number, message: string): Promise<void> {
  const { status, envelope } = await send(api, "POST", path, { type: "self_hosted", ...body });
  assert.deepEqual(envelope, failureOf(code, message));
  assert.equal(status, code === 11010 ? 409 : 400);
}

const invalid = (detail: string): string => `access.api.error.invalid_request: ${detail}`;

describe("access applications", () => {
  it("answers a create with every default", async (t) => {
    const { client } = await standInFor(t, { now: () => new Date("2026-01-01T00:00:00Z") });
    const { id, aud, ...rest }: { id?: string; aud?: string } =
      await client.zeroTrust.access.applications.create({
        account_id,
        type: "self_hosted",
        domain: uri,
        name: "write",
      });
    assert.match(present(id), /^[0-9a-f-]{36}$/);
    assert.match(present(aud), /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, {
      name: "write",
      type: "self_hosted",
      domain: uri,
      destinations: [{ type: "public", uri }],
      self_hosted_domains: [uri],
      policies: [],
      session_duration: "24h",
      app_launcher_visible: true,
      http_only_cookie_attribute: true,
      service_auth_401_redirect: false,
      auto_redirect_to_identity: false,
      enable_binding_cookie: false,
      options_preflight_bypass: false,
      allowed_idps: [],
      tags: [],
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
    });
  });

  it("takes its domain from the first destination, and keeps aud when it changes", async (t) => {
    const { client } = await standInFor(t);
    const { applications } = client.zeroTrust.access;
    const created = await applications.create({
      account_id,
      type: "self_hosted",
      domain: uri,
      destinations: [{ type: "public", uri }, { uri: "prom.example.com/other" }],
    });
    const { id = "", aud } = created;
    const updated = await applications.update(id, {
      account_id,
      type: "self_hosted",
      domain: "loki.example.com",
      read_service_tokens_from_header: "X-CF-Access",
    });
    assert.deepEqual([updated.id, updated.aud], [id, aud]);
    const shown: object = await applications.get(id, { account_id });
    assert.deepEqual({ ...shown }, { ...updated });
    assert.equal(
      "read_service_tokens_from_header" in shown && shown.read_service_tokens_from_header,
      "X-CF-Access",
    );
  });

  it("gives policies back in full and in order of precedence, and detaches them when left out", async (t) => {
    const { client } = await standInFor(t);
    const { applications, policies } = client.zeroTrust.access;
    const ids: string[] = [];
    for (const name of ["a", "b"]) {
      const include = [{ everyone: {} }];
      ids.push(present((await policies.create({ account_id, name, decision: "non_identity", include })).id));
    }
    const [a = "", b = ""] = ids;
    const app: { id?: string; policies?: unknown } = await applications.create({
      account_id,
      type: "self_hosted",
      domain: uri,
      policies: [
        { id: a, precedence: 2 },
        { id: b, precedence: 1 },
      ],
    });
    const shown = async (id: string): Promise<object> => {
      const policy: { app_count?: number } = await policies.get(id, { account_id });
      delete policy.app_count;
      return policy;
    };
    assert.deepEqual(app.policies, [
      { ...(await shown(b)), precedence: 1 },
      { ...(await shown(a)), precedence: 2 },
    ]);
    const detached: { policies?: unknown } = await applications.update(present(app.id), {
      account_id,
      type: "self_hosted",
      domain: uri,
    });
    assert.deepEqual(detached.policies, []);
  });

  it("refuses policies that are inline, unknown, repeated, or of equal or no precedence", async (t) => {
    const { api, client } = await standInFor(t, { limits: { rulesPerApplication: 1 } });
    const body = { account_id, name: "p", decision: "allow" as const, include: [{ everyone: {} }] };
    const a = (await client.zeroTrust.access.policies.create(body)).id;
    const b = (await client.zeroTrust.access.policies.create(body)).id;
    const cases: [unknown[], number, string][] = [
      [
        [{ decision: "allow", include: [] }],
        400,
        "policies[0]: only an ID or { id, precedence } of a reusable policy is imitated",
      ],
      [["nope"], 12130, invalid("policy 'nope' does not exist")],
      [
        [
          { id: a, precedence: 1 },
          { id: b, precedence: 1 },
        ],
        12130,
        invalid("policy precedences must be unique"),
      ],
      [[{ id: a, precedence: 0 }], 12130, invalid("policy precedences must be at least 1")],
      [[a, a], 12130, invalid("policies must be unique")],
      [[a, b], 12130, invalid("maximum number of rules per application has been reached")],
    ];
    for (const [policies, code, message] of cases) {
      await refusesBody(api, { domain: uri, policies }, code, message);
    }
  });

  it("refuses a domain that another application has, with or without a slash at its end", async (t) => {
    const { api, client } = await standInFor(t);
    const created = await client.zeroTrust.access.applications.create({
      account_id,
      type: "self_hosted",
      domain: "prom.example.com",
    });
    const taken = "access.api.error.application_already_exists";
    await refusesBody(api, { domain: "prom.example.com" }, 11010, taken);
    await refusesBody(api, { domain: "prom.example.com/" }, 11010, taken);
    await refusesBody(
      api,
      {
        destinations: [
          { type: "public", uri },
          { type: "public", uri: "prom.example.com" },
        ],
      },
      11010,
      taken,
    );
    const same = await send(api, "PUT", `${path}/${present(created.id)}`, {
      type: "self_hosted",
      domain: "prom.example.com",
    });
    assert.equal(same.status, 200);
  });

  it("refuses domains that are malformed, of another zone, or at odds with the destinations", async (t) => {
    const { api } = await standInFor(t);
    const cases: [object, number, string][] = [
      [{}, 12130, invalid("a self_hosted application needs a domain or a public destination")],
      [{ domain: "https://prom.example.com" }, 12130, invalid("invalid domain 'https://prom.example.com'")],
      [{ domain: "prom.example.com:443" }, 12130, invalid("invalid domain 'prom.example.com:443'")],
      [
        { domain: "prom.example.org" },
        12130,
        invalid("domain 'prom.example.org' does not belong to a zone of the account"),
      ],
      [
        { domain: "notexample.com" },
        12130,
        invalid("domain 'notexample.com' does not belong to a zone of the account"),
      ],
      [
        { domain: "a.example.com", destinations: [{ type: "public", uri }] },
        12130,
        invalid("domain 'a.example.com' is not one of the destinations"),
      ],
      [
        { self_hosted_domains: ["a.example.com"], destinations: [{ type: "public", uri }] },
        12130,
        invalid("self_hosted_domains and destinations differ"),
      ],
      [{ destinations: [{ uri }, { uri }] }, 12130, invalid("destinations must be unique")],
      [
        { destinations: [{ type: "private", cidr: "10.0.0.0/8" }] },
        400,
        'destination {"type":"private","cidr":"10.0.0.0/8"}: only { type: "public", uri } is imitated',
      ],
      [
        { destinations: Array.from({ length: 51 }, (_, n) => ({ uri: `prom.example.com/${n}` })) },
        12130,
        invalid("maximum number of destinations per application has been reached"),
      ],
    ];
    for (const [body, code, message] of cases) {
      await refusesBody(api, body, code, message);
    }
  });

  it("takes what the provider repeats from an answer, and null for what is no longer set", async (t) => {
    const { api } = await standInFor(t);
    const body = {
      type: "self_hosted",
      name: "write",
      domain: uri,
      self_hosted_domains: [uri],
      destinations: [{ type: "public", uri, cidr: null }],
      session_duration: "24h",
      app_launcher_visible: false,
      http_only_cookie_attribute: true,
      service_auth_401_redirect: false,
      skip_app_launcher_login_page: false,
      custom_deny_message: null,
      allowed_idps: null,
      policies: [],
    };
    assert.equal((await send(api, "POST", path, body)).status, 201);
  });

  it("refuses 401 instead of a redirect where no Service Auth policy is attached", async (t) => {
    const { api } = await standInFor(t);
    await refusesBody(
      api,
      { type: "self_hosted", domain: uri, service_auth_401_redirect: true },
      12130,
      "access.api.error.invalid_request: service_auth_401_redirect needs a policy with the decision non_identity",
    );
  });

  it("refuses other types, unknown fields and a wrong session duration", async (t) => {
    const { api } = await standInFor(t);
    await refusesBody(
      api,
      { domain: uri, type: "saas" },
      400,
      'type "saas" is not imitated, only "self_hosted" is',
    );
    await refusesBody(
      api,
      { domain: uri, serviceAuth401Redirect: true },
      400,
      'unknown field "serviceAuth401Redirect"',
    );
    await refusesBody(
      api,
      { domain: uri, session_duration: "1d" },
      12130,
      invalid("invalid session_duration '1d'"),
    );
  });

  it("lists by page, name, domain and aud, and forgets what is deleted", async (t) => {
    const { client } = await standInFor(t);
    const { applications } = client.zeroTrust.access;
    for (const host of ["prom", "prom2"]) {
      await applications.create({
        account_id,
        type: "self_hosted",
        domain: `${host}.example.com`,
        name: host,
      });
    }
    const names = async (query: object): Promise<unknown[]> => {
      const found = [];
      for await (const { name } of applications.list({ account_id, ...query })) {
        found.push(name);
      }
      return found;
    };
    assert.deepEqual(await names({ per_page: 1 }), ["prom", "prom2"]);
    assert.deepEqual(await names({ name: "prom" }), ["prom", "prom2"]);
    assert.deepEqual(await names({ name: "prom", exact: true }), ["prom"]);
    assert.deepEqual(await names({ domain: "prom2.example.com" }), ["prom2"]);
    const [first] = (await applications.list({ account_id, name: "prom", exact: true })).result;
    assert.deepEqual(await names({ aud: first?.aud }), ["prom"]);
    const id = present(first?.id);
    assert.deepEqual(await applications.delete(id, { account_id }), { id });
    await refuses(
      applications.get(id, { account_id }),
      404,
      11021,
      "access.api.error.not_found: application not found",
    );
  });

  it("refuses one more than the quota", async (t) => {
    const { api } = await standInFor(t, { limits: { applications: 0 } });
    await refusesBody(
      api,
      { domain: uri },
      12130,
      invalid("maximum number of applications has been reached"),
    );
  });
});
