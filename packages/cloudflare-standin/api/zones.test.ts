import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { account_id, refuses, send, failureOf, standInFor } from "../testing/stand-in";

const idOf = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 32);

describe("zones", () => {
  it("shows a zone the same by ID and by name", async (t) => {
    const { client } = await standInFor(t);
    const zone = await client.zones.get({ zone_id: idOf("example.com") });
    assert.deepEqual(
      [zone.id, zone.name, zone.status, zone.type, zone.paused, zone.account.id],
      [idOf("example.com"), "example.com", "active", "full", false, account_id],
    );
    assert.deepEqual((await client.zones.list({ name: "example.com", account: { id: account_id } })).result, [
      zone,
    ]);
  });

  it("lists by page, and finds nothing for another name, account or status", async (t) => {
    const { client } = await standInFor(t, { zones: [{ name: "b.example" }, { name: "a.example" }] });
    const names = async (query: object): Promise<string[]> => {
      const found = [];
      for await (const { name } of client.zones.list(query)) {
        found.push(name);
      }
      return found;
    };
    assert.deepEqual(await names({ per_page: 1 }), ["a.example", "b.example"]);
    assert.deepEqual(await names({ direction: "desc" }), ["b.example", "a.example"]);
    assert.deepEqual(await names({ name: "example.com" }), []);
    assert.deepEqual(await names({ account: { id: "f".repeat(32) } }), []);
    assert.deepEqual(await names({ status: "pending" }), []);
    assert.deepEqual(await names({ type: ["full", "partial"], name: "a.example", match: "all" }), [
      "a.example",
    ]);
    assert.deepEqual(await names({ name: "a.example", status: "pending", match: "any" }), ["a.example"]);
  });

  it("refuses a zone that is none of the account's, and a malformed ID", async (t) => {
    const { api, client } = await standInFor(t);
    await refuses(
      client.zones.get({ zone_id: "f".repeat(32) }),
      403,
      9109,
      "Unauthorized to access requested resource",
    );
    const { status, envelope } = await send(api, "GET", "/zones/example.com");
    assert.equal(status, 404);
    assert.deepEqual(
      envelope,
      failureOf(7003, "Could not route to /zones/example.com, perhaps your object identifier is invalid?"),
    );
  });
});

describe("bot management", () => {
  it("turns Bot Fight Mode on and off", async (t) => {
    const { client } = await standInFor(t);
    const zone_id = idOf("example.com");
    assert.deepEqual(await client.botManagement.get({ zone_id }), {
      fight_mode: false,
      using_latest_model: true,
    });
    await client.botManagement.update({ zone_id, fight_mode: true });
    assert.deepEqual(await client.botManagement.get({ zone_id }), {
      fight_mode: true,
      using_latest_model: true,
    });
  });
});
