import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemText } from "../../fleet/problem";
import { fingerprint } from "../../stack/rotation-notes";
import { secretChange, unchangedProblem } from "./confirm-rotations";
import type { RotationNote } from "../../stack/rotation-notes";
import { testSite } from "../../fleet/testing/test-site";

const site = testSite("a", { secretVersion: 2, previousSecretExpiresAt: "2026-12-01T00:00:00Z" });
const credentials = { clientId: "a.access", clientSecret: "new", expiresAt: "", endpoints: {} };
const record = (formerFingerprint: string | null, version = 2): RotationNote => ({
  version,
  formerFingerprint,
  writtenAt: "2026-11-24T00:00:00.000Z",
});

describe("secretChange", () => {
  it("compares with what was noted of this version, and with what a person says before that", () => {
    const to = fingerprint("new");
    const old = fingerprint("old");
    assert.deepEqual(secretChange(site, credentials, record(old), undefined), {
      kind: "changed",
      from: old,
      to,
    });
    assert.deepEqual(secretChange(site, credentials, record(to), undefined), {
      kind: "unchanged",
      fingerprint: to,
    });
    assert.deepEqual(secretChange(site, credentials, record(old), to), {
      kind: "unchanged",
      fingerprint: to,
    });
    assert.deepEqual(secretChange(site, credentials, record(old, 1), undefined), { kind: "unknown", to });
    assert.deepEqual(secretChange(site, credentials, undefined, undefined), { kind: "unknown", to });
  });

  it("takes any secret for a change where the stack knew none", () => {
    assert.equal(secretChange(site, credentials, record(null), undefined).kind, "changed");
  });

  it("has nothing to compare without token, rotation or secret", () => {
    assert.deepEqual(
      [
        secretChange(site, undefined, record("x"), undefined),
        secretChange(testSite("a"), credentials, undefined, undefined),
        secretChange(site, { ...credentials, clientSecret: "" }, record(null), undefined),
      ].map((change) => (change.kind === "none" ? problemText(change.problem) : change.kind)),
      [
        "sites/a.yaml: has no service token yet. Run `pulumi up`.",
        "sites/a.yaml: was never rotated. Run `npx sitepass rotate a` first.",
        "sites/a.yaml: the stack does not know its secret. Run `pulumi up`; if it stays so, rotate once more.",
      ],
    );
  });
});

describe("unchangedProblem", () => {
  const writtenAt = "2026-11-24T00:00:00.000Z";
  const problem = (updatedAt: string | undefined, now = "2026-11-25T00:00:00Z") =>
    problemText(unchangedProblem(site, "0123456789ab", { writtenAt, updatedAt, now: new Date(now) }));

  it("says no more than is known", () => {
    assert.equal(
      problem(undefined),
      "sites/a.yaml: the stack's secret did not change (sha256 0123456789ab). If `pulumi up` ran since it was rotated, the new secret was lost (docs/rotation.md says what to do). If not: Run `pulumi up`.",
    );
    assert.equal(
      problem("2026-11-23T00:00:00Z"),
      "sites/a.yaml: the stack's secret did not change (sha256 0123456789ab), and Cloudflare has not changed the token since 2026-11-23T00:00:00Z. Run `pulumi up`.",
    );
    assert.match(
      problem("2026-11-24T00:01:00Z"),
      /Nobody has the new secret, and the old one stops at 2026-12-01T00:00:00Z\./,
    );
  });

  it("advises against up once the window has closed", () => {
    assert.match(
      problem("2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
      /Its window closed at 2026-12-01T00:00:00Z, so `pulumi up` would end the secret in use at once: run `npx sitepass rotate a` for a new window first\.$/,
    );
  });
});
