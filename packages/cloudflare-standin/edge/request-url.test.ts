import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goPath, normalisedPath, readTarget } from "./request-url";

describe("readTarget", () => {
  it("keeps the path as it was sent", () => {
    assert.deepEqual(readTarget("/a//../%2e?b=/c", ["Prom.Example.com:8443"]), {
      host: "prom.example.com",
      path: "/a//../%2e?b=/c",
    });
  });

  it("believes an absolute URL before the Host header", () => {
    assert.deepEqual(readTarget("http://loki.example.com/x", ["prom.example.com"]), {
      host: "loki.example.com",
      path: "/x",
    });
    assert.deepEqual(readTarget("HTTPS://loki.example.com?a", ["prom.example.com"]), {
      host: "loki.example.com",
      path: "/?a",
    });
  });

  it("says what is wrong", () => {
    assert.deepEqual(readTarget("/", []), { problem: "0 Host headers" });
    assert.deepEqual(readTarget("/", ["a", "a"]), { problem: "2 Host headers" });
    assert.deepEqual(readTarget("/a#b", ["a"]), { problem: "a fragment in the request target" });
    for (const host of ["", "a b", "a@b", "a/b", "a:b"]) {
      assert.deepEqual(readTarget("/", [host]), { problem: "a malformed host" });
    }
    for (const url of ["*", "a", "ftp://a/"]) {
      assert.deepEqual(readTarget(url, ["a"]), {
        problem: "a request target that is neither a path nor an http URL",
      });
    }
  });
});

describe("normalisedPath", () => {
  it("does what Cloudflare's documentation describes", () => {
    const expected = {
      "/hello": "/hello",
      "/%68ello": "/hello",
      "/a?b=/../c": "/a",
      "/": "/",
      "//a///b": "/a/b",
      "/a\\b": "/a/b",
      "/a/./b/../c": "/a/c",
      "/a/..": "/",
      "/a/.": "/a/",
      "/../../a": "/a",
      "/%2e%2E/a": "/a",
      "/a%2fb": "/a%2Fb",
      "/a%5cb": "/a%5Cb",
      "/%252e": "/%252e",
      "/a b": "/a%20b",
      "/\u00e9": "/%E9",
      "/a%zz": "/a%zz",
      "/a;b=c,d": "/a;b=c,d",
      "/%7Ea%2Db%5Fc%2Ed": "/~a-b_c.d",
    };
    const actual = Object.fromEntries(
      Object.keys(expected).map((target) => [target, normalisedPath(target, "cloudflare")]),
    );
    assert.deepEqual(actual, expected);
  });

  it("merges no slashes and turns none around by RFC 3986 alone", () => {
    const targets = ["//a///b", "/a\\b", "/a//../b", "/%68ello/./x"];
    assert.deepEqual(
      targets.map((target) => normalisedPath(target, "rfc3986")),
      ["//a///b", "/a%5Cb", "/a/b", "/hello/x"],
    );
  });
});

describe("goPath", () => {
  it("decodes once and normalises nothing", () => {
    const text = (target: string): string | undefined => goPath(target)?.toString();
    assert.deepEqual(["/a%2fb//../%252e?c", "/%e2%82%ac", "/", "/a%", "/a%2", "/a%zz"].map(text), [
      "/a/b//../%2e",
      "/€",
      "/",
      undefined,
      undefined,
      undefined,
    ]);
  });
});
