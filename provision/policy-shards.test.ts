import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SignalName } from "../fleet/signals";
import { planShards, shardCount, shardOf } from "./policy-shards";

const both = ["metrics", "logs"] as const;

function site(name: string, signals: readonly SignalName[] = both, enabled = true) {
  return {
    name,
    signals,
    token: { duration: "8760h", enabled, secretVersion: 1, previousSecretExpiresAt: undefined },
  };
}

const manySites = Array.from({ length: 200 }, (_, index) => site(`site-${index}`));

describe("planShards", () => {
  it("plans a policy for each set of signals and shard, by precedence", () => {
    // The shards of these names are pinned in shards.test.ts; oslo and lima share 17.
    assert.deepEqual(
      planShards([
        site("tokyo"),
        site("oslo"),
        site("lima"),
        site("porto-factory", ["logs"]),
        site("berlin-shop", ["metrics"]),
      ]),
      [
        {
          logicalName: "metrics-00-of-32",
          signals: ["metrics"],
          shard: 0,
          precedence: 1,
          siteNames: ["berlin-shop"],
        },
        {
          logicalName: "logs-14-of-32",
          signals: ["logs"],
          shard: 14,
          precedence: 47,
          siteNames: ["porto-factory"],
        },
        {
          logicalName: "metrics-logs-17-of-32",
          signals: ["metrics", "logs"],
          shard: 17,
          precedence: 82,
          siteNames: ["lima", "oslo"],
        },
        {
          logicalName: "metrics-logs-25-of-32",
          signals: ["metrics", "logs"],
          shard: 25,
          precedence: 90,
          siteNames: ["tokyo"],
        },
      ],
    );
  });

  it("plans nothing for no sites", () => {
    assert.deepEqual(planShards([]), []);
  });

  it("leaves out a disabled site, and a shard that has no other", () => {
    assert.deepEqual(planShards([site("tokyo", both, false), site("oslo", both, false), site("lima")]), [
      {
        logicalName: "metrics-logs-17-of-32",
        signals: ["metrics", "logs"],
        shard: 17,
        precedence: 82,
        siteNames: ["lima"],
      },
    ]);
  });

  it("changes one policy's members when a site comes to its shard", () => {
    const before = planShards(manySites);
    const after = planShards([...manySites, site("tokyo")]);
    const name = "metrics-logs-25-of-32";
    assert.deepEqual(
      after.filter(({ logicalName }) => logicalName !== name),
      before.filter(({ logicalName }) => logicalName !== name),
    );
    const changed = before.find(({ logicalName }) => logicalName === name);
    assert.ok(changed);
    assert.deepEqual(
      after.find(({ logicalName }) => logicalName === name),
      { ...changed, siteNames: [...changed.siteNames, "tokyo"] },
    );
  });

  it("adds one policy, and changes none, when a site comes with signals of its own", () => {
    const before = planShards(manySites);
    const after = planShards([...manySites, site("tokyo", ["logs"])]);
    assert.deepEqual(
      after.filter(({ logicalName }) => logicalName !== "logs-25-of-32"),
      before,
    );
    assert.equal(after.length, before.length + 1);
  });

  it("does not depend on the order of the sites", () => {
    assert.deepEqual(planShards([...manySites].reverse()), planShards(manySites));
  });

  it("gives each policy a precedence and a name of its own, for all sets of signals in all shards", () => {
    const plan = planShards(
      manySites.flatMap(({ name }) => [site(name, ["metrics"]), site(name, ["logs"]), site(name)]),
    );
    const everyPolicy = 3 * shardCount;
    assert.deepEqual(
      plan.map(({ precedence }) => precedence),
      Array.from({ length: everyPolicy }, (_, index) => index + 1),
    );
    assert.equal(new Set(plan.map(({ logicalName }) => logicalName)).size, everyPolicy);
  });
});

describe("shardOf", () => {
  it("keeps every site where it has always been", () => {
    // Another number here moves deployed sites to another policy.
    assert.equal(shardCount, 32);
    assert.equal(shardOf("tokyo"), 25);
    assert.equal(shardOf("berlin-shop"), 0);
    assert.equal(shardOf("porto-factory"), 14);
  });

  it("spreads a thousand sites evenly", () => {
    const sizes = Array<number>(shardCount).fill(0);
    for (let index = 0; index < 1000; index += 1) {
      const shard = shardOf(`site-${index}`);
      sizes[shard] = (sizes[shard] ?? 0) + 1;
    }
    // Four standard deviations of a fair draw above and below the mean of 31.25: 9 to 53.
    const mean = 1000 / shardCount;
    const deviation = Math.sqrt(mean * (1 - 1 / shardCount));
    assert.equal(sizes.length, shardCount);
    assert.ok(Math.max(...sizes) <= mean + 4 * deviation, `the largest shard has ${Math.max(...sizes)}`);
    assert.ok(Math.min(...sizes) >= mean - 4 * deviation, `the smallest shard has ${Math.min(...sizes)}`);
  });

  it("spreads over another number of shards", () => {
    assert.equal(shardOf("tokyo", 1), 0);
    assert.equal(shardOf("tokyo", 7), 5);
  });
});
