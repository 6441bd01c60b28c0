import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { listenOnLoopback } from "../loopback-server";
import { originFor } from "../testing/edge-world";
import { flatHeaders, headerLines, linesWithout, send, sendToLoopback, valuesOf } from "./http-messages";
import { forwardingHeaders } from "./request-routing";

describe("header lines", () => {
  const lines = headerLines(["A", "1", "b", " 2\t", "a", "3"]);

  it("keep order, spelling and duplicates, and lose spaces around values", () => {
    assert.deepEqual(lines, [
      ["A", "1"],
      ["b", "2"],
      ["a", "3"],
    ]);
    assert.deepEqual(flatHeaders(lines), ["A", "1", "b", "2", "a", "3"]);
  });

  it("are found and removed without regard to case", () => {
    assert.deepEqual(valuesOf(lines, "a"), ["1", "3"]);
    assert.deepEqual(valuesOf(lines, "c"), []);
    assert.deepEqual(linesWithout(lines, ["A"]), [["b", "2"]]);
  });
});

describe("forwardingHeaders", () => {
  it("replaces what a sender says of itself", () => {
    const sent = [
      ["CF-Connecting-IP", "10.0.0.1"],
      ["x-forwarded-for", "10.0.0.2"],
      ["X-Forwarded-Proto", "http"],
      ["Accept", "*/*"],
    ] as const;
    assert.deepEqual(linesWithout(forwardingHeaders(sent, "127.0.0.1"), ["cf-ray"]), [
      ["Accept", "*/*"],
      ["CF-Connecting-IP", "127.0.0.1"],
      ["X-Forwarded-For", "10.0.0.2, 127.0.0.1"],
      ["X-Forwarded-Proto", "https"],
    ]);
    assert.match(valuesOf(forwardingHeaders(sent, "127.0.0.1"), "CF-Ray")[0] ?? "", /^[0-9a-f]{16}-AMS$/);
  });
});

const host = "localhost";

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
        message: `${url} is not an http address on this machine`,
      });
    }
  });

  it("passes on everything but what belongs to one connection", async (t) => {
    const origin = await originFor(t);
    const headers = [
      ["X-A", "1"],
      ["Connection", "x"],
      ["TE", "trailers"],
      ["Content-Length", "99"],
      ["x-a", "2"],
    ] as const;
    const answer = await sendToLoopback(origin.url, {
      method: "POST",
      host: "h",
      path: "/x",
      headers,
      body: Buffer.from("b"),
    });
    assert.equal(answer.status, 404);
    assert.deepEqual(origin.requests[0]?.headers, [
      ["Host", "h"],
      ["X-A", "1"],
      ["x-a", "2"],
      ["Content-Length", "1"],
      ["Connection", "close"],
    ]);
  });
});
