import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { send } from "cloudflare-standin/edge/http-messages";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders } from "./push-messages";
import { LabelSets } from "./receiver";
import { receiverFor } from "./testing/push-world";

const host = "localhost";

describe("receiver", () => {
  it("keeps samples and lines by label set, and a record of the requests", async (t) => {
    const receiver = await receiverFor(t);
    const labels = { __name__: "up", site: "tokyo" };
    for (const timestamp of [1, 2]) {
      const body = remoteWriteBody([{ labels, samples: [{ timestamp, value: timestamp / 2 }] }]);
      const push = { host, path: "/api/v1/write?a", headers: remoteWriteHeaders, body };
      assert.equal((await send(receiver.url, push)).status, 204);
    }
    for (const format of ["json", "protobuf"] as const) {
      const body = lokiBody([{ labels: { job: "x" }, lines: [{ timestamp: "5", line: format }] }], format);
      const push = { host, path: "/loki/api/v1/push", headers: lokiHeaders(format), body };
      assert.equal((await send(receiver.url, push)).status, 204);
    }
    assert.deepEqual(receiver.samples, [
      {
        labels,
        samples: [
          { timestamp: 1, value: 0.5 },
          { timestamp: 2, value: 1 },
        ],
      },
    ]);
    assert.deepEqual(receiver.lines, [
      {
        labels: { job: "x" },
        lines: [
          { timestamp: "5", line: "json" },
          { timestamp: "5", line: "protobuf" },
        ],
      },
    ]);
    assert.deepEqual(
      receiver.requests.map(({ method, path, status }) => `${method} ${path} ${status}`),
      [
        "POST /api/v1/write?a 204",
        "POST /api/v1/write?a 204",
        "POST /loki/api/v1/push 204",
        "POST /loki/api/v1/push 204",
      ],
    );
    receiver.clear();
    assert.deepEqual([receiver.samples, receiver.lines, receiver.requests], [[], [], []]);
  });

  it("answers as Prometheus and Loki do", async (t) => {
    const receiver = await receiverFor(t);
    const answer = async (method: string, path: string, type = "text/plain"): Promise<string> => {
      const { status, body } = await send(receiver.url, {
        host,
        path,
        method,
        headers: [["Content-Type", type]],
        body: Buffer.from("rubbish"),
      });
      return `${status} ${body.toString()}`.trim();
    };
    assert.equal(await answer("POST", "/api/v1/write"), "400 snappy: corrupt input");
    assert.match(await answer("POST", "/loki/api/v1/push", "application/json"), /^400 Unexpected token/);
    assert.match(
      await answer("POST", "/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
      /^415 /,
    );
    assert.equal(await answer("GET", "/api/v1/write"), "405 Method Not Allowed");
    assert.equal(await answer("GET", "/api/v1/query?query=up"), "200 {}");
    assert.equal(await answer("POST", "/-/reload"), "200 {}");
    assert.equal(await answer("GET", "/-/reload"), "405");
    assert.equal(await answer("GET", "/loki/api/v1/query_range"), "200 {}");
    assert.equal(await answer("POST", "/api/v1/write/"), "404 404 page not found");
  });
});

describe("LabelSets", () => {
  it("keeps what comes under the same labels together, whatever their order", () => {
    const sets = new LabelSets<number>();
    sets.add({ a: "1", b: "2" }, [1]);
    sets.add({ c: "3" }, [2]);
    sets.add({ b: "2", a: "1" }, [3, 4]);
    assert.deepEqual(sets.entries(), [
      { labels: { a: "1", b: "2" }, items: [1, 3, 4] },
      { labels: { c: "3" }, items: [2] },
    ]);
    sets.clear();
    assert.deepEqual(sets.entries(), []);
  });
});
