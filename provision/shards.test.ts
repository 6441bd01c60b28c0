import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shardCount, shardOf } from "./shards";

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
