import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { labelNameProblem } from "./label-name";

describe("labelNameProblem", () => {
  it("accepts letters, digits and underscores", () => {
    for (const name of ["provider", "_private", "rack7", "Region", "a__b", "_"]) {
      assert.equal(labelNameProblem(name), undefined, name);
    }
  });

  it("refuses other characters, a leading digit and nothing", () => {
    for (const name of ["a-b", "a.b", "7rack", "größe", "a b", "a\n", ""]) {
      assert.equal(
        labelNameProblem(name),
        "is no label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it",
        name,
      );
    }
  });

  it("refuses names that begin with two underscores", () => {
    for (const name of ["__name__", "__"]) {
      assert.equal(labelNameProblem(name), "begins with __, which Prometheus reserves. Rename it", name);
    }
  });
});
