import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyDatabase } from "../../api/database";
import { refuse, refuseUnmatched } from "./access-refusal";
import type { Sender } from "./service-credentials";
import { testApplication, testToken } from "../../testing/edge-rows";

const senders: readonly Sender[] = [
  { token: undefined, attempted: false, detail: "no service token" },
  { token: undefined, attempted: true, detail: "wrong secret for tokyo" },
  { token: testToken(), detail: "tokyo by its secret" },
];

/** Statuses for a sender without a token, with a bad one, and with a good one that is not allowed. */
function statuses(flag: boolean, hasServiceAuth: boolean, hasAllow: boolean, strict: boolean): number[] {
  const { organization } = emptyDatabase("0".repeat(32), "team");
  return senders.map(
    (sender) =>
      refuse({
        target: { host: "prom.example.com", path: "/" },
        application: testApplication({ service_auth_401_redirect: flag }),
        organization: { ...organization, strict_service_token_auth: strict },
        sender,
        hasServiceAuth,
        hasAllow,
      }).status,
  );
}

describe("refuse", () => {
  it("answers by the setting, the policies and the mode", () => {
    const table: readonly (readonly [
      flag: boolean,
      serviceAuth: boolean,
      allow: boolean,
      number[],
      number[],
    ])[] = [
      [false, false, false, [403, 403, 403], [403, 401, 403]],
      [false, true, false, [403, 403, 403], [403, 401, 403]],
      [false, false, true, [302, 302, 302], [302, 401, 403]],
      [false, true, true, [302, 302, 302], [302, 401, 403]],
      [true, false, false, [403, 403, 403], [403, 401, 403]],
      [true, true, false, [401, 401, 401], [401, 401, 403]],
      [true, false, true, [302, 302, 302], [302, 401, 403]],
      [true, true, true, [401, 401, 401], [401, 401, 403]],
    ];
    for (const [flag, serviceAuth, allow, usual, strict] of table) {
      assert.deepEqual(statuses(flag, serviceAuth, allow, false), usual);
      assert.deepEqual(statuses(flag, serviceAuth, allow, true), strict);
    }
  });

  it("blocks a host that no application protects, where the organization wants that", () => {
    const { status, by } = refuseUnmatched();
    assert.deepEqual([status, by], [403, "access"]);
  });
});
