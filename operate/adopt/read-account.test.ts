import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { zoneId } from "cloudflare-standin/api/database";
import { account_id, clientOf, present } from "cloudflare-standin/testing/stand-in";
import { problemText, UserError } from "../../fleet/problem";
import { openTestFleet } from "../testing/test-fleet";
import { readAccount } from "./read-account";

describe("readAccount", () => {
  it("reads everything with eight calls, and of records only those of the push hosts", async (t) => {
    const { api, standIn, stack } = await openTestFleet(t, { sites: { tokyo: {} } });
    const client = clientOf(standIn);
    const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
      account_id,
      name: "central",
      config_src: "cloudflare",
    });
    for (const name of ["prom.example.com", "grafana.example.com"]) {
      await client.dns.records.create({
        zone_id: zoneId("example.com"),
        type: "CNAME",
        name,
        content: "elsewhere.example.net",
        ttl: 300,
      });
    }
    standIn.clearRequests();
    const bare = await readAccount(api, stack.config);
    assert.equal(standIn.requests.length, 8);
    assert.equal(bare.tunnelConfiguration, undefined);
    assert.deepEqual(
      bare.records.map(({ name, ttl }) => [name, ttl]),
      [["prom.example.com", 300]],
    );
    await client.zeroTrust.tunnels.cloudflared.configurations.update(present(tunnel.id), {
      account_id,
      config: {
        ingress: [
          {
            hostname: "prom.example.com",
            path: "^/x$",
            service: "http://localhost:9090",
            originRequest: { noTLSVerify: true },
          },
          { hostname: "", service: "http_status:404" },
        ],
      },
    });
    assert.deepEqual((await readAccount(api, stack.config)).tunnelConfiguration, {
      rules: [
        {
          hostname: "prom.example.com",
          path: "^/x$",
          service: "http://localhost:9090",
          originRequest: { noTLSVerify: true },
        },
        { hostname: "", path: "", service: "http_status:404", originRequest: {} },
      ],
      originRequest: {},
      privateNetworks: false,
    });
  });

  it("asks for no tunnel where hosts are published by address", async (t) => {
    const { api, standIn, stack } = await openTestFleet(t, {
      sites: {},
      configuration: { publish: { addresses: { metrics: "203.0.113.1", logs: "203.0.113.2" } } },
    });
    await readAccount(api, stack.config);
    assert.equal(standIn.requests.filter(({ path }) => path.includes("cfd_tunnel")).length, 0);
  });

  it("names every permission that is missing, at once", async (t) => {
    const { apiWith, stack } = await openTestFleet(t, { sites: {} });
    await assert.rejects(readAccount(apiWith(["Zone Read"]), stack.config), (error) => {
      assert.ok(error instanceof UserError);
      assert.deepEqual(
        error.problems.map((problem) => problemText(problem).replace(/ \(.*\)/, "")),
        [
          'CLOUDFLARE_API_TOKEN: may not list the service tokens. Give it the permission "Access: Service Tokens, Read".',
          'CLOUDFLARE_API_TOKEN: may not list the Access applications. Give it the permission "Access: Apps and Policies, Read".',
          'CLOUDFLARE_API_TOKEN: may not list the Access policies. Give it the permission "Access: Apps and Policies, Read".',
          'CLOUDFLARE_API_TOKEN: may not list the tunnels. Give it the permission "Cloudflare Tunnel, Read".',
        ],
      );
      return true;
    });
  });

  it("says when the zone is not there", async (t) => {
    const { api, stack } = await openTestFleet(t, { sites: {} });
    await assert.rejects(readAccount(api, { ...stack.config, zone: { name: "example.net" } }), {
      name: "UserError",
      message:
        'sitepass:zone: is "example.net", and Cloudflare shows the API token no such zone. Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it.',
    });
  });
});
