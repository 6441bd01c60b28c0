import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fingerprint } from "../../stack/rotation-notes";
import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { planRotation, type KnownOfSite } from "./plan-rotation";
import { testSite } from "./test-sites";

const now = new Date("2026-11-24T03:00:01.500Z");
const week = 7 * 86_400_000;

const known = (clientSecret: string, record?: KnownOfSite["record"]): KnownOfSite => ({
  credentials: { clientId: "a.access", clientSecret, expiresAt: "", endpoints: {} } satisfies SiteCredentials,
  record,
});

function refusal(site: Site, of: KnownOfSite): string {
  const planned = planRotation(site, of, { grace: week, force: false, now });
  assert.ok(typeof planned === "string");
  return planned;
}

describe("planRotation", () => {
  it("raises the version and gives the old secret at least the time asked for, in whole minutes", () => {
    const planned = planRotation(testSite("a"), known("s"), { grace: week, force: false, now });
    assert.ok(typeof planned !== "string");
    assert.deepEqual(planned.changes, {
      secretVersion: 2,
      previousSecretExpiresAt: "2026-12-01T03:01:00Z",
    });
    assert.equal(planned.formerFingerprint, fingerprint("s"));
  });

  it("ends the old secret in the past when there is to be no window", () => {
    const planned = planRotation(testSite("a"), known("s"), { grace: "none", force: false, now });
    assert.ok(typeof planned !== "string");
    assert.equal(planned.previousSecretExpiresAt, "2026-11-24T03:00:00Z");
  });

  it("knows an adopted token, whose secret the stack does not know, from a stack that was not asked", () => {
    const of = (credentials: KnownOfSite["credentials"]) => {
      const planned = planRotation(
        testSite("a"),
        { credentials, record: undefined },
        { grace: week, force: false, now },
      );
      return typeof planned === "string" ? planned : planned.formerFingerprint;
    };
    assert.equal(of(known("").credentials), null);
    assert.equal(of("not asked"), undefined);
    assert.equal(
      of(undefined),
      "sites/a.yaml: has no service token yet, and so no secret to rotate. Run `pulumi up`.",
    );
  });

  const open = testSite("a", { secretVersion: 4, previousSecretExpiresAt: "2026-11-26T15:00:00Z" });

  it("refuses an open window, unless it is told to, or the old secret is to die anyway", () => {
    assert.match(
      refusal(open, known("s")),
      /^sites\/a\.yaml: the window of its last rotation is open until 2026-11-26T15:00:00Z, in 2 days\. /,
    );
    for (const options of [
      { grace: week, force: true, now },
      { grace: "none", force: false, now } as const,
    ]) {
      const planned = planRotation(open, known("s"), options);
      assert.ok(typeof planned !== "string");
      assert.deepEqual(planned.cutsShort, new Date("2026-11-26T15:00:00Z"));
    }
  });

  it("names up where the window is open and up did not run", () => {
    const record = { version: 4, formerFingerprint: fingerprint("s"), writtenAt: now.toISOString() };
    assert.match(
      refusal(open, known("s", record)),
      /says secretVersion 4 already, with a window until 2026-11-26T15:00:00Z, in 2 days, and the stack still has the secret before it\. Run `pulumi up`\. If that was done, `sitepass rotate --confirm a` says more\.$/,
    );
    for (const other of [
      { ...record, version: 3 },
      { ...record, formerFingerprint: fingerprint("t") },
    ]) {
      assert.match(refusal(open, known("s", other)), /the window of its last rotation is open/);
    }
  });

  it("plans again when the window closed before up ran", () => {
    const closed = testSite("a", { secretVersion: 4, previousSecretExpiresAt: "2026-11-23T15:00:00Z" });
    const record = { version: 4, formerFingerprint: fingerprint("s"), writtenAt: now.toISOString() };
    const planned = planRotation(closed, known("s", record), { grace: week, force: false, now });
    assert.ok(typeof planned !== "string");
    assert.equal(planned.toVersion, 5);
    assert.equal(planned.cutsShort, undefined);
  });
});
