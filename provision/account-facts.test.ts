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

/** Looks a zone up, with a provider that answers so. */
async function lookUp(
  zone: string,
  ask: (call: pulumi.runtime.MockCallArgs) => object,
  from: { readonly baseUrl?: string; readonly apiToken?: string },
) {
  await pulumi.runtime.setMocks({ newResource: ({ name }) => ({ id: name, state: {} }), call: ask });
  const raw = {
    "sitepass:accountId": accountId,
    "sitepass:zone": zone,
    "sitepass:endpoints": JSON.stringify({ metrics: { hostname: "prom.example.com" } }),
    "sitepass:publish": JSON.stringify({ tunnel: { name: "central" } }),
    "sitepass:identity": "label",
    "sitepass:teamName": "example-team",
    "sitepass:preflight": String(from.baseUrl !== undefined),
    ...(from.baseUrl === undefined
      ? {}
      : { "cloudflare:apiToken": "a".repeat(40), "cloudflare:baseUrl": from.baseUrl }),
  };
  const config = parseConfig(raw);
  assert.ok(config.ok, JSON.stringify(problemsOf(config)));
  const fleet = { config: config.value, sites: [], elsewhere: [] };
  const facts = await readAccountFacts(fleet, { raw, environment: {}, ownPrefix: "sitepass/test/" });
  return { id: facts.zone.id, name: facts.zone.name };
}

const unasked = () => {
  throw new Error("the provider was asked");
};

const theirs = { id: "b".repeat(32), name: "example.org", status: "active", account: { id: accountId } };
const ours = { id: "a".repeat(32), name: "example.com", status: "active", account: { id: accountId } };
const noSuchZone = (reason = "") =>
  new UserError({
    subject: "sitepass:zone",
    says: `is "example.com", and Cloudflare shows the API token no such zone${reason}`,
    todo: 'Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it',
  });

describe("readAccountFacts, of a zone by its name", () => {
  it("asks Cloudflare and not the provider, and picks the zone from a list that does not heed the name", async (t) => {
    const from = { baseUrl: await serveZones(t, [theirs, ours]) };
    assert.deepEqual(await lookUp("example.com", unasked, from), { id: ours.id, name: "example.com" });
  });

  it("never takes another zone for the one that is configured", async (t) => {
    const from = { baseUrl: await serveZones(t, [theirs]) };
    await assert.rejects(lookUp("example.com", unasked, from), noSuchZone());
  });

  it("asks the provider for a list once where there is no preflight, and takes the active zone", async () => {
    const asked: unknown[] = [];
    const pending = { ...ours, id: "c".repeat(32), status: "pending" };
    const foreign = { ...ours, id: "d".repeat(32), account: { id: "e".repeat(32) } };
    const answering =
      (...results: readonly object[]) =>
      ({ token, inputs }: pulumi.runtime.MockCallArgs) => {
        asked.push([token, inputs]);
        return { results };
      };
    assert.deepEqual(await lookUp("example.com", answering(foreign, pending, theirs, ours), {}), {
      id: ours.id,
      name: "example.com",
    });
    assert.deepEqual(asked, [["cloudflare:index/getZones:getZones", { name: "example.com" }]]);
    assert.equal((await lookUp("example.com", answering(foreign, pending), {})).id, pending.id);
    await assert.rejects(lookUp("example.com", answering(theirs), {}), noSuchZone());
    await assert.rejects(
      lookUp("example.com", answering(foreign), {}),
      new UserError({
        subject: "sitepass:accountId",
        says: `is ${accountId}, and the zone example.com belongs to account ${"e".repeat(32)}`,
        todo: "Configure account and zone that belong together",
      }),
    );
  });
});

describe("readAccountFacts, of a zone by its ID", () => {
  it("asks the provider where there is no preflight", async () => {
    const answer = ({ token, inputs }: pulumi.runtime.MockCallArgs) => {
      assert.deepEqual([token, inputs], ["cloudflare:index/getZone:getZone", { zoneId: ours.id }]);
      return { zoneId: ours.id, name: "example.com" };
    };
    assert.deepEqual(await lookUp(ours.id, answer, {}), { id: ours.id, name: "example.com" });
  });
});
