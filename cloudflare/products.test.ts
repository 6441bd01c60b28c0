import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { z } from "zod";
import { testToken } from "cloudflare-standin/testing/edge-rows";
import type { CallResult, CloudflareApi } from "./client";
import { openTestFleet } from "../operate/testing/test-fleet";
import { findZone, readBotProtection } from "./zones";
import { destinationOf } from "./access-evaluation";
import { listApplications, listApplicationsWithRules } from "./access-applications";
import { listPolicies } from "./access-policies";
import { listRecords } from "./dns-records";
import { listTokens } from "./service-tokens";
import { listTunnels, readTunnel } from "./tunnels";
import { readOrganization } from "./organization";

function valueOf<T>(result: CallResult<T>): T {
  assert.equal(result.kind, "answered");
  return result.value;
}

/** An API whose lists hold these entries, as Cloudflare would send them. */
function listing(api: CloudflareApi, entries: readonly unknown[]): CloudflareApi {
  return {
    ...api,
    list: <T>(_name: unknown, schema: z.ZodType<T>) =>
      Promise.resolve({ kind: "answered", value: entries.map((entry) => schema.parse(entry)) }),
  };
}

describe("listTokens", () => {
  it("reads 1,000 tokens a call", async (t) => {
    const { api, stack, standIn } = await openTestFleet(t, { sites: {} });
    for (let number = 0; number < 1001; number += 1) {
      standIn.database.serviceTokens.set(`id-${number}`, testToken({ id: `id-${number}` }));
    }
    assert.equal(valueOf(await listTokens(api, stack.config.accountId)).length, 1001);
    assert.deepEqual(
      standIn.requests.map(({ query }) => query),
      ["page=1&per_page=1000", "page=2&per_page=1000"],
    );
  });

  it("tells what Cloudflare does not say from what it says there is not", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const tokens = await listTokens(
      listing(api, [
        { id: "1", client_id: "a.access", name: "a", expires_at: null, last_seen_at: null },
        { id: "2", created_at: "2026-01-01T00:00:00Z", expires_at: "soon", enabled: "yes" },
        { id: "3", duration: "forever", expires_at: "2026-01-02T00:00:00Z" },
      ]),
      "account",
    );
    const untold = { duration: undefined, enabled: undefined };
    assert.deepEqual(valueOf(tokens), [
      {
        ...untold,
        id: "1",
        clientId: "a.access",
        name: "a",
        createdAt: undefined,
        expiresAt: null,
        lastSeenAt: null,
      },
      {
        ...untold,
        id: "2",
        clientId: "",
        name: "",
        createdAt: "2026-01-01T00:00:00Z",
        expiresAt: undefined,
        lastSeenAt: undefined,
      },
      {
        ...untold,
        id: "3",
        clientId: "",
        name: "",
        duration: "forever",
        createdAt: undefined,
        // Whatever date is shown.
        expiresAt: null,
        lastSeenAt: undefined,
      },
    ]);
  });
});

