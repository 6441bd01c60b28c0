import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordProgram, type Declaration } from "../support/recorded-declarations";

const accountId = "0123456789abcdef0123456789abcdef";
const metricsHost = "metrics-whole-host-prom.example.com";
const metricsPaths = "metrics-write-paths-prom.example.com";

const configuration = {
  accountId,
  zone: "example.com",
  endpoints: {
    metrics: { hostname: "prom.example.com" },
    logs: { hostname: "loki.example.com", paths: ["/loki/api/v1/push"] },
  },
  publish: { tunnel: { name: "central" } },
  teamName: "acme",
  alertEmails: ["ops@example.com"],
};

const declare = (sites: Readonly<Record<string, string>>, protect = false) =>
  recordProgram({ sites, configuration: { ...configuration, protect } });

function find(declarations: readonly Declaration[], resource: string): Declaration {
  const [found, ...others] = declarations.filter((declaration) => declaration.resource === resource);
  assert.ok(found !== undefined && others.length === 0, `${resource} is declared once`);
  return found;
}

describe("what the program declares", () => {
  it("names every resource after what it is, below its component", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(declarations.map(({ parent, resource }) => `${parent} > ${resource}`).sort(), [
      " > Alerts alerts",
      " > PublicRecords dns",
      " > PublicTunnel tunnel",
      " > PushEndpoint logs",
      " > PushEndpoint metrics",
      " > PushPolicies push",
      " > SitePasses sites",
      "Alerts alerts > NotificationPolicy alerts-expiring-tokens",
      "Alerts alerts > NotificationPolicy alerts-tunnel-health",
      "PublicRecords dns > DnsRecord logs",
      "PublicRecords dns > DnsRecord metrics",
      "PublicTunnel tunnel > ZeroTrustTunnelCloudflared tunnel",
      "PublicTunnel tunnel > ZeroTrustTunnelCloudflaredConfig tunnel-ingress",
      "PushEndpoint logs > ZeroTrustAccessApplication logs-whole-host-loki.example.com",
      "PushEndpoint logs > ZeroTrustAccessApplication logs-write-paths-loki.example.com",
      "PushEndpoint metrics > ZeroTrustAccessApplication metrics-whole-host-prom.example.com",
      "PushEndpoint metrics > ZeroTrustAccessApplication metrics-write-paths-prom.example.com",
      "PushPolicies push > ZeroTrustAccessPolicy logs-25-of-32",
      "PushPolicies push > ZeroTrustAccessPolicy metrics-25-of-32",
      "PushPolicies push > ZeroTrustAccessPolicy nobody",
      "SitePasses sites > ZeroTrustAccessServiceToken tokyo",
    ]);
  });

  it("sends a token's version and time only together, and only after a rotation", async () => {
    const rotated =
      "token: { duration: forever, enabled: false, secretVersion: 3, previousSecretExpiresAt: 2099-01-01T00:00:00Z }";
    const declarations = await declare({ tokyo: "", osaka: rotated });
    assert.deepEqual(find(declarations, "ZeroTrustAccessServiceToken tokyo").inputs, {
      accountId,
      name: "sitepass/test/tokyo",
      duration: "8760h",
      enabled: true,
    });
    assert.deepEqual(find(declarations, "ZeroTrustAccessServiceToken osaka").inputs, {
      accountId,
      name: "sitepass/test/osaka",
      duration: "forever",
      enabled: false,
      clientSecretVersion: 3,
      previousClientSecretExpiresAt: "2099-01-01T00:00:00Z",
    });
  });

  it("lets tokens in by ID under Service Auth alone", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(find(declarations, "ZeroTrustAccessPolicy metrics-25-of-32").inputs, {
      accountId,
      name: "sitepass/test/push metrics 26/32",
      decision: "non_identity",
      includes: [{ serviceToken: { tokenId: "tokyo-id" } }],
      sessionDuration: "30m",
    });
    const decisions = declarations.flatMap(({ inputs }) => ("decision" in inputs ? [inputs.decision] : []));
    assert.deepEqual(new Set(decisions), new Set(["non_identity"]));
  });

  it("lets nobody in on the whole host, and refuses with 401", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(find(declarations, "ZeroTrustAccessPolicy nobody").inputs, {
      accountId,
      name: "sitepass/test/nobody",
      decision: "non_identity",
      includes: [{ ip: { ip: "192.0.2.1/32" } }],
      sessionDuration: "30m",
    });
    const { inputs } = find(declarations, `ZeroTrustAccessApplication ${metricsHost}`);
    assert.deepEqual(inputs.policies, [{ id: "nobody-id", precedence: 1 }]);
    assert.equal(inputs.serviceAuth401Redirect, true);
  });

  it("makes DNS records after their own applications and the ingress behind them", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(find(declarations, "DnsRecord metrics"), {
      resource: "DnsRecord metrics",
      parent: "PublicRecords dns",
      inputs: {
        zoneId: "zone",
        name: "prom.example.com",
        type: "CNAME",
        content: "tunnel-id.cfargotunnel.com",
        proxied: true,
        ttl: 1,
        comment: "sitepass/test/metrics",
      },
      protect: false,
      deleteBeforeReplace: true,
      deletedWith: "",
      after: [
        `ZeroTrustAccessApplication ${metricsHost}`,
        `ZeroTrustAccessApplication ${metricsPaths}`,
        "ZeroTrustTunnelCloudflared tunnel",
        "ZeroTrustTunnelCloudflaredConfig tunnel-ingress",
      ],
      replaceWith: [
        `ZeroTrustAccessApplication ${metricsHost}`,
        `ZeroTrustAccessApplication ${metricsPaths}`,
      ],
    });
  });

  it("changes the application on a whole host only after the one on its write paths", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(find(declarations, `ZeroTrustAccessApplication ${metricsHost}`).after, [
      `ZeroTrustAccessApplication ${metricsPaths}`,
      "ZeroTrustAccessPolicy nobody",
    ]);
    assert.deepEqual(find(declarations, `ZeroTrustAccessApplication ${metricsPaths}`).after, [
      "ZeroTrustAccessPolicy metrics-25-of-32",
    ]);
  });

  it("protects the tunnel alone, and only when told to", async () => {
    for (const protect of [true, false]) {
      const declarations = await declare({ tokyo: "" }, protect);
      assert.deepEqual(
        declarations.filter((declaration) => declaration.protect).map(({ resource }) => resource),
        protect ? ["ZeroTrustTunnelCloudflared tunnel"] : [],
      );
    }
  });

  it("deletes before it replaces where a name or host is unique, and nowhere else", async () => {
    const declarations = await declare({ tokyo: "" });
    assert.deepEqual(
      declarations
        .filter(({ deleteBeforeReplace }) => deleteBeforeReplace)
        .map(({ resource }) => resource)
        .sort(),
      [
        "DnsRecord logs",
        "DnsRecord metrics",
        "ZeroTrustAccessApplication logs-whole-host-loki.example.com",
        "ZeroTrustAccessApplication logs-write-paths-loki.example.com",
        `ZeroTrustAccessApplication ${metricsHost}`,
        `ZeroTrustAccessApplication ${metricsPaths}`,
        "ZeroTrustTunnelCloudflared tunnel",
      ],
    );
    assert.equal(
      find(declarations, "ZeroTrustTunnelCloudflaredConfig tunnel-ingress").deletedWith,
      "ZeroTrustTunnelCloudflared tunnel",
    );
  });
});
