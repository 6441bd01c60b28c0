import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Site } from "../../fleet/sites";
import { planWave, type Wave, type WaveInput } from "./plan-wave";
import { testSite } from "./test-sites";
import { windowEndAfter } from "../../stack/rotation-notes";

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

const names = (wave: Wave): readonly string[] =>
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
    assert.deepEqual([wave.kind, names(wave)], ["rotate", ["b", "c"]]);
    assert.equal(wave.kind === "rotate" && wave.left, 2);
  });

  it("counts percent of the whole fleet, and rounds up", () => {
    const fleet = Array.from({ length: 25 }, (_, index) => testSite(`site-${index}`));
    assert.equal(names(plan(fleet, { size: { percent: 10 } })).length, 3);
    assert.equal(names(plan(fleet, { size: { percent: 100 } })).length, 25);
  });

  it("chooses the same sites whatever order they come in, and not neighbours by name", () => {
    const fleet = Array.from({ length: 40 }, (_, index) => testSite(`site-${index}`));
    const wave = names(plan(fleet, { size: { sites: 4 } }));
    assert.deepEqual(names(plan([...fleet].reverse(), { size: { sites: 4 } })), wave);
    assert.notDeepEqual(wave, ["site-0", "site-1", "site-10", "site-11"]);
  });

  it("waits while a window is open, and for an hour after it for sites to be seen", () => {
    const fleet = [rotated("a", after(3 * day)), testSite("b")];
    const wave = plan(fleet);
    assert.deepEqual(
      [wave.kind, names(wave), wave.kind === "wait" && wave.until],
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
      assert.deepEqual([wave.kind, names(wave)], ["stalled", ["a", "b"]]);
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
    assert.deepEqual([wave.kind, names(wave)], ["rotate", ["b", "c"]]);
    assert.equal(plan([rotated("a", after(day))], { force: true }).kind, "done");
  });

  it("is done when every site's window closed less than the given time ago", () => {
    const fleet = [rotated("a", after(-80 * day)), rotated("b", after(-2 * day))];
    assert.equal(plan(fleet, { olderThan: 90 * day }).kind, "done");
    assert.deepEqual(names(plan(fleet, { olderThan: 60 * day })), ["a"]);
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