describe("listApplications", () => {
  it("shows destinations and policies of a provisioned endpoint", async (t) => {
    const { api, stack } = await openTestFleet(t, { sites: { tokyo: { signals: ["logs"] } } });
    const applications = valueOf(await listApplications(api, stack.config.accountId));
    assert.deepEqual(
      applications.map(({ name, destinations, policies, serviceAuth401Redirect }) => ({
        name,
        destinations,
        policies: policies.map(({ decision, include }) => ({ decision, rules: include?.length })),
        serviceAuth401Redirect,
      })),
      [
        {
          name: "sitepass/prod/metrics: everything else on prom.example.com",
          destinations: ["prom.example.com"],
          policies: [{ decision: "non_identity", rules: 1 }],
          serviceAuth401Redirect: true,
        },
        {
          name: "sitepass/prod/metrics: push to prom.example.com",
          destinations: ["prom.example.com/api/v1/write"],
          policies: [{ decision: "non_identity", rules: 1 }],
          serviceAuth401Redirect: true,
        },
        {
          name: "sitepass/prod/logs: everything else on loki.example.com",
          destinations: ["loki.example.com"],
          policies: [{ decision: "non_identity", rules: 1 }],
          serviceAuth401Redirect: true,
        },
        {
          name: "sitepass/prod/logs: push to loki.example.com",
          destinations: ["loki.example.com/loki/api/v1/push", "loki.example.com/otlp/v1/logs"],
          policies: [{ decision: "non_identity", rules: 1 }],
          serviceAuth401Redirect: true,
        },
      ],
    );
  });

  it("takes applications of other types, and destinations from where they are", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const applications = valueOf(
      await listApplications(
        listing(api, [
          { id: "1", type: "saas", name: "Mail" },
          { id: "2", type: "self_hosted", domain: "a.example.com/x" },
          {
            id: "3",
            type: "self_hosted",
            domain: "b.example.com",
            self_hosted_domains: ["b.example.com", "c.example.com"],
          },
          {
            id: "4",
            type: "self_hosted",
            destinations: [{ uri: "d.example.com" }, { type: "private", cidr: "10.0.0.0/8" }],
            policies: [
              { id: "p", precedence: 2 },
              { id: "q", precedence: 1 },
            ],
          },
        ]),
        "account",
      ),
    );
    assert.deepEqual(
      applications.map(({ destinations }) => destinations),
      [[], ["a.example.com/x"], ["b.example.com", "c.example.com"], ["d.example.com"]],
    );
    assert.deepEqual(
      applications[3]?.policies.map(({ id, include }) => ({ id, include })),
      [
        { id: "q", include: undefined },
        { id: "p", include: undefined },
      ],
    );
  });
});

describe("listApplications, of a server with habits of its own", () => {
  it("takes what is null for what is not there, and a policy by its ID alone", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const [application, bookmark] = valueOf(
      await listApplications(
        listing(api, [
          {
            id: "1",
            destinations: [{ type: "private", cidr: "10.0.0.0/8", uri: null }],
            self_hosted_domains: ["a.example.com", "b.example.com"],
            service_auth_401_redirect: null,
            policies: [
              "p",
              {
                id: "q",
                include: [{ service_token: { token_id: "tokyo" }, everyone: null, email: null }],
                exclude: null,
              },
            ],
          },
          { id: "2", type: "bookmark", domain: "https://wiki.example.com", policies: null },
        ]),
        "account",
      ),
    );
    assert.deepEqual(application?.destinations, ["a.example.com", "b.example.com"]);
    assert.equal(application.serviceAuth401Redirect, undefined);
    assert.deepEqual(
      application.policies.map(({ id, decision, include, exclude }) => ({ id, decision, include, exclude })),
      [
        { id: "p", decision: "", include: undefined, exclude: undefined },
        {
          id: "q",
          decision: "",
          include: [{ service_token: { token_id: "tokyo" } }],
          exclude: undefined,
        },
      ],
    );
    assert.deepEqual(bookmark?.destinations.map(destinationOf), [{ host: "wiki.example.com", path: "" }]);
  });

  it("takes the time before all times for none", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const never = "0001-01-01T00:00:00Z";
    const [token] = valueOf(
      await listTokens(listing(api, [{ id: "1", expires_at: never, last_seen_at: never }]), "account"),
    );
    assert.deepEqual([token?.expiresAt, token?.lastSeenAt], [null, null]);
    const tunnels = valueOf(
      await listTunnels(
        listing(api, [
          { id: "1", name: "central", deleted_at: never },
          { id: "2", name: "central", deleted_at: "2026-01-01T00:00:00.123456Z" },
        ]),
        "account",
        "central",
      ),
    );
    assert.deepEqual(
      tunnels.map(({ id }) => id),
      ["1"],
    );
  });
});

describe("listApplicationsWithRules", () => {
  it("asks for the account's policies only where an application leaves out the rules of one", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const include = [{ everyone: {} }];
    const asked: unknown[] = [];
    // Each entry is an application and a policy in one, because both lists get it.
    const read = async (attached: object) => {
      const counted = listing(api, [{ id: "one", policies: [{ id: "one", ...attached }], include }]);
      const [application] = valueOf(
        await listApplicationsWithRules(
          {
            ...counted,
            list: (name, ...rest) => {
              asked.push(name.what);
              return counted.list(name, ...rest);
            },
          },
          "account",
        ),
      );
      return application?.policies.map((policy) => policy.include);
    };
    assert.deepEqual(await read({ include }), [include]);
    assert.deepEqual(asked.splice(0), ["the account's Access applications"]);
    assert.deepEqual(await read({}), [include]);
    assert.deepEqual(asked, ["the account's Access applications", "the account's Access policies"]);
  });
});

