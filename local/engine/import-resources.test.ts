import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { account_id, clientOf, present } from "cloudflare-standin/testing/stand-in";
import { zoneId } from "cloudflare-standin/api/database";
import { startStandIn, type StandIn } from "cloudflare-standin";
import type { Cloudflare } from "cloudflare";
import { UserError } from "../../fleet/problem";
import { importResources, readImportDocument, type ImportEntry } from "./import-resources";
import { emptyState, UrnScheme } from "./state";

const urns = new UrnScheme("sitepass", "prod");

function entry(type: string, name: string, importId: string, parent = ""): ImportEntry {
  const qualified = `cloudflare:index/${type.charAt(0).toLowerCase()}${type.slice(1)}:${type}`;
  return { urn: urns.of(parent, qualified, name), type: qualified, name, importId, parent, component: false };
}

async function withStandIn(body: (client: Cloudflare, api: StandIn) => Promise<void>): Promise<void> {
  const api = await startStandIn();
  try {
    await body(clientOf(api), api);
  } finally {
    await api.close();
  }
}

const component: ImportEntry = {
  urn: urns.of("", "sitepass:provision:SitePasses", "sites"),
  type: "sitepass:provision:SitePasses",
  name: "sites",
  importId: "",
  parent: "",
  component: true,
};

