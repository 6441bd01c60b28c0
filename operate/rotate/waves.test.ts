import { openCloudflareApi } from "../../cloudflare/client";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { OpenStack } from "../../stack/open-stack";
import { openTestFleet, type TestFleet } from "../testing/test-fleet";
import { chooseSites, planWave, type ChosenSites, type SiteChoice, type Wave, type WaveInput } from "./waves";
import { fingerprint, windowEndAfter, writeRotationNote } from "../../stack/rotation-notes";
import type { Site } from "../../fleet/sites";
import { testSite } from "../../fleet/testing/test-site";
import assert from "node:assert/strict";

const now = new Date("2026-11-24T03:00:00Z");
const rotatedUntil = (until: string) => ({ token: { secretVersion: 2, previousSecretExpiresAt: until } });

/** Berlin's window is over, and Porto's; Lima never was rotated. */
const sites = {
  berlin: rotatedUntil("2026-11-23T00:00:00Z"),
  lima: {},
  porto: rotatedUntil("2026-11-22T00:00:00Z"),
  quito: { token: { enabled: false } },
};

interface Fleet extends TestFleet {
  readonly choose: (choice?: Partial<SiteChoice>) => Promise<ChosenSites>;
  readonly seen: (site: string, at: string | null) => void;
  readonly inFolder: OpenStack;
}

async function open(t: TestContext, more: Readonly<Record<string, unknown>> = {}): Promise<Fleet> {
  const fleet = await openTestFleet(t, { sites: { ...sites, ...more } });
  const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const inFolder = { ...fleet.stack, directory };
  return {
    ...fleet,
    inFolder,
    choose: (choice) =>
      chooseSites(inFolder, fleet.outputs, {
        sites: [],
        waves: { sites: 1 },
        olderThan: undefined,
        force: false,
        immediately: false,
        now,
        ...choice,
      }),
    seen: (site, at) => {
      for (const token of fleet.standIn.database.serviceTokens.values()) {
        if (token.name.endsWith(`/${site}`)) {
          token.lastSeenAt = at;
        }
      }
    },
  };
}

const names = ({ sites: chosen }: ChosenSites): readonly string[] => chosen.map(({ name }) => name);