describe("listPolicies", () => {
  it("shows who is let in", async (t) => {
    const { api, stack, outputs, standIn } = await openTestFleet(t, { sites: { tokyo: {} } });
    const policies = valueOf(await listPolicies(api, stack.config.accountId));
    const policy = policies.find(({ name }) => name.includes("push"));
    const [token] = standIn.database.serviceTokens.keys();
    assert.equal(policy?.decision, "non_identity");
    assert.deepEqual(policy.include, [{ service_token: { token_id: token } }]);
    assert.deepEqual(Object.keys(outputs.sites), ["tokyo"]);
  });
});

describe("listTunnels", () => {
  it("leaves out those that were deleted", async (t) => {
    const { api, stack, standIn } = await openTestFleet(t, { sites: {} });
    const { accountId: account_id } = stack.config;
    const tunnels = api.client.zeroTrust.tunnels.cloudflared;
    const gone = await tunnels.create({ account_id, name: "central" });
    await tunnels.delete(gone.id ?? "", { account_id });
    const { id } = await tunnels.create({ account_id, name: "central", config_src: "cloudflare" });
    await tunnels.create({ account_id, name: "other" });
    standIn.clearRequests();
    assert.deepEqual(valueOf(await listTunnels(api, account_id, "central")), [
      { id, name: "central", configSrc: "cloudflare", status: "inactive", deletedAt: null },
    ]);
    assert.deepEqual(
      standIn.requests.map(({ query }) => query),
      ["is_deleted=false&name=central&page=1&per_page=100"],
    );
    assert.equal(valueOf(await listTunnels(api, account_id)).length, 2);
  });
});

describe("readTunnel", () => {
  it("tells a tunnel that is there from a deleted one, and from one that never was", async (t) => {
    const { api, stack } = await openTestFleet(t, { sites: {} });
    const { accountId } = stack.config;
    const tunnels = api.client.zeroTrust.tunnels.cloudflared;
    const { id = "" } = await tunnels.create({ account_id: accountId, name: "central" });
    assert.equal(valueOf(await readTunnel(api, accountId, id))?.deletedAt, null);
    const { deleted_at } = await tunnels.delete(id, { account_id: accountId });
    assert.ok(typeof deleted_at === "string");
    assert.deepEqual(valueOf(await readTunnel(api, accountId, id)), {
      id,
      name: "central",
      configSrc: "local",
      status: "inactive",
      deletedAt: deleted_at,
    });
    assert.equal(
      valueOf(await readTunnel(api, accountId, "00000000-0000-4000-8000-000000000000")),
      undefined,
    );
  });

  it("takes no refusal of another kind for its deletion", async (t) => {
    const { api, apiWith, stack, standIn } = await openTestFleet(t, { sites: {} });
    const { accountId } = stack.config;
    const { id = "" } = await api.client.zeroTrust.tunnels.cloudflared.create({
      account_id: accountId,
      name: "central",
    });
    const kinds = [(await readTunnel(apiWith(["DNS Read"]), accountId, id)).kind];
    for (const answer of [
      { status: 404, code: 7003, message: "Could not route to /accounts" },
      { status: 404, html: "<title>404</title>" },
      { status: 500, code: 1003, message: "internal error" },
    ]) {
      standIn.inject({ match: { path: /cfd_tunnel/ }, times: 3, ...answer });
      kinds.push((await readTunnel(api, accountId, id)).kind);
    }
    assert.deepEqual(kinds, ["forbidden", "failed", "failed", "failed"]);
  });
});

