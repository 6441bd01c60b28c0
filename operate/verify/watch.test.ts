import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Site } from "../../fleet/sites";
import type { FleetVerdict } from "./verdict";
import { watchSites, type WatchOptions } from "./watch";

const site = (name: string): Site => ({
  name,
  file: `sites/${name}.yaml`,
  description: undefined,
  signals: ["metrics"],
  labels: {},
  token: { duration: "8760h", enabled: true, secretVersion: 1, previousSecretExpiresAt: undefined },
  collector: undefined,
  shard: "",
});

/** Looks that find, one after the other, these sites and hosts wrong. */
function looks(wrong: readonly (readonly string[])[]) {
  const asked: (readonly string[])[] = [];
  const look = (sites: readonly Site[]): Promise<FleetVerdict> => {
    const found = wrong[asked.length] ?? [];
    asked.push(sites.map(({ name }) => name));
    const endpoint = {
      signal: "metrics",
      hostname: "prom.example.com",
      ok: !found.includes("the host"),
      probes: [],
      problems: [],
    } as const;
    return Promise.resolve({
      ok: found.length === 0,
      endpoints: [endpoint],
      sites: sites.map(({ name }) => ({ site: name, ok: !found.includes(name), problems: [], signals: [] })),
    });
  };
  return { asked, look };
}

const fleet = [site("berlin"), site("tokyo")];

const options = (look: WatchOptions["look"]): WatchOptions => ({
  look,
  interval: 1,
  timeout: undefined,
  onLook: () => undefined,
  abort: new AbortController().signal,
});

describe("watchSites", () => {
  it("looks again where something was wrong, until nothing is", async () => {
    const { asked, look } = looks([["berlin", "tokyo"], ["tokyo"], []]);
    const verdict = await watchSites(fleet, options(look));
    assert.deepEqual(asked, [["berlin", "tokyo"], ["berlin", "tokyo"], ["tokyo"]]);
    assert.deepEqual(
      verdict.sites.map(({ site: name, ok }) => [name, ok]),
      [
        ["berlin", true],
        ["tokyo", true],
      ],
    );
    assert.equal(verdict.ok, true);
  });

  it("looks at the hosts alone when something is wrong only there", async () => {
    const { asked, look } = looks([["the host"], []]);
    const verdict = await watchSites(fleet, options(look));
    assert.deepEqual(asked, [["berlin", "tokyo"], []]);
    assert.deepEqual([verdict.ok, verdict.sites.length], [true, 2]);
  });

  it("takes a last look when the time is over", async () => {
    const { asked, look } = looks([["tokyo"], ["tokyo"], ["tokyo"]]);
    const seen: (readonly [ok: boolean, inTime: boolean])[] = [];
    const verdict = await watchSites(fleet, {
      ...options(look),
      interval: 60_000,
      timeout: 20,
      // What is left of the time is less than the interval.
      onLook: ({ ok }, pause) => seen.push([ok, pause > 0 && pause <= 20]),
    });
    assert.deepEqual([asked.length, seen, verdict.ok], [2, [[false, true]], false]);
  });

  it("ends between two looks when it is aborted", async () => {
    const { look } = looks([["tokyo"]]);
    const stopping = new AbortController();
    await assert.rejects(
      watchSites(fleet, {
        ...options(look),
        interval: 60_000,
        abort: stopping.signal,
        onLook: () => {
          stopping.abort();
        },
      }),
      { name: "AbortError" },
    );
  });
});
