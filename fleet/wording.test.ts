import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./wording";

describe("nearest", () => {
  const known = ["description", "signals", "labels", "token", "secretVersion"];

  it("finds the word behind a slip of the pen", () => {
    assert.equal(nearest("signal", known), "signals");
    assert.equal(nearest("lables", known), "labels");
    assert.equal(nearest("descripton", known), "description");
  });

  it("disregards case and gives the word as it is known", () => {
    assert.equal(nearest("SECRETVERSION", known), "secretVersion");
  });

  it("allows more slips in longer words", () => {
    assert.equal(nearest("secretvers", known), "secretVersion");
    assert.equal(nearest("tok123", known), undefined);
  });

  it("finds nothing when no word is near or none is known", () => {
    assert.equal(nearest("xylophone", known), undefined);
    assert.equal(nearest("", known), undefined);
    assert.equal(nearest("signal", []), undefined);
  });
});
