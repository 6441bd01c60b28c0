import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationProblem, parseGoDuration } from "./go-duration";

describe("parseGoDuration", () => {
  it("adds up the parts of a duration", () => {
    assert.equal(parseGoDuration("2h45m"), 9_900_000);
    assert.equal(parseGoDuration("8760h"), 31_536_000_000);
    assert.equal(parseGoDuration("1.5s"), 1_500);
    assert.equal(parseGoDuration("300ms"), 300);
  });

  it("takes no unit above the hour, no missing unit, no sign and nothing empty", () => {
    for (const text of ["365d", "1y", "90", "-1h", "", "1h ", "h"]) {
      assert.equal(parseGoDuration(text), undefined, text);
    }
  });
});

describe("durationProblem", () => {
  it("accepts Go durations and forever", () => {
    assert.equal(durationProblem("8760h"), undefined);
    assert.equal(durationProblem("forever"), undefined);
  });

  it("says how days and years are written in hours", () => {
    assert.equal(
      durationProblem("365d"),
      "is no duration that Cloudflare accepts. Write hours, such as 8760h, or forever",
    );
    assert.equal(
      durationProblem("2y"),
      "is no duration that Cloudflare accepts. Write hours, such as 17520h, or forever",
    );
  });

  it("refuses a token that would expire at once", () => {
    assert.equal(durationProblem("0h"), "is no time at all. Write hours, such as 8760h, or forever");
  });
});