describe("importResources", () => {
  it("reads each kind of resource into inputs that the program could have declared", async () => {
    await withStandIn(async (client, api) => {
      const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name: "by hand" });
      const policy = await client.zeroTrust.access.policies.create({
        account_id,
        name: "by hand",
        decision: "non_identity",
        include: [{ service_token: { token_id: present(token.id) } }],
      });
      const application = await client.zeroTrust.access.applications.create({
        account_id,
        type: "self_hosted",
        name: "by hand",
        domain: "prom.example.com",
        policies: [present(policy.id)],
        skip_interstitial: true,
      });
      const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
        account_id,
        name: "by hand",
        config_src: "cloudflare",
      });
      const tunnelId = present(tunnel.id);
      await client.zeroTrust.tunnels.cloudflared.configurations.update(tunnelId, {
        account_id,
        config: {
          ingress: [
            {
              hostname: "prom.example.com",
              service: "http://localhost:9090",
              originRequest: { noTLSVerify: true },
            },
            { hostname: "", service: "http_status:404" },
          ],
        },
      });
      const record = await client.dns.records.create({
        zone_id: zoneId("example.com"),
        type: "A",
        name: "prom.example.com",
        content: "203.0.113.1",
        ttl: 300,
      });
      const alert = await client.alerting.policies.create({
        account_id,
        name: "by hand",
        description: "",
        enabled: true,
        alert_type: "expiring_service_token_alert",
        mechanisms: { email: [{ id: "ops@example.com" }] },
      });
      api.clearRequests();
      const zone = zoneId("example.com");
      const { state, failures } = await importResources(
        client,
        emptyState,
        [
          component,
          entry(
            "ZeroTrustAccessServiceToken",
            "a",
            `accounts/${account_id}/${present(token.id)}`,
            component.urn,
          ),
          entry("ZeroTrustAccessPolicy", "b", `${account_id}/${present(policy.id)}`),
          entry("ZeroTrustAccessApplication", "c", `accounts/${account_id}/${present(application.id)}`),
          entry("ZeroTrustTunnelCloudflared", "d", `${account_id}/${tunnelId}`),
          entry("ZeroTrustTunnelCloudflaredConfig", "e", `${account_id}/${tunnelId}`),
          entry("DnsRecord", "f", `${zone}/${record.id}`),
          entry("NotificationPolicy", "g", `${account_id}/${present(alert.id)}`),
        ],
        urns.stack,
        () => undefined,
      );
      assert.deepEqual(failures, []);
      assert.deepEqual(
        api.requests.filter(({ method }) => method !== "GET"),
        [],
      );
      assert.deepEqual(
        state.resources.map(({ name, custom, protect }) => [name, custom, protect]),
        [
          ["sitepass-prod", false, false],
          ["sites", false, true],
          ...["a", "b", "c", "d", "e", "f", "g"].map((name) => [name, true, true]),
        ],
      );
      const accountId = account_id;
      assert.deepEqual(
        state.resources.slice(2).map(({ inputs }) => inputs),
        [
          { accountId, name: "by hand", duration: "8760h", enabled: true, clientSecretVersion: null },
          {
            accountId,
            name: "by hand",
            decision: "non_identity",
            includes: [{ serviceToken: { tokenId: token.id } }],
            sessionDuration: "24h",
          },
          {
            accountId,
            type: "self_hosted",
            name: "by hand",
            domain: "prom.example.com",
            destinations: [{ type: "public", uri: "prom.example.com" }],
            policies: [{ id: policy.id, precedence: 1 }],
            sessionDuration: "24h",
            serviceAuth401Redirect: false,
            appLauncherVisible: true,
            autoRedirectToIdentity: false,
            enableBindingCookie: false,
            optionsPreflightBypass: false,
          },
          { accountId, name: "by hand", configSrc: "cloudflare" },
          {
            accountId,
            tunnelId,
            config: {
              ingresses: [
                { hostname: "prom.example.com", service: "http://localhost:9090" },
                { service: "http_status:404", hostname: "" },
              ],
            },
          },
          {
            zoneId: zone,
            name: "prom.example.com",
            type: "A",
            content: "203.0.113.1",
            proxied: false,
            ttl: 300,
          },
          {
            accountId,
            name: "by hand",
            description: "",
            enabled: true,
            alertType: "expiring_service_token_alert",
            mechanisms: { emails: [{ id: "ops@example.com" }] },
          },
        ],
      );
      const [, , imported] = state.resources;
      assert.equal(imported?.parent, component.urn);
      assert.equal(imported.outputs.clientSecret, undefined);
      assert.equal(imported.outputs.clientId, token.client_id);
      assert.equal(state.resources[3]?.parent, urns.stack.urn);
    });
  });

  it("passes over components that are there, and refuses resources that are, as their import IDs are not their IDs", async () => {
    await withStandIn(async (client) => {
      const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name: "by hand" });
      const entries = [
        component,
        entry(
          "ZeroTrustAccessServiceToken",
          "a",
          `accounts/${account_id}/${present(token.id)}`,
          component.urn,
        ),
      ];
      const first = await importResources(client, emptyState, entries, urns.stack, () => undefined);
      const second = await importResources(client, first.state, entries, urns.stack, () => undefined);
      assert.deepEqual(second.state, first.state);
      assert.deepEqual(second.failures, [
        `ZeroTrustAccessServiceToken a: resource '${entries[1]?.urn ?? ""}' already exists`,
      ]);
    });
  });

  it("keeps what it could import when the rest is missing, malformed, or without its parent", async () => {
    await withStandIn(async (client) => {
      const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name: "by hand" });
      const type = "ZeroTrustAccessServiceToken";
      const orphan = entry(type, "orphan", `accounts/${account_id}/${present(token.id)}`, component.urn);
      const { state, failures } = await importResources(
        client,
        emptyState,
        [
          entry(type, "good", `accounts/${account_id}/${present(token.id)}`),
          entry(type, "gone", `accounts/${account_id}/00000000-0000-0000-0000-000000000000`),
          entry(type, "bare", present(token.id)),
          orphan,
        ],
        urns.stack,
        () => undefined,
      );
      assert.deepEqual(
        state.resources.map(({ name }) => name),
        ["sitepass-prod", "good"],
      );
      assert.deepEqual([...failures].sort(), [
        `${type} bare: invalid ID "${present(token.id)}": expected segments "accounts/<account_id>/<service_token_id>"`,
        `${type} gone: resource 'accounts/${account_id}/00000000-0000-0000-0000-000000000000' does not exist`,
        `${type} orphan: unknown parent '${component.urn}' for resource '${orphan.urn}'`,
      ]);
    });
  });
});

