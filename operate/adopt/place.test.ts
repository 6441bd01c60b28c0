import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareSpecificity, covers, placeOf, shownPlace } from "./place";

const path = "/api/v1/write";

describe("placeOf", () => {
  it("takes a host, a host with a slash and a host with all paths for the same", () => {
    for (const uri of ["Prom.example.com", "prom.example.com/", "prom.example.com/*"]) {
      assert.deepEqual(placeOf(uri), { host: "prom.example.com", path: "" });
    }
    assert.equal(shownPlace(placeOf("prom.example.com/api/")), "prom.example.com/api");
  });
});

describe("covers", () => {
  const covering = (uri: string, host = "prom.example.com") => covers(placeOf(uri), host, path);

  it("goes down from a path, and across slashes with a wildcard", () => {
    assert.deepEqual(
      [
        "prom.example.com",
        "prom.example.com/api",
        "prom.example.com/api/v1/write",
        "prom.example.com/api/*",
        "prom.example.com/*/write",
        "*.example.com",
        "prom.*.com",
      ].map((uri) => covering(uri)),
      [true, true, true, true, true, true, true],
    );
    assert.deepEqual(
      ["prom.example.com/ap", "prom.example.com/api/v1/write/*", "example.com", "loki.example.com"].map(
        (uri) => covering(uri),
      ),
      [false, false, false, false],
    );
    assert.equal(covering("*.example.com", "a.b.example.com"), false);
  });
});

describe("compareSpecificity", () => {
  it("puts whole hosts before wildcards, longer paths before shorter, and none before wildcards", () => {
    const uris = [
      "*.example.com/api/v1/write",
      "prom.example.com",
      "prom.example.com/api/*",
      "prom.example.com/api/v1/write*",
      "prom.example.com/api/v1/write",
    ];
    const sorted = [...uris].reverse().map(placeOf).sort(compareSpecificity).map(shownPlace);
    assert.deepEqual(sorted, uris);
  });
});
