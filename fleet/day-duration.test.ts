import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDayDuration, roughDuration } from "./day-duration";

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
