import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pacedFetch } from "./request-pace";

/** A clock that only waiting moves, and a fetch that notes when it was called. */
function paced() {
  let time = 0;
  const calls: number[] = [];
  const { fetch, count } = pacedFetch(
    () => {
      calls.push(time);
      return Promise.resolve(new Response());
    },
    () => time,
    (milliseconds) => {
      time += milliseconds;
      return Promise.resolve();
    },
  );
  return { fetch, count, calls };
}

describe("pacedFetch", () => {
  it("makes the first 240 requests at once", async () => {
    const { fetch, count, calls } = paced();
    for (let request = 0; request < 240; request += 1) {
      await fetch("http://127.0.0.1/");
    }
    assert.deepEqual(new Set(calls), new Set([0]));
    assert.equal(count(), 240);
  });

  it("stays below 1,200 requests in any five minutes", async () => {
    const { fetch, calls } = paced();
    for (let request = 0; request < 3000; request += 1) {
      await fetch("http://127.0.0.1/");
    }
    const most = Math.max(
      ...calls.map((start) => calls.filter((time) => time >= start && time < start + 300_000).length),
    );
    assert.ok(most <= 1200 && most > 1100, `${most} in five minutes`);
  });
});
