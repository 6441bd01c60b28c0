import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it, type TestContext } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "../fleet/config";
import { problemsOf, UserError } from "../fleet/problem";
import { readAccountFacts } from "./account-facts";

const accountId = "0123456789abcdef0123456789abcdef";

/** An API that lists these zones, whatever it is asked for. Returns its address. */
async function serveZones(t: TestContext, zones: readonly object[]): Promise<string> {
  const server = createServer((_request, response) => {
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ success: true, result: zones, result_info: { total_count: zones.length } }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}/client/v4`;
}

/** Looks the zone example.com up, with a provider that answers so. */
async function lookUp(getZone: () => object, baseUrl: string, preflight: boolean) {
  await pulumi.runtime.setMocks({ newResource: ({ name }) => ({ id: name, state: {} }), call: getZone });
  const raw = {
    "sitepass:accountId": accountId,
    "sitepass:zone": "example.com",
    "sitepass:endpoints": JSON.stringify({ metrics: { hostname: "prom.example.com" } }),
    "sitepass:publish": JSON.stringify({ tunnel: { name: "central" } }),
    "sitepass:identity": "label",
    "sitepass:teamName": "example-team",
    "sitepass:preflight": String(preflight),
    "cloudflare:apiToken": "a".repeat(40),
    "cloudflare:baseUrl": baseUrl,
  };
  const config = parseConfig(raw);
  assert.ok(config.ok, JSON.stringify(problemsOf(config)));
  const fleet = { config: config.value, sites: [], elsewhere: [] };
  const facts = await readAccountFacts(fleet, { raw, environment: {}, ownPrefix: "sitepass/test/" });
  return facts.zone;
}

const unasked = () => {
  throw new Error("the provider was asked");
};

describe("readAccountFacts, with an API that does not heed the zone's name", () => {
  const theirs = { id: "b".repeat(32), name: "example.org", status: "active" };
  const ours = { id: "a".repeat(32), name: "example.com", status: "active" };

  it("picks the zone from the whole list", async (t) => {
    const baseUrl = await serveZones(t, [theirs, ours]);
    assert.deepEqual(await lookUp(unasked, baseUrl, true), { id: ours.id, name: "example.com" });
  });

  it("never takes another zone for the one that is configured", async (t) => {
    const baseUrl = await serveZones(t, [theirs]);
    const another = () => ({ zoneId: theirs.id, name: theirs.name });
    for (const [preflight, reason] of [
      [true, ""],
      [false, " (asked for exactly one result by its name, it gave the zone example.org)"],
    ] as const) {
      await assert.rejects(
        () => lookUp(another, baseUrl, preflight),
        new UserError({
          subject: "sitepass:zone",
          says: `is "example.com", and Cloudflare shows the API token no such zone${reason}`,
          todo: 'Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it',
        }),
      );
    }
  });
});
