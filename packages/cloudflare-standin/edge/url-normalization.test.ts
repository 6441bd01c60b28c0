import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { normalisedPath } from "./url-normalization";

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
