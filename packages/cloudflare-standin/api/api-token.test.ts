import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { account_id, clientOf, send, standInFor } from "../testing/stand-in";

describe("accounts", () => {
  it("are shown by page: the token's own, and those of zones that it may see", async (t) => {
    const other = "f".repeat(32);
    const { client } = await standInFor(t, {
      zones: [{ name: "example.com" }, { name: "example.net", accountId: other }],
    });
    const ids = [];
    for await (const { id, type } of client.accounts.list({ per_page: 1 })) {
      ids.push(id);
      assert.equal(type, "standard");
    }
    assert.deepEqual(ids, [account_id, other]);
    const [last] = (await client.accounts.list({ direction: "desc" })).result;
    assert.equal(last?.id, other);
    assert.deepEqual((await client.accounts.list({ name: "another" })).result, []);
  });

  it("are none, and no refusal, without the permission", async (t) => {
    const { api } = await standInFor(t);
    const client = clientOf(api, api.createApiToken(["Zone Read"]));
    assert.deepEqual((await client.accounts.list()).result, []);
  });

  it("take no other query", async (t) => {
    const { api } = await standInFor(t);
    assert.equal((await send(api, "GET", "/accounts?status=active")).status, 400);
  });
});
