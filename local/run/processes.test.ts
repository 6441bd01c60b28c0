import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { freePort } from "./processes";

describe("freePort", () => {
  it("gives no port twice in a row, none that is in use, and none that the system gives out by itself", async (t) => {
    const given = await Promise.all([freePort(), freePort(), freePort()]);
    assert.equal(new Set(given).size, 3);
    assert.deepEqual(
      given.filter((port) => port < 20_000 || port >= 32_000),
      [],
    );
    const server = createServer();
    const taken = Math.max(...given) + 1;
    await new Promise<void>((resolve) => server.listen(taken, "127.0.0.1", resolve));
    t.after(() => server.close());
    const next = await Promise.all([freePort(), freePort()]);
    assert.equal(next.includes(taken), false);
  });
});
