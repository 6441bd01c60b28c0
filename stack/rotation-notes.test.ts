import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { problemText } from "../fleet/problem";
import { testSite } from "../fleet/testing/test-site";
import { credentialWarnings, fingerprint, writeRotationNote } from "./rotation-notes";

const now = new Date("2026-11-24T03:00:00Z");

describe("credentialWarnings", () => {
  it("says that a site is shut out, that its token expired, and that its rotation waits for up", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
    t.after(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const stack = { directory, stackName: "prod" };
    await writeRotationNote(stack, "lima", {
      version: 2,
      formerFingerprint: fingerprint("old"),
      writtenAt: "2026-11-23T03:00:00.000Z",
    });
    const rotated = { secretVersion: 2, previousSecretExpiresAt: "2026-12-01T00:00:00Z" };
    const warnings = async (
      token: Parameters<typeof testSite>[1],
      clientSecret: string,
      expiresAt = "",
    ): Promise<readonly string[]> => {
      const site = testSite("lima", token);
      return (await credentialWarnings(stack, site, { clientSecret, expiresAt }, now)).map(problemText);
    };
    assert.deepEqual(await warnings(rotated, "new", "2027-01-01T00:00:00Z"), []);
    assert.deepEqual(await warnings({ ...rotated, enabled: false }, "old", "2026-11-24T03:00:00Z"), [
      "sites/lima.yaml: is shut out (token.enabled is false). Its pushes are refused until it is let in again.",
      "sites/lima.yaml: its token expired on 2026-11-24T03:00:00Z by the last up, so its pushes are refused. Run `npx sitepass renew lima`.",
      "sites/lima.yaml: its rotation is only in the file so far, so this is the old secret. Run `pulumi up`.",
    ]);
    const closed = { ...rotated, previousSecretExpiresAt: "2026-11-24T03:00:00Z" };
    assert.deepEqual(await warnings(closed, "old"), [
      "sites/lima.yaml: its rotation is only in the file so far, so this is the old secret. Its window closed at 2026-11-24T03:00:00Z, so `pulumi up` would end the secret in use at once: run `npx sitepass rotate lima` for a new window first.",
    ]);
  });
});
