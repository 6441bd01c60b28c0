import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { authenticate } from "../edge/access/service-credentials";
import { emptyDatabase } from "./database";
import type { ServiceToken } from "./rows";
import { account_id, present, refuses, standInFor } from "../testing/stand-in";

/** Whether the data path takes this secret for the token's at this time. */
function accepted(token: ServiceToken, clientSecret: string, now: Date): boolean {
  const database = emptyDatabase("0123456789abcdef0123456789abcdef", "example-team");
  database.serviceTokens.set(token.id, token);
  const credentials = { kind: "pair" as const, clientId: token.client_id, clientSecret };
  return authenticate(credentials, database, now).token !== undefined;
}

const start = "2026-01-01T00:00:00.000Z";

describe("service tokens", () => {
  it("answers a create with the secret, and every default", async (t) => {
    const { api, client } = await standInFor(t, { now: () => new Date(start) });
    const { id, client_id, client_secret, ...rest } = await client.zeroTrust.access.serviceTokens.create({
      account_id,
      name: "tokyo",
    });
    assert.match(present(id), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(present(client_id), /^[0-9a-f]{32}\.access$/);
    const [, body, checksum] = /^cfast_([A-Za-z0-9]{40})([0-9a-f]{8})$/.exec(present(client_secret)) ?? [];
    assert.equal(checksum, crc32(present(body)).toString(16).padStart(8, "0"));
    assert.deepEqual(rest, {
      name: "tokyo",
      duration: "8760h",
      enabled: true,
      created_at: start,
      updated_at: start,
      expires_at: "2027-01-01T00:00:00Z",
      last_seen_at: null,
    });
    assert.deepEqual([...api.issuedSecrets], [client_secret]);
  });

  it("never shows a secret in get, list, update, refresh or delete", async (t) => {
    const { client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const id = present((await tokens.create({ account_id, name: "tokyo", client_secret_version: 1 })).id);
    const answers = [
      await tokens.get(id, { account_id }),
      (await tokens.list({ account_id })).result[0],
      await tokens.update(id, { account_id, name: "osaka", client_secret_version: 1 }),
      await tokens.refresh(id, { account_id }),
      await tokens.delete(id, { account_id }),
    ];
    for (const answer of answers) {
      assert.deepEqual(Object.keys(present(answer)).sort(), [
        "client_id",
        "created_at",
        "duration",
        "enabled",
        "expires_at",
        "id",
        "last_seen_at",
        "name",
        "updated_at",
      ]);
    }
  });

  it("keeps only hashes of secrets in the database", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const id = present((await tokens.create({ account_id, name: "tokyo" })).id);
    await tokens.rotate(id, { account_id, previous_client_secret_expires_at: "2100-01-01T00:00:00Z" });
    const stored = JSON.stringify([...api.database.serviceTokens.values()]);
    assert.equal(api.issuedSecrets.size, 2);
    assert.deepEqual(
      [...api.issuedSecrets].filter((secret) => stored.includes(secret)),
      [],
    );
  });

  it("kills the old secret at once when it rotates without an expiry", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const created = await tokens.create({ account_id, name: "tokyo" });
    const rotated = await tokens.rotate(present(created.id), { account_id });
    const row = present(api.database.serviceTokens.get(present(created.id)));
    assert.equal(rotated.client_id, created.client_id);
    assert.notEqual(rotated.client_secret, created.client_secret);
    assert.equal(accepted(row, present(rotated.client_secret), new Date()), true);
    assert.equal(accepted(row, present(created.client_secret), new Date()), false);
  });

  it("accepts the old secret until its expiry, which can be moved, and keeps only one", async (t) => {
    let now = new Date(start);
    const { api, client } = await standInFor(t, { now: () => now });
    const tokens = client.zeroTrust.access.serviceTokens;
    const created = await tokens.create({ account_id, name: "tokyo" });
    const id = present(created.id);
    const first = present(created.client_secret);
    const row = present(api.database.serviceTokens.get(id));
    const second = present(
      (await tokens.rotate(id, { account_id, previous_client_secret_expires_at: "2026-01-02T00:00:00Z" }))
        .client_secret,
    );
    assert.deepEqual(
      [first, second].map((secret) => accepted(row, secret, now)),
      [true, true],
    );
    now = new Date("2026-01-02T00:00:00Z");
    assert.equal(accepted(row, first, now), false);
    await tokens.update(id, { account_id, previous_client_secret_expires_at: "2026-01-03T00:00:00Z" });
    assert.equal(accepted(row, first, now), true);
    await tokens.update(id, { account_id, previous_client_secret_expires_at: "2020-01-01T00:00:00Z" });
    assert.equal(accepted(row, first, now), false);
    await tokens.rotate(id, { account_id, previous_client_secret_expires_at: "2026-02-01T00:00:00Z" });
    assert.deepEqual(
      [first, second].map((secret) => accepted(row, secret, now)),
      [false, true],
    );
  });

  it("rotates when the version rises, and not when it stays or falls", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const created = await tokens.create({ account_id, name: "tokyo", client_secret_version: 1 });
    const id = present(created.id);
    const update = async (client_secret_version: number): Promise<unknown> => {
      const answer: object = await tokens.update(id, {
        account_id,
        client_secret_version,
        previous_client_secret_expires_at: "2100-01-01T00:00:00Z",
      });
      return "client_secret" in answer ? answer.client_secret : undefined;
    };
    const raised = await update(2);
    assert.equal(typeof raised, "string");
    assert.notEqual(raised, created.client_secret);
    assert.equal(await update(2), undefined);
    assert.equal(await update(1), undefined);
    const row = present(api.database.serviceTokens.get(id));
    assert.equal(accepted(row, String(raised), new Date()), true);
    assert.equal(row.clientSecretVersion, 1);
    assert.equal(row.client_id, created.client_id);
  });

  it("counts the expiry anew only when the duration changes, and shows it to the second", async (t) => {
    let now = new Date("2026-01-01T00:00:00.456Z");
    const { client } = await standInFor(t, { now: () => now });
    const tokens = client.zeroTrust.access.serviceTokens;
    const id = present((await tokens.create({ account_id, name: "tokyo", duration: "48h" })).id);
    now = new Date("2026-01-02T00:00:00.789Z");
    const same = await tokens.update(id, { account_id, duration: "48h" });
    assert.equal(same.expires_at, "2026-01-03T00:00:00Z");
    const longer = await tokens.update(id, { account_id, duration: "72h" });
    assert.equal(longer.expires_at, "2026-01-05T00:00:00Z");
    const refreshed = await tokens.refresh(id, { account_id });
    assert.equal(refreshed.expires_at, "2027-01-05T00:00:00Z");
    const forever = await tokens.update(id, { account_id, duration: "forever" });
    assert.equal(forever.expires_at, "9999-12-31T23:59:59Z");
    assert.equal((await tokens.refresh(id, { account_id })).expires_at, forever.expires_at);
  });

  it("refuses a duration that Go cannot parse", async (t) => {
    const { client } = await standInFor(t);
    for (const duration of ["365d", "1y", "", "0h", "-1h", "8760"]) {
      await refuses(
        client.zeroTrust.access.serviceTokens.create({ account_id, name: "tokyo", duration }),
        400,
        12130,
        `access.api.error.invalid_request: invalid duration '${duration}'`,
      );
    }
  });

  it("accepts neither secret of a disabled token, and both again when it is enabled", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const { id = "", client_secret = "" } = await tokens.create({ account_id, name: "tokyo" });
    const row = present(api.database.serviceTokens.get(id));
    assert.equal((await tokens.update(id, { account_id, enabled: false })).enabled, false);
    assert.equal(accepted(row, client_secret, new Date()), false);
    await tokens.update(id, { account_id, enabled: true });
    assert.equal(accepted(row, client_secret, new Date()), true);
    assert.equal(accepted(row, client_secret, new Date("2100-01-01")), false);
  });

  it("allows two tokens of one name, and names of up to 350 characters", async (t) => {
    const { client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const name = "n".repeat(350);
    const ids = [await tokens.create({ account_id, name }), await tokens.create({ account_id, name })].map(
      ({ id }) => id,
    );
    assert.equal(new Set(ids).size, 2);
    await refuses(
      tokens.create({ account_id, name: "n".repeat(351) }),
      400,
      400,
      'field "name": Too big: expected string to have <=350 characters',
    );
  });

  it("refuses to delete a token that a policy includes, excludes or requires", async (t) => {
    const { client } = await standInFor(t);
    const { serviceTokens, policies } = client.zeroTrust.access;
    const token = {
      service_token: { token_id: present((await serviceTokens.create({ account_id, name: "a" })).id) },
    };
    for (const rules of [{ include: [token] }, { include: [{ everyone: {} }], exclude: [token] }]) {
      const policy = await policies.create({ account_id, name: "push", decision: "non_identity", ...rules });
      await refuses(
        serviceTokens.delete(token.service_token.token_id, { account_id }),
        400,
        12139,
        "access.api.error.service_token_in_use: cannot delete service token because it is used by a policy, group, or app SCIM configuration",
      );
      await policies.delete(present(policy.id), { account_id });
    }
    await serviceTokens.delete(token.service_token.token_id, { account_id });
    assert.deepEqual((await serviceTokens.list({ account_id })).result, []);
  });

  it("refuses one more than the quota", async (t) => {
    const { client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    for (let count = 0; count < 50; count += 1) {
      await tokens.create({ account_id, name: `site-${count}` });
    }
    await refuses(
      tokens.create({ account_id, name: "one-too-many" }),
      400,
      12130,
      "access.api.error.invalid_request: maximum number of service tokens has been reached",
    );
  });

  it("lists by page, name and search", async (t) => {
    const { client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    for (const name of ["tokyo", "osaka", "Tokyo-2"]) {
      await tokens.create({ account_id, name });
    }
    const names = async (query: object): Promise<unknown[]> => {
      const found = [];
      for await (const { name } of tokens.list({ account_id, ...query })) {
        found.push(name);
      }
      return found;
    };
    assert.deepEqual(await names({ per_page: 1 }), ["tokyo", "osaka", "Tokyo-2"]);
    assert.deepEqual(await names({ name: "tokyo" }), ["tokyo"]);
    assert.deepEqual(await names({ search: "tokyo" }), ["tokyo", "Tokyo-2"]);
    assert.deepEqual((await tokens.list({ account_id, per_page: 2 })).result_info, {
      page: 1,
      per_page: 2,
      count: 2,
      total_count: 3,
      total_pages: 2,
    });
  });

  it("answers 404 for a token that does not exist", async (t) => {
    const { client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    const calls = [
      () => tokens.get("nope", { account_id }),
      () => tokens.update("nope", { account_id, name: "a" }),
      () => tokens.delete("nope", { account_id }),
      () => tokens.rotate("nope", { account_id }),
      () => tokens.refresh("nope", { account_id }),
    ];
    for (const call of calls) {
      await refuses(call(), 404, 11021, "access.api.error.not_found: service token not found");
    }
  });
});
