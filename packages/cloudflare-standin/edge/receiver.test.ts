import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { valuesOf } from "./header-lines";
import { listenOnLoopback } from "../loopback-server";
import { sendToLoopback } from "./loopback-request";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders, send } from "./push";
import { receiverFor } from "./test-world";

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

describe("send", () => {
  it("sends path and headers as they are, and does not follow a redirect", async (t) => {
    const seen: unknown[] = [];
    const server = await listenOnLoopback((request, response) => {
      seen.push(request.url, request.rawHeaders);
      response.writeHead(302, { location: "/elsewhere" }).end();
    }, 0);
    t.after(() => server.close());
    const headers = [
      ["A", "1"],
      ["a", " 2 "],
    ] as const;
    const answer = await send(server.url, { host: "prom.example.com", path: "/%2e//../x", headers });
    assert.equal(answer.status, 302);
    assert.deepEqual(valuesOf(answer.headers, "location"), ["/elsewhere"]);
    assert.deepEqual(seen, [
      "/%2e//../x",
      ["Host", "prom.example.com", "A", "1", "a", "2", "Content-Length", "0", "Connection", "close"],
    ]);
  });
});

describe("sendToLoopback", () => {
  it("refuses every address that is not on this machine", async () => {
    const request = { method: "GET", host, path: "/", headers: [], body: Buffer.alloc(0) };
    for (const url of [
      "http://192.0.2.1:1",
      "http://example.com",
      "https://127.0.0.1:1",
      "http://127.0.0.2:1",
    ]) {
      await assert.rejects(sendToLoopback(url, request), {
        message: `${url} is no http address on this machine`,
      });
    }
  });

  it("passes on everything but what belongs to one connection", async (t) => {
    const receiver = await receiverFor(t);
    const headers = [
      ["X-A", "1"],
      ["Connection", "x"],
      ["TE", "trailers"],
      ["Content-Length", "99"],
      ["x-a", "2"],
    ] as const;
    const answer = await sendToLoopback(receiver.url, {
      method: "POST",
      host: "h",
      path: "/x",
      headers,
      body: Buffer.from("b"),
    });
    assert.equal(answer.status, 404);
    assert.deepEqual(receiver.requests[0]?.headers, [
      ["Host", "h"],
      ["X-A", "1"],
      ["x-a", "2"],
      ["Content-Length", "1"],
      ["Connection", "close"],
    ]);
  });
});
