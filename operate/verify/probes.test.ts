import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint } from "../../fleet/config";
import { describeAnswer } from "./answer";
import { ProbeRunner, type Probe } from "./probes";
import type { ProbeRequest, Reply } from "./transport";

const endpoint: Endpoint = {
  signal: "metrics",
  hostname: "prom.example.com",
  paths: ["/api/v1/write"],
  origin: "http://localhost:9090",
};

const push: Probe = {
  kind: "push",
  hostname: endpoint.hostname,
  method: "POST",
  path: "/api/v1/write",
  credentials: { clientId: "id", clientSecret: "the very secret" },
  expected: "delivered",
};

function runnerWith(reply: (probe: ProbeRequest) => Reply) {
  const sent: ProbeRequest[] = [];
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
    abort: undefined,
    onDone: (count) => {
      done += count;
    },
  });
  return { runner, sent, done: () => done };
}

const timedOut: Reply = { failure: "time-out", reason: "no answer within 10 s" };
const answered: Reply = { status: 400, headers: new Map([["cf-ray", "1"]]), body: "snappy: corrupt input" };

describe("ProbeRunner", () => {
  it("skips the requests to a path that gave no answer eight times in a row", async () => {
    const { runner, sent, done } = runnerWith(({ path }) => (path === push.path ? timedOut : answered));
    const other = { ...push, path: "/other" };
    const group = { probes: [...Array.from({ length: 20 }, () => push), other] };
    const results = (await runner.run([group])).get(group) ?? [];
    assert.deepEqual([sent.length, done(), results.length], [9, 21, 21]);
    assert.deepEqual(results[19]?.answer, {
      kind: "network",
      failure: "time-out",
      text: "not tried after 8 in a row",
    });
    assert.equal(results[20]?.ok, true);
  });

  it("makes no more requests at a time than are allowed", async () => {
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
      abort: undefined,
      onDone: () => undefined,
    });
    await runner.run([{ probes: Array.from({ length: 20 }, () => push) }]);
    assert.equal(most, 3);
  });

  it("continues while some are answered", async () => {
    let count = 0;
    const { runner, sent } = runnerWith(() => {
      count += 1;
      return count % 8 === 0 ? answered : timedOut;
    });
    await runner.run([{ probes: Array.from({ length: 40 }, () => push) }]);
    assert.equal(sent.length, 40);
  });

  it("takes for delivered only what a store says that has looked at the push", async () => {
    const said = async (path: string, status: number, body: string, type = "text/plain") => {
      const { runner } = runnerWith(() => ({
        status,
        headers: new Map([
          ["cf-ray", "1"],
          ["content-type", type],
        ]),
        body,
      }));
      const group = { probes: [{ ...push, path }] };
      return (await runner.run([group])).get(group)?.[0]?.ok;
    };
    const [write, loki, otlp] = ["/api/v1/write", "/loki/api/v1/push", "/otlp/v1/logs"];
    const table: readonly (readonly [boolean, string, number, string])[] = [
      [true, write, 400, "snappy: corrupt input"],
      [true, write, 400, "s2: corrupt input"],
      [true, loki, 400, "error parsing request body"],
      [true, loki, 422, "error at least one valid stream is required for ingestion"],
      [true, otlp, 422, "error at least one valid stream is required for ingestion"],
      [true, otlp, 200, ""],
      // What answers 2xx to nothing takes anything, and keeps nothing.
      [false, write, 200, "ok"],
      [false, write, 204, ""],
      [false, loki, 204, ""],
      // Remote write 1.0 is what collectors speak.
      [false, write, 415, "application/x-protobuf is not accepted"],
      [false, otlp, 415, "unsupported media type"],
      [false, loki, 401, "no org id"],
      [false, loki, 400, "multiple org IDs present"],
      [false, write, 400, "Client sent an HTTP request to an HTTPS server."],
      [false, write, 400, "400 Bad Request: missing required Host header"],
    ];
    for (const [ok, path = "", status, body] of table) {
      assert.equal(await said(path, status, body), ok, `${path} ${status} ${body}`);
    }
  });

  it("believes a store behind the gate that takes nothing for nothing, and no refusal of the gate", async () => {
    for (const [ok, gate, status] of [
      [true, "handed-on", 204],
      [true, "handed-on", 400],
      [false, "handed-on", 503],
      [false, "unknown-client", 503],
      [false, "signature", 401],
    ] as const) {
      const { runner } = runnerWith(() => ({
        status,
        headers: new Map([
          ["cf-ray", "1"],
          ["x-sitepass-gate", gate],
        ]),
        body: "",
      }));
      const group = { probes: [push] };
      assert.equal((await runner.run([group])).get(group)?.[0]?.ok, ok, `${gate} ${status}`);
    }
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

describe("a 401 without a mark of its maker", () => {
  const json = { "cf-ray": "8f-AMS", "content-type": "application/json" };
  const html = { "cf-ray": "8f-AMS", "content-type": "text/html; charset=UTF-8" };
  const reply = (headers: Readonly<Record<string, string>>, body: string, status = 401): Reply => ({
    status,
    headers: new Map(Object.entries(headers)),
    body,
  });
  const page = (ray: string) => reply(html, `<h1>Unauthorized</h1> Ray ID: ${ray}`);
  const ofService = reply(json, '{"error":"authentication required"}');
  const wrong: Probe = {
    ...push,
    kind: "wrong-secret",
    expected: "refused",
    credentials: { clientId: "id", clientSecret: `cfast_${"0".repeat(48)}` },
  };
  const everybody: Probe = { ...push, kind: "no-credentials", expected: "refused", credentials: undefined };

  /** What the push is taken for, when these are the answers to it and to what is asked beside it. */
  async function taken(answers: Readonly<Record<"push" | "wrong" | "everybody", Reply>>): Promise<string> {
    const { runner } = runnerWith(({ credentials }) =>
      credentials === undefined
        ? answers.everybody
        : credentials === push.credentials
          ? answers.push
          : answers.wrong,
    );
    await runner.run([{ probes: [everybody] }]);
    const group = { probes: [push, wrong] };
    const [result] = (await runner.run([group])).get(group) ?? [];
    assert.ok(result !== undefined);
    return describeAnswer(result.answer);
  }

  const refusedHere = { wrong: page("8f0a12-AMS"), everybody: page("8f0a13-AMS") };
  const marked = reply({ ...html, "cf-access-aud": "f".repeat(64) }, "<h1>Forbidden</h1>", 403);
  const says = '{"error":"authentication required"}';
  const rows: readonly (readonly [string, Parameters<typeof taken>[0], string])[] = [
    [
      "is the service's where Access refuses others in another way",
      { ...refusedHere, push: ofService },
      `401 "${says}" from the origin`,
    ],
    [
      "is the service's though it is empty, where Access' is not",
      { ...refusedHere, push: reply({ "cf-ray": "1" }, "") },
      '401 "Unauthorized" from the origin',
    ],
    [
      "is Access' where it refuses others like that, with another Ray ID",
      { ...refusedHere, push: page("8f0a14-AMS") },
      "401 from Access",
    ],
    [
      "is Access' where a wrong secret gets the same, and nobody else does",
      { push: ofService, wrong: ofService, everybody: marked },
      "401 from Access",
    ],
    [
      "is the service's where Access is known to answer others with 403",
      { push: ofService, wrong: marked, everybody: marked },
      `401 "${says}" from the origin`,
    ],
  ];
  for (const [what, answers, expected] of rows) {
    it(what, async () => {
      assert.equal(await taken(answers), expected);
    });
  }
});
