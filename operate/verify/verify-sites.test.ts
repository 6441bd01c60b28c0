import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { hashClientSecret } from "cloudflare-standin/api/service-tokens";
import { zoneId } from "cloudflare-standin/api/database";
import { startEdge } from "cloudflare-standin/edge/edge";
import { startReceiver } from "../../local/pushes/receiver";
import { openTestFleet } from "../testing/test-fleet";
import { problemText, UserError } from "../../fleet/problem";
import { viaTo } from "./testing/via-to";
import { fleetProblems } from "./verdict";
import { verifySites } from "./verify-sites";

const address = "203.0.113.7";

/** A fleet that is published by address, and the way to a receiver there. */
async function publishedFleet(t: TestContext, sites: Readonly<Record<string, unknown>>) {
  const fleet = await openTestFleet(t, {
    sites,
    configuration: { publish: { addresses: { metrics: address, logs: address } } },
  });
  const { database } = fleet.standIn;
  for (const { hostname } of fleet.stack.config.endpoints) {
    const id = randomUUID();
    const time = new Date().toISOString();
    database.dnsRecords.set(id, {
      ...{ id, zoneId: zoneId("example.com"), name: hostname, type: "A", content: address, proxied: true },
      ...{
        ttl: 1,
        settings: {},
        comment: null,
        comment_modified_on: null,
        created_on: time,
        modified_on: time,
      },
    });
  }
  for (const token of database.serviceTokens.values()) {
    token.clientSecretHash = hashClientSecret("a secret");
  }
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const edge = await startEdge({ database, addresses: new Map([[address, receiver.url]]) });
  t.after(() => edge.close());
  return { ...fleet, edge, receiver };
}

describe("verifySites", () => {
  it("tries 500 sites with ten requests each", async (t) => {
    const names = Array.from({ length: 500 }, (_, index) => `site-${index + 1}`);
    const { stack, outputs, edge, receiver } = await publishedFleet(
      t,
      Object.fromEntries(names.map((name) => [name, {}])),
    );
    const progress = { calls: 0, done: 0, total: 0 };
    const verdict = await verifySites(stack.sites, {
      config: stack.config,
      outputs,
      via: viaTo(edge.url),
      onProgress: (done, total) => {
        progress.calls += 1;
        Object.assign(progress, { done, total });
      },
    });
    assert.equal(verdict.ok, true);
    assert.equal(verdict.sites.length, 500);
    const requests = 8 + 500 * 10;
    assert.deepEqual([progress.done, progress.total], [requests, requests]);
    assert.equal(edge.answered.length, requests);
    const answers: Record<string, number> = {};
    for (const { status, by } of edge.answered) {
      answers[`${status} ${by}`] = (answers[`${status} ${by}`] ?? 0) + 1;
    }
    assert.deepEqual(answers, {
      "400 origin": 500 * 2,
      "200 origin": 500,
      "401 access": 3 + 500 * 2 + 5 + 500 * 5,
    });
    assert.deepEqual([receiver.samples, receiver.lines], [[], []]);
  });

  it("says of an address what Cloudflare says of it", async (t) => {
    const { stack, outputs, edge, receiver } = await publishedFleet(t, { tokyo: { signals: ["metrics"] } });
    await receiver.close();
    const { sites } = await verifySites(stack.sites, {
      config: stack.config,
      outputs,
      via: viaTo(edge.url),
    });
    assert.deepEqual(
      sites.flatMap(({ signals }) => signals.flatMap(({ problems }) => problems)),
      [
        {
          says: "POST /api/v1/write is answered with 521 from Cloudflare (error code 521)",
          todo: "Start the server at 203.0.113.7, and let Cloudflare's addresses through its firewall",
        },
      ],
    );
  });

  it("reads the outputs anew for each further look, and keeps them while the stack is not readable", async (t) => {
    const { stack, outputs, edge } = await publishedFleet(t, { tokyo: {} });
    const reads = [
      () => Promise.reject(new UserError([{ subject: "stack", says: "is locked", todo: "Wait" }])),
      () => Promise.resolve(outputs),
    ];
    const seen: (readonly string[])[] = [];
    const verdict = await verifySites(stack.sites, {
      config: stack.config,
      outputs: { ...outputs, sites: {} },
      via: viaTo(edge.url),
      readOutputs: () => reads.shift()?.() ?? Promise.reject(new Error("read too often")),
      watch: {
        interval: 1,
        timeout: undefined,
        onLook: (found) => seen.push(fleetProblems(found).map(problemText)),
      },
    });
    const missing = "tokyo: has no service token yet. Run `pulumi up`.";
    assert.deepEqual(seen, [[missing], [missing]]);
    assert.deepEqual([verdict.ok, reads.length], [true, 0]);
  });
});
