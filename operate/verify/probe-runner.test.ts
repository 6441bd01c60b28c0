import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint } from "../../fleet/config";
import { ProbeRunner } from "./probe-runner";
import type { PlannedProbe } from "./probes";
import type { OutgoingProbe, Reply } from "./transport";

const endpoint: Endpoint = {
  signal: "metrics",
  hostname: "prom.example.com",
  paths: ["/api/v1/write"],
  origin: "http://localhost:9090",
};

const push: PlannedProbe = {
  kind: "push",
  hostname: endpoint.hostname,
  method: "POST",
  path: "/api/v1/write",
  credentials: { clientId: "id", clientSecret: "the very secret" },
  expected: "delivered",
};

function runnerWith(reply: (probe: OutgoingProbe) => Reply) {
  const sent: OutgoingProbe[] = [];
  let done = 0;
  const runner = new ProbeRunner({
    transport: {
      send: (probe) => {
        sent.push(probe);
        return Promise.resolve(reply(probe));
      },
      close: () => undefined,
    },
    publish: "tunnel",
    concurrency: 1,
    signal: undefined,
    onDone: () => {
      done += 1;
    },
  });
  return { runner, sent, done: () => done };
}

const timedOut: Reply = { failure: "time-out", reason: "no answer within 10 s" };
const answered: Reply = { status: 400, headers: new Map([["cf-ray", "1"]]), body: "snappy: corrupt input" };

describe("ProbeRunner", () => {
  it("spares the requests to a path that gave no answer eight times in a row", async () => {
    const { runner, sent, done } = runnerWith(({ path }) => (path === push.path ? timedOut : answered));
    const other = { ...push, path: "/other" };
    const place = { endpoint, probes: [...Array.from({ length: 20 }, () => push), other] };
    const results = (await runner.run([place])).get(place) ?? [];
    assert.deepEqual([sent.length, done(), results.length], [9, 21, 21]);
    assert.deepEqual(results[19]?.met, {
      kind: "network",
      failure: "time-out",
      text: "not tried after 8 in a row",
    });
    assert.equal(results[20]?.ok, true);
  });

  it("makes no more requests at a time than it may", async () => {
    let atATime = 0;
    let most = 0;
    const runner = new ProbeRunner({
      transport: {
        send: async () => {
          atATime += 1;
          most = Math.max(most, atATime);
          await new Promise(setImmediate);
          atATime -= 1;
          return answered;
        },
        close: () => undefined,
      },
      publish: "tunnel",
      concurrency: 3,
      signal: undefined,
      onDone: () => undefined,
    });
    await runner.run([{ endpoint, probes: Array.from({ length: 20 }, () => push) }]);
    assert.equal(most, 3);
  });

  it("goes on while some are answered", async () => {
    let count = 0;
    const { runner, sent } = runnerWith(() => {
      count += 1;
      return count % 8 === 0 ? answered : timedOut;
    });
    await runner.run([{ endpoint, probes: Array.from({ length: 40 }, () => push) }]);
    assert.equal(sent.length, 40);
  });

  it("does not repeat a secret that is quoted back", async () => {
    const { runner } = runnerWith(() => ({ ...answered, body: "you sent the very secret" }));
    assert.deepEqual(await runner.ask(push), {
      kind: "origin",
      status: 400,
      text: "you sent (the secret)",
    });
  });
});
