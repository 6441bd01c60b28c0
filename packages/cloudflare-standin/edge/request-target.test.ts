import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readTarget } from "./request-target";

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
