import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeSpan } from "./describe-time";
import { timeTroubles } from "./token-troubles";

const thresholds = { now: new Date("2026-11-23T12:00:00Z"), warnDays: 30, staleHours: 24 };

const said = (times: Partial<Parameters<typeof timeTroubles>[0]>) =>
  timeTroubles(
    {
      enabledInFile: true,
      createdAt: "2026-01-01T00:00:00Z",
      expiresAt: null,
      lastSeenAt: "2026-11-23T11:00:00Z",
      ...times,
    },
    thresholds,
  ).map(({ level, kind, says }) => `${level} ${kind}: ${says}`);

describe("timeTroubles", () => {
  it("never takes for good what Cloudflare does not tell", () => {
    assert.deepEqual(said({ expiresAt: undefined }), [
      "alarm not readable: Cloudflare does not say when its token expires",
    ]);
    assert.deepEqual(said({ lastSeenAt: undefined }), [
      "alarm not told when seen: Cloudflare does not say when it was last seen, and its token is 326 days old",
    ]);
    assert.deepEqual(said({ lastSeenAt: undefined, createdAt: undefined }), [
      "alarm not told when seen: Cloudflare does not say when it was last seen",
    ]);
  });

  it("waits for a young token, whether it is not seen or not told of", () => {
    assert.deepEqual(said({ lastSeenAt: undefined, createdAt: "2026-11-23T00:00:00Z" }), []);
    assert.deepEqual(said({ lastSeenAt: null, createdAt: "2026-11-23T00:00:00Z" }), []);
  });

  it("expects no sign of a site that is shut out", () => {
    assert.deepEqual(said({ enabledInFile: false, lastSeenAt: null }), []);
  });

  it("counts the last day and hour that are still good", () => {
    assert.deepEqual(said({ expiresAt: "2026-12-23T12:00:00Z" }), []);
    assert.equal(said({ expiresAt: "2026-12-23T11:59:59Z" }).length, 1);
    assert.deepEqual(said({ lastSeenAt: "2026-11-22T12:00:00Z" }), []);
    assert.equal(said({ lastSeenAt: "2026-11-22T11:59:59Z" }).length, 1);
    assert.match(said({ expiresAt: "2026-11-23T12:00:00Z" }).join(), /^alarm expired: /);
  });
});

describe("describeSpan", () => {
  it("takes the largest unit that says enough", () => {
    const minute = 60_000;
    assert.equal(describeSpan(0), "0 minutes");
    assert.equal(describeSpan(minute), "1 minute");
    assert.equal(describeSpan(-59 * minute), "59 minutes");
    assert.equal(describeSpan(60 * minute), "1 hour");
    assert.equal(describeSpan(47 * 60 * minute), "47 hours");
    assert.equal(describeSpan(48 * 60 * minute), "2 days");
  });
});