describe("chooseSites", () => {
  it("takes the sites that are named, whatever is known of them", async (t) => {
    const { choose } = await open(t);
    assert.deepEqual(names(await choose({ sites: ["quito", "lima"] })), ["lima", "quito"]);
  });

  it("leaves out of the fleet what is shut out or has no token, and says so", async (t) => {
    const { choose, outputs } = await open(t, { tokyo: {} });
    delete outputs.sites.tokyo;
    const chosen = await choose({ waves: undefined });
    assert.deepEqual(names(chosen), ["berlin", "lima", "porto"]);
    assert.deepEqual(chosen.skipped, [
      { site: "quito", reason: "shut out" },
      { site: "tokyo", reason: "no token yet" },
    ]);
    assert.deepEqual(names(await choose({ waves: undefined, olderThan: 36 * 3_600_000 })), ["lima", "porto"]);
  });

  it("asks once when sites were seen, and gives the next wave", async (t) => {
    const { choose, standIn } = await open(t);
    standIn.clearRequests();
    assert.deepEqual(names(await choose()), ["lima"]);
    assert.equal(standIn.requests.length, 1);
  });

  it("refuses the next wave while sites of an earlier one were not seen again", async (t) => {
    const { choose, seen, outputs, standIn } = await open(t);
    seen("berlin", "2026-11-22T23:59:00.000Z");
    seen("porto", null);
    const todo = (site: string) =>
      `Put its secret in place (\`npx sitepass render ${site}\`), shut it out (\`npx sitepass revoke ${site}\`), or pass --force to go on without it.`;
    await assert.rejects(choose(), {
      message: [
        `sites/berlin.yaml: has not pushed since its old secret stopped at 2026-11-23T00:00:00Z (last seen 2026-11-22T23:59:00.000Z), and may not have the new one. ${todo("berlin")}`,
        `sites/porto.yaml: has not pushed since its old secret stopped at 2026-11-22T00:00:00Z (last seen never), and may not have the new one. ${todo("porto")}`,
      ].join("\n"),
    });
    standIn.clearRequests();
    assert.deepEqual(names(await choose({ force: true })), ["lima"]);
    assert.equal(standIn.requests.length, 0);

    seen("berlin", now.toISOString());
    const porto = outputs.sites.porto;
    assert.ok(porto !== undefined);
    porto.clientId = "another.access";
    await assert.rejects(choose(), {
      message: [
        `sites/porto.yaml: Cloudflare does not say whether it pushed since its old secret stopped at 2026-11-22T00:00:00Z. ${todo("porto")}`,
      ].join("\n"),
    });
  });

  it("refuses the next wave while an earlier one never reached Cloudflare, and sees the trap in that", async (t) => {
    const { choose, inFolder } = await open(t);
    await writeRotationNote(inFolder, "berlin", {
      version: 2,
      formerFingerprint: fingerprint("a secret"),
      writtenAt: "2026-11-16T00:00:00.000Z",
    });
    await assert.rejects(choose(), {
      message: [
        "sites/berlin.yaml: says secretVersion 2, and the stack still has the secret before it. Its window closed at 2026-11-23T00:00:00Z, so `pulumi up` would end the secret in use at once: run `npx sitepass rotate berlin` for a new window first. If that was done, `npx sitepass rotate --confirm berlin` says more.",
      ].join("\n"),
    });
  });

  it("names the permission that looking takes", async (t) => {
    const { choose, stack, standIn, inFolder, outputs } = await open(t);
    assert.ok(stack.config.accountId !== "");
    const apiToken = standIn.createApiToken(["Zone Read"]);
    const poor = {
      ...inFolder,
      cloudflareApi: () => Promise.resolve(openCloudflareApi({ apiToken, baseUrl: standIn.baseUrl })),
    };
    await assert.rejects(
      chooseSites(poor, outputs, {
        sites: [],
        waves: { sites: 1 },
        olderThan: undefined,
        force: false,
        immediately: false,
        now,
      }),
      /Give it the permission "Access: Service Tokens, Read"\.$/,
    );
    assert.deepEqual(names(await choose()), ["lima"]);
  });
});

const start = new Date("2026-11-24T03:00:00Z");
const day = 86_400_000;
const hour = 3_600_000;

const after = (milliseconds: number): Date => new Date(start.getTime() + milliseconds);

const rotated = (name: string, end: Date, version = 2): Site =>
  testSite(name, { secretVersion: version, previousSecretExpiresAt: end.toISOString() });

const plan = (fleet: readonly Site[], input: Partial<WaveInput> = {}): Wave =>
  planWave({
    fleet,
    size: { sites: 2 },
    olderThan: 0,
    lastSeen: () => start,
    now: start,
    force: false,
    ...input,
  });

const namesIn = (wave: Wave): readonly string[] =>
  "sites" in wave ? wave.sites.map(({ name }) => name).sort() : [];

