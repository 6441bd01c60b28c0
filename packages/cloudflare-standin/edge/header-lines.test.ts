import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { forwardingHeaders } from "./forwarding-headers";
import { flatHeaders, headerLines, linesWithout, valuesOf } from "./header-lines";

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