function read(document: unknown): readonly ImportEntry[] {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-import-"));
  const file = join(folder, "import.json");
  try {
    writeFileSync(file, typeof document === "string" ? document : JSON.stringify(document));
    return readImportDocument(file, new UrnScheme("proj", "prod"));
  } catch (error) {
    throw error instanceof UserError
      ? new UserError(
          error.problems.map((one) => ({ ...one, subject: one.subject.replace(file, "import.json") })),
        )
      : error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const refused = (document: unknown, ...problems: readonly string[]) => {
  assert.throws(() => read(document), { name: "UserError", message: problems.join("\n") });
};

describe("readImportDocument", () => {
  it("works out URNs from parents that are entries or names of the table, in any order", () => {
    const entries = read({
      nameTable: { known: "urn:pulumi:prod::proj::a:b:Known::known" },
      resources: [
        { type: "x:y:Z", name: "child", parent: "comp", id: "acct/1", version: "1.2.3" },
        { type: "a:b:Comp", name: "comp", logicalName: "same", component: true },
        { type: "x:y:Z", logicalName: "same", parent: "known", id: "acct/2" },
        { type: "x:y:Z", name: "deep", parent: "child", id: "acct/3" },
      ],
    });
    assert.deepEqual(
      entries.map(({ urn }) => urn),
      [
        "urn:pulumi:prod::proj::a:b:Comp$x:y:Z::child",
        "urn:pulumi:prod::proj::a:b:Comp::same",
        "urn:pulumi:prod::proj::a:b:Known$x:y:Z::same",
        "urn:pulumi:prod::proj::a:b:Comp$x:y:Z$x:y:Z::deep",
      ],
    );
    assert.deepEqual(entries[1], {
      urn: "urn:pulumi:prod::proj::a:b:Comp::same",
      type: "a:b:Comp",
      name: "same",
      importId: "",
      parent: "",
      component: true,
    });
    assert.equal(entries[0]?.parent, "urn:pulumi:prod::proj::a:b:Comp::same");
  });

  it("refuses what Pulumi refuses, in its words", () => {
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "none" },
          { type: "x:y:Z", name: "comp", component: true, id: "1" },
          { type: "x:y:Z", name: "twin", id: "1" },
          { type: "x:y:W", name: "twin", id: "2" },
          { type: "x:y:Z", name: "a", parent: "twin", id: "3" },
          { type: "x:y:Z", name: "b", parent: "gone", id: "4" },
        ],
      },
      "import.json: resource 'none' of type 'x:y:Z' has no ID. Fix it.",
      "import.json: resource 'comp' of type 'x:y:Z' has an ID, but is marked as a component. Fix it.",
      "import.json: resource 'a' of type 'x:y:Z' has an ambiguous parent. Fix it.",
      "import.json: the parent 'gone' for resource 'b' of type 'x:y:Z' has no entry in 'nameTable'. Fix it.",
    );
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "a", logicalName: "same", id: "1" },
          { type: "x:y:Z", name: "b", logicalName: "same", id: "2" },
        ],
      },
      "import.json: resource 'same' of type 'x:y:Z' has an ambiguous URN, set name (or logical name) to be unique. Fix it.",
    );
  });

  it("refuses parents that go round in circles, which Pulumi follows for ever", () => {
    refused(
      {
        resources: [
          { type: "x:y:Z", name: "a", parent: "b", id: "1" },
          { type: "x:y:Z", name: "b", parent: "a", id: "2" },
        ],
      },
      "import.json: resource 'a' of type 'x:y:Z' is its own parent. Fix it.",
      "import.json: resource 'b' of type 'x:y:Z' is its own parent. Fix it.",
    );
  });

  it("refuses keys that it would pass over, and what is no JSON", () => {
    assert.throws(
      () => read({ resources: [{ type: "x:y:Z", name: "a", id: "1", properties: [] }] }),
      /properties/,
    );
    assert.throws(() => read("{"), /cannot be read/);
  });
});
