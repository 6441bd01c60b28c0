import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  durationProblem,
  durationRoundedDown,
  parseGoDuration,
  parseDayDuration,
  roughDuration,
} from "./duration";

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
      "is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever",
    );
    assert.equal(
      durationProblem("2y"),
      "is not a duration that Cloudflare accepts. Write hours, such as 17520h, or forever",
    );
  });

  it("refuses a token that would expire at once", () => {
    assert.equal(
      durationProblem("0h"),
      "is not a length of time above zero. Write hours, such as 8760h, or forever",
    );
  });
});

const hour = 3_600_000;

describe("parseDayDuration", () => {
  it("reads days, Go durations, and both", () => {
    assert.deepEqual(["7d", "12h", "1d12h", "90m", "1.5d", "1h30m", "0d"].map(parseDayDuration), [
      168 * hour,
      12 * hour,
      36 * hour,
      1.5 * hour,
      36 * hour,
      1.5 * hour,
      0,
    ]);
  });

  it("takes nothing else", () => {
    for (const text of ["", "7", "d", "7 d", "7w", "1y", "12h7d", "-7d", "7d ", "forever", "7dd"]) {
      assert.equal(parseDayDuration(text), undefined, text);
    }
  });
});

describe("roughDuration", () => {
  it("says the largest unit that is worth it", () => {
    assert.deepEqual([7 * 24 * hour, 36 * hour, 24 * hour, 2 * hour, hour, 60_000, 1].map(roughDuration), [
      "7 days",
      "2 days",
      "24 hours",
      "2 hours",
      "60 minutes",
      "1 minute",
      "1 minute",
    ]);
  });
});

describe("durationRoundedDown", () => {
  it("takes the largest unit that says enough", () => {
    const minute = 60_000;
    assert.equal(durationRoundedDown(0), "0 minutes");
    assert.equal(durationRoundedDown(minute), "1 minute");
    assert.equal(durationRoundedDown(-59 * minute), "59 minutes");
    assert.equal(durationRoundedDown(60 * minute), "1 hour");
    assert.equal(durationRoundedDown(47 * 60 * minute), "47 hours");
    assert.equal(durationRoundedDown(48 * 60 * minute), "2 days");
  });
});