describe("planWave", () => {
  it("takes sites that never were rotated first, then those whose window closed first", () => {
    const fleet = [
      rotated("a", after(-2 * day)),
      rotated("b", after(-9 * day)),
      testSite("c"),
      rotated("d", after(-5 * day)),
    ];
    const wave = plan(fleet);
    assert.deepEqual([wave.kind, namesIn(wave)], ["rotate", ["b", "c"]]);
    assert.equal(wave.kind === "rotate" && wave.left, 2);
  });

  it("counts percent of the whole fleet, and rounds up", () => {
    const fleet = Array.from({ length: 25 }, (_, index) => testSite(`site-${index}`));
    assert.equal(namesIn(plan(fleet, { size: { percent: 10 } })).length, 3);
    assert.equal(namesIn(plan(fleet, { size: { percent: 100 } })).length, 25);
  });

  it("chooses the same sites whatever order they come in, and not neighbours by name", () => {
    const fleet = Array.from({ length: 40 }, (_, index) => testSite(`site-${index}`));
    const wave = namesIn(plan(fleet, { size: { sites: 4 } }));
    assert.deepEqual(namesIn(plan([...fleet].reverse(), { size: { sites: 4 } })), wave);
    assert.notDeepEqual(wave, ["site-0", "site-1", "site-10", "site-11"]);
  });

  it("waits while a window is open, and for an hour after it for sites to be seen", () => {
    const fleet = [rotated("a", after(3 * day)), testSite("b")];
    const wave = plan(fleet);
    assert.deepEqual(
      [wave.kind, namesIn(wave), wave.kind === "wait" && wave.until],
      ["wait", ["a"], after(3 * day + hour)],
    );
    const justClosed = [rotated("a", after(-hour / 2)), testSite("b")];
    assert.equal(plan(justClosed, { lastSeen: () => after(-day) }).kind, "wait");
    assert.equal(plan(justClosed, { lastSeen: () => start }).kind, "rotate");
  });

  it("stalls on sites that were not seen since their old secret stopped, whenever that was", () => {
    const fleet = [rotated("a", after(-2 * hour)), rotated("b", after(-200 * day)), testSite("c")];
    for (const seen of [null, undefined, after(-201 * day)]) {
      const wave = plan(fleet, { lastSeen: () => seen });
      assert.deepEqual([wave.kind, namesIn(wave)], ["stalled", ["a", "b"]]);
    }
    const wave = plan(fleet, { lastSeen: ({ name }) => (name === "b" ? after(-199 * day) : start) });
    assert.equal(wave.kind, "rotate");
  });

  it("never asks whether a site was seen that was never rotated", () => {
    assert.equal(plan([testSite("a")], { lastSeen: () => null }).kind, "rotate");
  });

  it("goes on with force, but never into an open window", () => {
    const fleet = [rotated("a", after(day)), rotated("b", after(-day)), testSite("c")];
    const wave = plan(fleet, { force: true, size: { sites: 3 }, lastSeen: () => null });
    assert.deepEqual([wave.kind, namesIn(wave)], ["rotate", ["b", "c"]]);
    assert.equal(plan([rotated("a", after(day))], { force: true }).kind, "done");
  });

  it("is done when every site's window closed less than the given time ago", () => {
    const fleet = [rotated("a", after(-80 * day)), rotated("b", after(-2 * day))];
    assert.equal(plan(fleet, { olderThan: 90 * day }).kind, "done");
    assert.deepEqual(namesIn(plan(fleet, { olderThan: 60 * day })), ["a"]);
    assert.equal(plan([]).kind, "done");
  });

  it("rotates 500 sites once each in ten waves when it runs daily, never two waves at a time", () => {
    let fleet: readonly Site[] = Array.from({ length: 500 }, (_, index) => testSite(`site-${index}`));
    const versions = () => new Map(fleet.map(({ name, token }) => [name, token.secretVersion]));
    const waves: number[] = [];
    for (let today = 0; ; today += 1) {
      const now = after(today * day);
      // Every site pushes all the time.
      const wave = plan(fleet, {
        now,
        size: { percent: 10 },
        olderThan: 90 * day,
        lastSeen: () => now,
      });
      assert.notEqual(wave.kind, "stalled");
      if (wave.kind === "done") {
        break;
      }
      if (wave.kind === "rotate") {
        waves.push(today);
        const end = windowEndAfter(now, 7 * day);
        fleet = fleet.map((site) =>
          wave.sites.includes(site) ? rotated(site.name, new Date(end), site.token.secretVersion + 1) : site,
        );
      }
    }
    assert.deepEqual(waves, [0, 8, 16, 24, 32, 40, 48, 56, 64, 72]);
    assert.deepEqual(new Set(versions().values()), new Set([2]));
  });
});
