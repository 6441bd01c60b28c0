import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashClientSecret } from "../api/service-tokens";
import { emptyDatabase } from "../api/database";
import type { ServiceToken } from "../api/rows";
import { authenticate } from "./service-token-check";
import { testToken } from "./test-rows";

const now = new Date("2026-11-23T12:00:00Z");

function detailOf(fields: Partial<ServiceToken>, clientSecret: string, clientId = "tokyo.access"): string {
  const database = emptyDatabase("0".repeat(32), "team");
  const token = testToken({
    clientSecretHash: hashClientSecret("new"),
    previousClientSecretHash: hashClientSecret("old"),
    ...fields,
  });
  database.serviceTokens.set(token.id, token);
  const sender = authenticate({ kind: "pair", clientId, clientSecret }, database, now);
  assert.equal(sender.token, sender.detail.startsWith("tokyo by ") ? token : undefined);
  return sender.detail;
}

describe("authenticate", () => {
  it("accepts the current secret, and the previous one until its time has come", () => {
    assert.equal(detailOf({}, "new"), "tokyo by its secret");
    const until = (previousClientSecretExpiresAt: string): string =>
      detailOf({ previousClientSecretExpiresAt }, "old");
    assert.equal(until("2026-11-23T12:00:00.001Z"), "tokyo by its previous secret");
    assert.equal(until("2026-11-23T12:00:00Z"), "the previous secret of tokyo has expired");
    assert.equal(until("2026-11-23T13:30:00+02:00"), "the previous secret of tokyo has expired");
    assert.equal(detailOf({}, "old"), "the previous secret of tokyo has expired");
  });

  it("refuses wrong secrets and IDs, and tokens that are disabled or have expired", () => {
    assert.equal(detailOf({}, "other"), "wrong secret for tokyo");
    assert.equal(detailOf({}, ""), "wrong secret for tokyo");
    assert.equal(detailOf({}, hashClientSecret("new")), "wrong secret for tokyo");
    assert.equal(detailOf({}, "new", "tokyo"), "unknown client ID");
    assert.equal(detailOf({ enabled: false }, "new"), "tokyo is disabled");
    assert.equal(detailOf({ expires_at: "2026-11-23T12:00:00Z" }, "new"), "tokyo has expired");
    assert.equal(detailOf({ expires_at: null }, "new"), "tokyo by its secret");
  });

  it("tells who tried from who did not", () => {
    const database = emptyDatabase("0".repeat(32), "team");
    assert.deepEqual(authenticate({ kind: "none" }, database, now), {
      token: undefined,
      attempted: false,
      detail: "no service token",
    });
    assert.deepEqual(authenticate({ kind: "malformed", detail: "half a pair" }, database, now), {
      token: undefined,
      attempted: true,
      detail: "half a pair",
    });
  });
});
