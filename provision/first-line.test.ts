import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { firstLine } from "./first-line";

describe("firstLine", () => {
  it("cuts an error's message after its first line", () => {
    assert.equal(firstLine(new Error("zone not found \r\n  at request 7\n  at host")), "zone not found");
  });

  it("takes a message of one line as it is", () => {
    assert.equal(firstLine(new TypeError("zone not found")), "zone not found");
  });

  it("reads what is no error as text", () => {
    assert.equal(firstLine("refused\nby the plugin"), "refused");
    assert.equal(firstLine(404), "404");
    assert.equal(firstLine(undefined), "undefined");
  });
});