describe("listRecords", () => {
  it("asks for exactly one name", async (t) => {
    const { api, stack, standIn } = await openTestFleet(t, { sites: {} });
    const zone = valueOf(await findZone(api, stack.config));
    assert.ok(zone !== undefined);
    for (const [name, content] of [
      ["prom.example.com", "203.0.113.1"],
      ["loki.example.com", "203.0.113.2"],
    ] as const) {
      await api.client.dns.records.create({ zone_id: zone.id, type: "A", name, content, ttl: 1 });
    }
    standIn.clearRequests();
    const records = valueOf(await listRecords(api, zone.id, "prom.example.com"));
    assert.deepEqual(
      records.map(({ type, name, content, proxied, comment }) => ({ type, name, content, proxied, comment })),
      [{ type: "A", name: "prom.example.com", content: "203.0.113.1", proxied: false, comment: "" }],
    );
    assert.deepEqual(
      standIn.requests.map(({ query }) => query),
      ["name.exact=prom.example.com&page=1&per_page=1000"],
    );
    assert.equal(valueOf(await listRecords(api, zone.id)).length, 2);
  });
});

describe("listRecords, of a server that ignores the name", () => {
  it("leaves out the records of other names", async (t) => {
    const { api } = await openTestFleet(t, { sites: {} });
    const shown = listing(api, [
      { id: "1", type: "CNAME", name: "blog.example.com", content: "x.example.net" },
      { id: "2", type: "CNAME", name: "Prom.Example.com.", content: "y.example.net" },
    ]);
    const records = valueOf(await listRecords(shown, "zone", "prom.example.com"));
    assert.deepEqual(
      records.map(({ id, name }) => ({ id, name })),
      [{ id: "2", name: "prom.example.com" }],
    );
    assert.equal(valueOf(await listRecords(shown, "zone")).length, 2);
  });
});

describe("findZone", () => {
  it("finds a zone by name and by ID, and says when there is none", async (t) => {
    const { api, stack } = await openTestFleet(t, { sites: {} });
    const { accountId } = stack.config;
    const zone = valueOf(await findZone(api, { accountId, zone: { name: "example.com" } }));
    assert.ok(zone !== undefined);
    assert.deepEqual(zone, {
      id: zone.id,
      name: "example.com",
      status: "active",
      paused: false,
      accountId: stack.config.accountId,
    });
    assert.deepEqual(valueOf(await findZone(api, { accountId, zone: { id: zone.id } })), zone);
    assert.equal(valueOf(await findZone(api, { accountId, zone: { name: "example.net" } })), undefined);
    assert.equal((await findZone(api, { accountId, zone: { id: "0".repeat(32) } })).kind, "forbidden");
  });
});

describe("findZone, of several zones of the name", () => {
  const theirs = "f".repeat(32);
  const zones = (
    of: readonly (readonly [id: string, status: "active" | "pending" | "moved", owner?: string])[],
  ) =>
    of.map(([id, status, accountId]) => ({
      name: "example.com",
      id: id.repeat(32),
      status,
      ...(accountId === undefined ? {} : { accountId }),
    }));
  const rows = [
    [
      "the account's, not the one that moved to it",
      zones([
        ["a", "moved", theirs],
        ["b", "active"],
      ]),
      "b",
    ],
    [
      "the account's, though another's is active",
      zones([
        ["a", "active", theirs],
        ["b", "pending"],
      ]),
      "b",
    ],
    [
      "the active one of the account",
      zones([
        ["a", "moved"],
        ["b", "pending"],
        ["c", "active"],
      ]),
      "c",
    ],
    [
      "another account's where there is no other",
      zones([
        ["a", "moved", theirs],
        ["b", "active", theirs],
      ]),
      "b",
    ],
  ] as const;
  for (const [what, of, found] of rows) {
    it(`finds ${what}`, async (t) => {
      const { api, stack } = await openTestFleet(t, { sites: {}, standIn: { zones: of } });
      assert.equal(valueOf(await findZone(api, stack.config))?.id, found.repeat(32));
    });
  }
});

describe("readOrganization and readBotProtection", () => {
  it("read what is set", async (t) => {
    const { api, stack, standIn } = await openTestFleet(t, { sites: {} });
    standIn.database.organization.service_token_inactivity = {
      enabled: true,
      action: "delete",
      inactivity_threshold_days: 90,
    };
    assert.deepEqual(valueOf(await readOrganization(api, stack.config.accountId)), {
      authDomain: "example-team.cloudflareaccess.com",
      strictServiceTokens: false,
      inactivity: { days: 90, action: "delete" },
    });
    const [zoneId = ""] = standIn.database.zones.keys();
    assert.deepEqual(valueOf(await readBotProtection(api, zoneId)), {
      fightMode: false,
      definitelyAutomated: undefined,
    });
  });
});
