import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../local/run/processes";
import {
  assertion,
  runGate,
  signingKey,
  Stores,
  withoutHaproxy,
  type Answered,
  type RunningGate,
  type SigningKey,
} from "./testing/running-gate";

const osaka = "22222222222222222222222222222222.access";

/** What a collector makes of an answer: 4xx but 429 is dropped for good. */
const told = ({ status, headers }: Answered) => ({
  status,
  reason: headers["x-sitepass-gate"],
  again: headers["retry-after"],
});

describe("a gate with a fault around it", { skip: withoutHaproxy }, () => {
  let key: SigningKey;
  let gate: RunningGate;

  before(async () => {
    key = await signingKey("current");
    gate = await runGate({
      keys: [key],
      central: { limits: { requestsPerSecond: 20, bytesPerSecond: 200_000 } },
    });
  });

  after(() => gate.close());

  const push = async (body: string | Buffer = "push", changes: Readonly<Record<string, unknown>> = {}) =>
    gate.send("metrics", {
      headers: [["Cf-Access-Jwt-Assertion", await assertion(key, changes)]],
      body,
    });

  const answering = async (answer: RunningGate["stores"]["answer"]): Promise<Answered> => {
    gate.stores.answer = answer;
    try {
      return await push();
    } finally {
      gate.stores.answer = { status: 204 };
    }
  };

  it("holds back what a store answers that is set up wrongly, or that leads elsewhere", async () => {
    for (const status of [301, 302, 307, 401, 403, 404, 405]) {
      assert.deepEqual(
        told(await answering({ status, headers: { Location: "http://192.0.2.1/" } })),
        { status: 503, reason: "store-refuses", again: "10" },
        String(status),
      );
    }
  });

  it("hands on what a store says of the push itself", async () => {
    for (const status of [400, 413, 415, 422, 429, 500, 503]) {
      assert.equal((await answering({ status, headers: { "Retry-After": "7" } })).status, status);
    }
    assert.equal(
      (await answering({ status: 429, headers: { "Retry-After": "7" } })).headers["retry-after"],
      "7",
    );
    const page = await gate.page("/metrics/sites");
    assert.match(page, /^sitepass_gate_rejected_total\{site="nagoya",signal="metrics"\} 4$/m);
    assert.match(page, /^sitepass_gate_delivered_total\{site="nagoya",signal="metrics"\} 0$/m);
    assert.match(page, /^sitepass_gate_requests_total\{site="nagoya",signal="metrics"\} 15$/m);
  });

  it("lets a site send no more requests than its limit, with 429, and the others on", async () => {
    const answers = [];
    for (let sent = 0; sent < 220; sent += 1) {
      answers.push(await push("x", { common_name: osaka }));
    }
    assert.equal(answers.filter(({ status }) => status === 204).length, 200);
    assert.deepEqual(told(answers.at(-1) ?? assert.fail()), { status: 429, reason: "requests", again: "5" });
    assert.equal((await push()).status, 204);
    assert.match(
      await gate.page("/metrics/sites"),
      /^sitepass_gate_refused_total\{site="osaka",signal="metrics",reason="requests"\} 20$/m,
    );
  });

  it("lets a site send no more bytes than its limit, with 429", async () => {
    const big = Buffer.alloc(1_100_000);
    const answers = [await push(big), await push(big), await push(big)];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 204, 429],
    );
    assert.deepEqual(told(answers[2] ?? assert.fail()), { status: 429, reason: "bytes", again: "5" });
  });

  it("answers 503 while the store does not run, and goes on when it does", async () => {
    await gate.stop();
    await gate.start();
    await gate.stores.close("vmagent");
    assert.deepEqual(told(await push()), { status: 503, reason: "store-down", again: "10" });
    await gate.stores.open("vmagent", gate.places.programs.vmagent.ports.http);
    assert.equal((await push()).status, 204);
  });

  it("hands nothing to Alloy, which keeps lines in memory alone, while Loki does not run", async () => {
    const path = join(gate.directory, "gate/haproxy.cfg");
    const text = readFileSync(path, "utf8");
    const watchful = text.replaceAll("check inter 5s fall 3", "check inter 50ms fall 1");
    assert.notEqual(watchful, text);
    await gate.stop();
    writeFileSync(path, watchful);
    await gate.start();
    const lines = async (): Promise<ReturnType<typeof told>> =>
      told(
        await gate.send("logs", {
          path: "/loki/api/v1/push",
          headers: [["Cf-Access-Jwt-Assertion", await assertion(key, { aud: ["b".repeat(64)] })]],
          body: "lines",
        }),
      );
    assert.deepEqual(await lines(), { status: 204, reason: "handed-on", again: undefined });
    await gate.stores.close("loki");
    await delay(300);
    gate.stores.take();
    assert.deepEqual(await lines(), { status: 503, reason: "store-down", again: "10" });
    assert.deepEqual(gate.stores.take(), []);
    // Metrics wait on vmagent's disk.
    assert.equal((await push()).status, 204);
    await gate.stores.open("loki", gate.places.programs.loki.ports.http);
    await delay(300);
    assert.equal((await lines()).status, 204);
    await gate.stop();
    writeFileSync(path, text);
    await gate.start();
  });

  it("answers 504 to what the store takes too long for, and 503 to a body that stops coming", async () => {
    const path = join(gate.directory, "gate/haproxy.cfg");
    const text = readFileSync(path, "utf8");
    const impatient = text
      .replace("timeout server 60s", "timeout server 300ms")
      .replace("timeout client 60s", "timeout client 100ms")
      .replaceAll("wait-for-body time 10s", "wait-for-body time 100ms");
    assert.notEqual(impatient, text);
    await gate.stop();
    writeFileSync(path, impatient);
    await gate.start();
    assert.deepEqual(told(await answering({ status: 204, delay: 600 })), {
      status: 504,
      reason: "store-slow",
      again: "10",
    });
    for (const [jwt, status, reason] of [
      [await assertion(key), 504, "store-slow"],
      [await assertion(await signingKey("other")), 503, undefined],
    ] as const) {
      const halfway = await gate.send("metrics", {
        headers: [
          ["Cf-Access-Jwt-Assertion", jwt],
          ["Content-Length", "100"],
        ],
        body: "half of it",
        // The gate ends the connection.
        agent: new Agent(),
      });
      assert.deepEqual(told(halfway), { status, reason, again: "10" });
    }
    await gate.stop();
    writeFileSync(path, text);
    await gate.start();
  });

  it("answers 503 with an empty map, and with keys that were never fetched", async () => {
    await gate.stop();
    const map = join(gate.directory, "gate/sites.map");
    const sites = readFileSync(map, "utf8");
    writeFileSync(map, "");
    await gate.start();
    assert.deepEqual(told(await push()), { status: 503, reason: "unknown-client", again: "10" });
    await gate.stop();
    writeFileSync(map, sites);
    await gate.start();
    assert.equal((await push()).status, 204);

    const empty = await runGate();
    try {
      const answer = await empty.send("metrics", {
        headers: [["Cf-Access-Jwt-Assertion", await assertion(key)]],
      });
      assert.deepEqual(told(answer), { status: 503, reason: "unknown-key", again: "10" });
      assert.deepEqual(empty.stores.take(), []);
    } finally {
      await empty.close();
    }
  });

  it("tells by tenant", async () => {
    const tenant = await runGate({ keys: [key], central: { identity: "tenant" } });
    try {
      const { status } = await tenant.send("logs", {
        path: "/loki/api/v1/push?x=1",
        headers: [
          ["Cf-Access-Jwt-Assertion", await assertion(key, { aud: ["b".repeat(64)] })],
          ["X-Scope-OrgID", "osaka"],
        ],
        body: "lines",
      });
      assert.equal(status, 204);
      const [arrived] = tenant.stores.take();
      assert.equal(arrived?.store, "loki");
      assert.equal(arrived.url, "/loki/api/v1/push");
      assert.equal(arrived.headers["x-scope-orgid"], "nagoya");
    } finally {
      await tenant.close();
    }
  });

  it("tells a store of one's own by its label, at the very path that is configured", async () => {
    const port = await freePort();
    const own = new Stores();
    await own.open("vmagent", port);
    const url = new URL(`http://127.0.0.1:${port}/in%2520sert/$HOME/0:'a'/api/v1/write`);
    const labelled = await runGate({
      keys: [key],
      central: { identity: "tenant", ownStores: { metrics: { url, takesExtraLabel: true } } },
    });
    try {
      const { status } = await labelled.send("metrics", {
        path: "/api/v1/write?extra_label=provider=osaka",
        headers: [["Cf-Access-Jwt-Assertion", await assertion(key)]],
        body: "samples",
      });
      assert.equal(status, 204);
      assert.deepEqual(
        own.take().map((arrived) => arrived.url),
        [`${url.pathname}?extra_label=provider=nagoya`],
      );
    } finally {
      await labelled.close();
      await own.close();
    }
  });
});
