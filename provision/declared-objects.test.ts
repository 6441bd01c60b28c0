import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anchoredPattern } from "./declared-objects";

/** Which of the candidates the pattern lets through. The patterns use only what Go's regexp and JavaScript's share. */
const matches = (paths: readonly string[], candidates: readonly string[]) =>
  candidates.filter((candidate) => new RegExp(anchoredPattern(paths)).test(candidate));

describe("anchoredPattern", () => {
  it("anchors one path", () => {
    assert.equal(anchoredPattern(["/api/v1/write"]), "^/api/v1/write$");
  });

  it("anchors several paths as one group", () => {
    assert.equal(
      anchoredPattern(["/loki/api/v1/push", "/otlp/v1/logs"]),
      "^(?:/loki/api/v1/push|/otlp/v1/logs)$",
    );
  });

  it("matches exactly its paths", () => {
    const paths = ["/loki/api/v1/push", "/otlp/v1/logs"];
    const others = [
      "/loki/api/v1/push/",
      "/loki/api/v1/pushes",
      "/loki/api/v1/push/../../-/reload",
      "/loki/api/v1/push\n",
      "/anything/loki/api/v1/push",
      "//loki/api/v1/push",
      "loki/api/v1/push",
      "/loki/api/v1/pus",
      "/LOKI/api/v1/push",
      "/loki/api/v1/push|/otlp/v1/logs",
      "/x/otlp/v1/logs",
      "/otlp/v1/logs/",
      "/",
      "",
    ];
    assert.deepEqual(matches(paths, [...paths, ...others]), paths);
  });

  it("takes a dot for a dot", () => {
    assert.equal(anchoredPattern(["/v1.2/write"]), "^/v1\\.2/write$");
    assert.deepEqual(matches(["/v1.2/write"], ["/v1.2/write", "/v1x2/write", "/v12/write"]), ["/v1.2/write"]);
  });

  it("takes every other special character for itself", () => {
    const path = "/a\\^$|?*+()[]{}b";
    assert.deepEqual(matches([path], [path, "/a", "b"]), [path]);
  });
});
