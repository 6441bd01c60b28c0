import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { failureOf, present, refuses, send, standInFor } from "../testing/stand-in";
import { zoneId } from "./database";

const zone_id = zoneId("example.com");
const path = `/zones/${zone_id}/dns_records`;
const target = "6ff42ae2-765d-4adf-8112-31c55c1551ef.cfargotunnel.com";
const cname = {
  zone_id,
  type: "CNAME",
  name: "prom.example.com",
  content: target,
  ttl: 1,
  proxied: true,
} as const;
const address = { zone_id, type: "A", name: "prom.example.com", content: "192.0.2.1", ttl: 300 } as const;

describe("dns records", () => {
  it("answers a create with every field", async (t) => {
    const { client } = await standInFor(t, { now: () => new Date("2026-01-01T00:00:00Z") });
    const { id, ...rest } = await client.dns.records.create({ ...cname, comment: "sitepass" });
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.deepEqual(rest, {
      name: "prom.example.com",
      type: "CNAME",
      content: target,
      proxied: true,
      proxiable: true,
      ttl: 1,
      settings: {},
      tags: [],
      comment: "sitepass",
      comment_modified_on: "2026-01-01T00:00:00.000Z",
      meta: {},
      created_on: "2026-01-01T00:00:00.000Z",
      modified_on: "2026-01-01T00:00:00.000Z",
    });
  });

  it("answers the automatic TTL for a proxied record", async (t) => {
    const { client } = await standInFor(t);
    assert.equal((await client.dns.records.create({ ...address, proxied: true })).ttl, 1);
  });

  it("keeps CNAME and addresses apart, and refuses the identical record", async (t) => {
    const { client } = await standInFor(t);
    const { records } = client.dns;
    const first = await records.create(address);
    const six = { ...address, type: "AAAA", content: "2001:db8::1" } as const;
    await records.create(six);
    await records.create({ ...address, content: "192.0.2.2" });
    await refuses(
      records.create(cname),
      400,
      81053,
      "An A, AAAA, or CNAME record with that host already exists.",
    );
    await refuses(records.create(address), 400, 81058, "An identical record already exists.");
    const other = await records.create({ ...cname, name: "loki.example.com" });
    for (const record of [address, six]) {
      await refuses(
        records.create({ ...record, name: "loki.example.com" }),
        400,
        81054,
        "A CNAME record with that host already exists.",
      );
    }
    await refuses(
      records.create({ ...cname, name: "loki.example.com", content: "else.example.com" }),
      400,
      81053,
      "An A, AAAA, or CNAME record with that host already exists.",
    );
    await refuses(
      records.update(other.id, { ...address, content: "192.0.2.2" }),
      400,
      81058,
      "An identical record already exists.",
    );
    assert.equal((await records.update(first.id, address)).id, first.id);
  });

  it("refuses contents, names and values that cannot be", async (t) => {
    const { api } = await standInFor(t);
    const content = (type: string, value: string): [object, number, string] => [
      { type, content: value },
      9005,
      `Content '${value}' is not valid for a record of type ${type}.`,
    ];
    const name = (value: string): [object, number, string] => [
      { name: value },
      9005,
      `DNS name '${value}' is not a full name inside the zone example.com.`,
    ];
    const cases: [object, number, string][] = [
      content("A", "2001:db8::1"),
      content("A", "prom.example.com"),
      content("AAAA", "192.0.2.1"),
      content("CNAME", "192.0.2.1"),
      content("CNAME", "prom.example.com"),
      name("prom"),
      name("prom.example.org"),
      name("pr om.example.com"),
      [{ type: "TXT" }, 400, 'field "type": only A, AAAA and CNAME are imitated'],
      [{ ttl: 59 }, 400, 'field "ttl": must be 1 (automatic) or from 60 to 86400'],
      [{ ttl: undefined }, 400, 'field "ttl": must be 1 (automatic) or from 60 to 86400'],
      [
        { comment: "c".repeat(101) },
        400,
        'field "comment": Too big: expected string to have <=100 characters',
      ],
      [{ comment: "a\nb" }, 400, 'field "comment": no line breaks'],
      [{ tags: ["a:b"] }, 400, 'field "tags.0": tags are not available on the Free plan'],
      [{ proxy: true }, 400, 'unknown field "proxy"'],
    ];
    for (const [fields, code, message] of cases) {
      const body = { type: "A", name: "prom.example.com", content: "192.0.2.1", ttl: 1, ...fields };
      const { status, envelope } = await send(api, "POST", path, body);
      assert.deepEqual(envelope, failureOf(code, message));
      assert.equal(status, 400);
    }
  });

  it("replaces with PUT and changes with PATCH", async (t) => {
    let now = new Date("2026-01-01T00:00:00Z");
    const { client } = await standInFor(t, { now: () => now });
    const { records } = client.dns;
    const { id } = await records.create({ ...address, comment: "one", settings: { ipv4_only: true } });
    now = new Date("2026-01-02T00:00:00Z");
    const edited = await records.edit(id, { zone_id, ...{ type: "A", name: "prom.example.com", ttl: 60 } });
    assert.deepEqual(
      [edited.comment, edited.settings, edited.ttl, edited.comment_modified_on, edited.modified_on],
      ["one", { ipv4_only: true }, 60, "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"],
    );
    const replaced = await records.update(id, address);
    assert.deepEqual([replaced.comment, replaced.settings, replaced.proxied], [null, {}, false]);
    assert.equal(replaced.created_on, "2026-01-01T00:00:00.000Z");
    const typed = await records.update(id, { ...cname, content: "host.example.net" });
    assert.deepEqual([typed.id, typed.type], [id, "CNAME"]);
  });

  it("takes the question for shadowed records with each call but a deletion", async (t) => {
    const { client } = await standInFor(t);
    const { records } = client.dns;
    const shadows = { include_shadow_metadata: true };
    const { id, meta } = await records.create({ ...address, ...shadows });
    const answers = [
      await records.get(id, { zone_id, ...shadows }),
      await records.update(id, { ...address, ...shadows }),
      await records.edit(id, { ...address, include_shadow_metadata: false }),
      ...(await records.list({ zone_id, ...shadows })).getPaginatedItems(),
    ];
    assert.deepEqual([meta, ...answers.map((record) => record.meta)], [{}, {}, {}, {}, {}]);
    await refuses(
      client.get(`${path}/${id}`, { query: { include_shadow_metadata: "maybe" } }),
      400,
      400,
      'query parameter "include_shadow_metadata": Invalid option: expected one of "true"|"false"',
    );
    await refuses(
      client.delete(`${path}/${id}`, { query: shadows }),
      400,
      400,
      'unknown query parameter "include_shadow_metadata"',
    );
  });

  it("lists by page, name, type and content, in one zone only", async (t) => {
    const { client } = await standInFor(t, { zones: [{ name: "example.com" }, { name: "example.org" }] });
    const { records } = client.dns;
    await records.create(address);
    await records.create({ ...address, content: "192.0.2.2" });
    await records.create({ ...cname, name: "loki.example.com" });
    await records.create({ ...cname, zone_id: zoneId("example.org"), name: "loki.example.org" });
    const names = async (query: object): Promise<unknown[]> => {
      const found = [];
      for await (const { name } of records.list({ zone_id, ...query })) {
        found.push(name);
      }
      return found;
    };
    assert.deepEqual(await names({ per_page: 2 }), [
      "prom.example.com",
      "prom.example.com",
      "loki.example.com",
    ]);
    assert.deepEqual(await names({ name: { exact: "LOKI.example.com" } }), ["loki.example.com"]);
    assert.deepEqual(await names({ type: "A", content: { exact: "192.0.2.2" } }), ["prom.example.com"]);
    assert.deepEqual(await names({ zone_id: zoneId("example.org") }), ["loki.example.org"]);
  });

  it("forgets what is deleted, and refuses one more than the quota", async (t) => {
    const { client } = await standInFor(t, { limits: { dnsRecords: 1 } });
    const { records } = client.dns;
    const { id } = await records.create(address);
    await refuses(
      records.create({ ...address, content: "192.0.2.2" }),
      400,
      81045,
      "The record quota has been exceeded.",
    );
    assert.deepEqual(present(await records.delete(id, { zone_id })), { id });
    await refuses(records.get(id, { zone_id }), 404, 81044, "Record does not exist.");
    await refuses(records.delete(id, { zone_id }), 404, 81044, "Record does not exist.");
  });
});
