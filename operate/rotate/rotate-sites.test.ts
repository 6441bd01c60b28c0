import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { orThrow, type Problem } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { problemTexts } from "../../fleet/testing/problem-texts";
import { testSite } from "../../fleet/testing/test-site";
import { fingerprint } from "../../stack/rotation-notes";
import { openTestFleet } from "../testing/test-fleet";
import { planRotation, rotateSites, type KnownOfSite } from "./rotate-sites";

const now = new Date("2026-11-24T03:00:01.500Z");
const options = { grace: 7 * 86_400_000, immediately: false, force: false, now };

const known = (clientSecret: string, note?: KnownOfSite["note"]): KnownOfSite => ({
  credentials: { clientId: "a.access", clientSecret, expiresAt: "", endpoints: {} },
  note,
});

const refusal = (site: Site, of: KnownOfSite): string =>
  problemTexts(planRotation(site, of, options)).join("\n");

describe("planRotation", () => {
  it("raises the version and gives the old secret at least the time asked for, in whole minutes", () => {
    const planned = orThrow(planRotation(testSite("a"), known("s"), options));
    assert.equal(planned.toVersion, 2);
    assert.equal(planned.previousSecretExpiresAt, "2026-12-01T03:01:00Z");
    assert.equal(planned.formerFingerprint, fingerprint("s"));
  });

  it("ends the old secret in the past when there is to be no window", () => {
    const planned = orThrow(planRotation(testSite("a"), known("s"), { ...options, immediately: true }));
    assert.equal(planned.previousSecretExpiresAt, "2026-11-24T03:00:00Z");
  });

  it("knows an adopted token, whose secret the stack does not know, from a stack that was not asked", () => {
    const of = (credentials: KnownOfSite["credentials"]) =>
      planRotation(testSite("a"), { credentials, note: undefined }, options);
    assert.equal(orThrow(of(known("").credentials)).formerFingerprint, null);
    assert.equal(orThrow(of("not asked")).formerFingerprint, undefined);
    assert.deepEqual(problemTexts(of(undefined)), [
      "sites/a.yaml: has no service token yet. Run `pulumi up`.",
    ]);
  });

  const open = testSite("a", { secretVersion: 4, previousSecretExpiresAt: "2026-11-26T15:00:00Z" });

  it("refuses an open window, unless it is told to, or the old secret is to die anyway", () => {
    assert.match(
      refusal(open, known("s")),
      /^sites\/a\.yaml: the window of its last rotation is open until 2026-11-26T15:00:00Z, in 2 days\. /,
    );
    for (const more of [{ force: true }, { immediately: true }]) {
      const planned = orThrow(planRotation(open, known("s"), { ...options, ...more }));
      assert.deepEqual(planned.cutsShort, new Date("2026-11-26T15:00:00Z"));
    }
  });

  it("names up where the window is open and up did not run", () => {
    const note = { version: 4, formerFingerprint: fingerprint("s"), writtenAt: now.toISOString() };
    assert.match(
      refusal(open, known("s", note)),
      /says secretVersion 4 already, with a window until 2026-11-26T15:00:00Z, in 2 days, and the stack still has the secret before it\. Run `pulumi up`\. If that was done, `npx sitepass rotate --confirm a` says more\.$/,
    );
    for (const other of [
      { ...note, version: 3 },
      { ...note, formerFingerprint: fingerprint("t") },
    ]) {
      assert.match(refusal(open, known("s", other)), /the window of its last rotation is open/);
    }
  });

  it("plans again when the window closed before up ran", () => {
    const closed = testSite("a", { secretVersion: 4, previousSecretExpiresAt: "2026-11-23T15:00:00Z" });
    const note = { version: 4, formerFingerprint: fingerprint("s"), writtenAt: now.toISOString() };
    const planned = orThrow(planRotation(closed, known("s", note), options));
    assert.equal(planned.toVersion, 5);
    assert.equal(planned.cutsShort, undefined);
  });
});

describe("rotateSites", () => {
  it("writes no file whose rotation could not be noted, and tells what breaks before that", async (t) => {
    const { stack } = await openTestFleet(t, { sites: { lima: {} } });
    const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
    t.after(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    mkdirSync(join(directory, "sites"));
    writeFileSync(join(directory, "sites", "lima.yaml"), "# Lima\n");
    // In the way of the folder for notes.
    writeFileSync(join(directory, ".sitepass"), "");
    const warnings: Problem[] = [];
    const rotated = rotateSites(
      { ...stack, directory },
      { ...options, sites: ["lima"], immediately: true, offline: false, dryRun: false },
      {
        now,
        abort: new AbortController().signal,
        onWarning: (warning) => {
          warnings.push(warning);
        },
      },
    );
    await assert.rejects(rotated, /rotations\/prod\/lima\.json: cannot be written \(not a directory\), and /);
    assert.deepEqual(
      warnings.map(({ subject }) => subject),
      ["lima"],
    );
    assert.equal(readFileSync(join(directory, "sites", "lima.yaml"), "utf8"), "# Lima\n");
  });
});
