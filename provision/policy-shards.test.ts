import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SignalName } from "../fleet/signals";
import { planPolicyShards, policyShardCount, policyShardOf } from "./policy-shards";

const both = ["metrics", "logs"] as const;

function site(name: string, signals: readonly SignalName[] = both, enabled = true) {
  return {
    name,
    signals,
    token: { duration: "8760h", enabled, secretVersion: 1, previousSecretExpiresAt: undefined },
  };
}

function shard(signal: SignalName, number: number, siteNames: readonly string[]) {
  const logicalName = `${signal}-${String(number).padStart(2, "0")}-of-32`;
  return { logicalName, signal, shard: number, precedence: number + 1, siteNames };
}

const manySites = Array.from({ length: 200 }, (_, index) => site(`site-${index}`));

describe("planPolicyShards", () => {
  it("plans a policy for each signal and shard, by signal and precedence", () => {
    // The shards of these names are pinned below; oslo and lima share 17.
    assert.deepEqual(
      planPolicyShards([
        site("tokyo"),
        site("oslo"),
        site("lima", ["metrics"]),
        site("porto-factory", ["logs"]),
        site("berlin-shop", ["metrics"]),
      ]),
      [
        shard("metrics", 0, ["berlin-shop"]),
        shard("metrics", 17, ["lima", "oslo"]),
        shard("metrics", 25, ["tokyo"]),
        shard("logs", 14, ["porto-factory"]),
        shard("logs", 17, ["oslo"]),
        shard("logs", 25, ["tokyo"]),
      ],
    );
  });

  it("plans nothing for no sites", () => {
    assert.deepEqual(planPolicyShards([]), []);
  });

  it("leaves out a disabled site, and a shard that has no other", () => {
    assert.deepEqual(
      planPolicyShards([site("tokyo", both, false), site("oslo", both, false), site("lima")]),
      [shard("metrics", 17, ["lima"]), shard("logs", 17, ["lima"])],
    );
  });

  it("changes one policy's members for each signal when a site comes to its shard", () => {
    const before = planPolicyShards(manySites);
    const changed = ["metrics-25-of-32", "logs-25-of-32"];
    assert.deepEqual(
      planPolicyShards([...manySites, site("tokyo")]),
      before.map((one) =>
        changed.includes(one.logicalName) ? { ...one, siteNames: [...one.siteNames, "tokyo"].sort() } : one,
      ),
    );
  });

  it("touches no policy of the signal that a site has when it gains or loses another", () => {
    const metricsOf = (...sites: Parameters<typeof planPolicyShards>[0]) =>
      planPolicyShards([...manySites, ...sites]).filter(({ signal }) => signal === "metrics");
    assert.deepEqual(metricsOf(site("tokyo")), metricsOf(site("tokyo", ["metrics"])));
  });

  it("does not depend on the order of the sites", () => {
    assert.deepEqual(planPolicyShards([...manySites].reverse()), planPolicyShards(manySites));
  });

  it("gives each policy a name of its own, and a precedence of its own within its signal", () => {
    const plan = planPolicyShards(manySites);
    for (const signal of both) {
      assert.deepEqual(
        plan.filter((one) => one.signal === signal).map(({ precedence }) => precedence),
        Array.from({ length: policyShardCount }, (_, index) => index + 1),
      );
    }
    assert.equal(new Set(plan.map(({ logicalName }) => logicalName)).size, 2 * policyShardCount);
  });
});

describe("policyShardOf", () => {
  it("keeps every site where it has always been", () => {
    // Another number here moves deployed sites to another policy.
    assert.equal(policyShardCount, 32);
    assert.equal(policyShardOf("tokyo"), 25);
    assert.equal(policyShardOf("berlin-shop"), 0);
    assert.equal(policyShardOf("porto-factory"), 14);
  });

  it("spreads a thousand sites evenly", () => {
    const sizes = Array<number>(policyShardCount).fill(0);
    for (let index = 0; index < 1000; index += 1) {
      const shard = policyShardOf(`site-${index}`);
      sizes[shard] = (sizes[shard] ?? 0) + 1;
    }
    // Four standard deviations of a fair draw above and below the mean of 31.25: 9 to 53.
    const mean = 1000 / policyShardCount;
    const deviation = Math.sqrt(mean * (1 - 1 / policyShardCount));
    assert.equal(sizes.length, policyShardCount);
    assert.ok(Math.max(...sizes) <= mean + 4 * deviation, `the largest shard has ${Math.max(...sizes)}`);
    assert.ok(Math.min(...sizes) >= mean - 4 * deviation, `the smallest shard has ${Math.min(...sizes)}`);
  });

  it("spreads over another number of shards", () => {
    assert.equal(policyShardOf("tokyo", 1), 0);
    assert.equal(policyShardOf("tokyo", 7), 5);
  });
});
