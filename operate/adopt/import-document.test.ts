import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importDocument } from "./import-document";
import { planFor, handmade, accountId, zoneId } from "./testing/handmade-account";

describe("importDocument", () => {
  it("has components as entries of their own, and names that are unique though logical names are not", () => {
    const plan = planFor(handmade());
    const some = plan.adoptions.filter(({ becomes }) => ["tokyo", "metrics"].includes(becomes.name));
    assert.deepEqual(JSON.parse(importDocument(some, "6.22.1")), {
      resources: [
        {
          type: "sitepass:provision:SitePasses",
          name: "SitePasses_sites",
          logicalName: "sites",
          component: true,
        },
        {
          type: "sitepass:provision:PublicRecords",
          name: "PublicRecords_dns",
          logicalName: "dns",
          component: true,
        },
        {
          type: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
          name: "ZeroTrustAccessServiceToken_tokyo",
          logicalName: "tokyo",
          parent: "SitePasses_sites",
          id: `accounts/${accountId}/tokyo-id`,
          version: "6.22.1",
        },
        {
          type: "cloudflare:index/dnsRecord:DnsRecord",
          name: "DnsRecord_metrics",
          logicalName: "metrics",
          parent: "PublicRecords_dns",
          id: `${zoneId}/prom.example.com-id`,
          version: "6.22.1",
        },
      ],
    });
    const names = [...importDocument(plan.adoptions, "6.22.1").matchAll(/"name": "(.*)"/g)].map(
      ([, name]) => name,
    );
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.length, plan.adoptions.length + 5);
  });
});
