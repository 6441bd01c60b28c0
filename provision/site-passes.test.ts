import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loweredVersionProblem } from "./site-passes";

describe("loweredVersionProblem", () => {
  it("finds nothing wrong with a version that stays or rises", () => {
    assert.equal(loweredVersionProblem("tokyo", 1, 1), undefined);
    assert.equal(loweredVersionProblem("tokyo", 2, 2), undefined);
    assert.equal(loweredVersionProblem("tokyo", 1, 2), undefined);
    assert.equal(loweredVersionProblem("tokyo", 2, 5), undefined);
  });

  it("refuses a lowered version and names both ways out", () => {
    assert.deepEqual(loweredVersionProblem("tokyo", 3, 1), {
      subject: "sites/tokyo",
      says: "token.secretVersion is 1, and 3 is in use",
      todo: "Set it back to 3 with its previousSecretExpiresAt, or raise it to 4 to rotate",
    });
  });
});
