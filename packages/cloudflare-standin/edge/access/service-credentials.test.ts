import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashClientSecret } from "../../api/service-tokens";
import { emptyDatabase } from "../../api/database";
import type { ServiceToken } from "../../api/rows";
import { testToken } from "../../testing/edge-rows";
import type { HeaderLines } from "../http-messages";
import { tokenHeaders, readCredentials, authenticate } from "./service-credentials";

const good = { kind: "pair", clientId: "id", clientSecret: "secret" };
const json = (content: unknown): HeaderLines => [["authorization", JSON.stringify(content)]];
const single = json({ "cf-access-client-id": "id", "cf-access-client-secret": "secret" });
const pair = tokenHeaders("id", "secret");

describe("readCredentials", () => {
  it("reads the pair, whatever the case of the names", () => {
    assert.deepEqual(readCredentials(pair, undefined, true), good);
    const lower = pair.map(([name, value]) => [name.toLowerCase(), value] as const);
    assert.deepEqual(readCredentials(lower, undefined, true), good);
  });

  it("finds none in a request without headers, or with empty ones", () => {
    for (const headers of [[], tokenHeaders("", ""), [...tokenHeaders("", ""), ...tokenHeaders("", "")]]) {
      assert.deepEqual(readCredentials(headers, "Authorization", true), { kind: "none" });
    }
    assert.deepEqual(readCredentials(single, undefined, true), { kind: "none" });
    assert.deepEqual(readCredentials([["Authorization", ""]], "Authorization", true), { kind: "none" });
  });

  it("refuses duplicates and halves", () => {
    const malformed = (headers: HeaderLines): string => {
      const credentials = readCredentials(headers, "Authorization", false);
      return credentials.kind === "malformed" ? credentials.detail : credentials.kind;
    };
    assert.equal(malformed([...pair, ...pair]), "duplicate service token headers");
    assert.equal(malformed([...pair, ["cf-access-client-id", ""]]), "duplicate service token headers");
    assert.equal(malformed(pair.slice(0, 1)), "CF-Access-Client-Id without the other");
    assert.equal(malformed(pair.slice(1)), "CF-Access-Client-Secret without the other");
    assert.equal(malformed([...single, ...single]), "duplicate custom header");
    const notJson = "the custom header is not JSON with cf-access-client-id and cf-access-client-secret";
    assert.equal(malformed([["Authorization", "Bearer x"]]), notJson);
    assert.equal(malformed(json({ "CF-Access-Client-Id": "id", "CF-Access-Client-Secret": "s" })), notJson);
  });

  it("reads the application's own header, and in strict mode not beside the pair", () => {
    assert.deepEqual(readCredentials(single, "Authorization", true), good);
    assert.deepEqual(readCredentials([...pair, ...single], "Authorization", false), good);
    assert.deepEqual(readCredentials([...pair, ...single], "Authorization", true), {
      kind: "malformed",
      detail: "credentials in the pair of headers and in the custom header",
    });
  });
});

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
    assert.equal(detailOf({ expires_at: "9999-12-31T23:59:59Z" }, "new"), "tokyo by its secret");
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
