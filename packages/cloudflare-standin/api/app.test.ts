import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createApp, routes } from "./app";
import { Faults } from "./control";
import { emptyDatabase, zoneId } from "./database";
import { defaultLimits, RateLimit } from "./limits";
import { account_id, clientOf, failureOf, refuses, send, standInFor } from "../testing/stand-in";

describe("app", () => {
  it("needs no socket", async () => {
    const app = createApp({
      database: emptyDatabase(account_id, "example-team"),
      limits: defaultLimits,
      now: () => new Date(),
      issuedSecrets: new Set(),
      apiTokens: new Map([["t", new Set(["Zone Read"])]]),
      faults: new Faults(),
      rateLimit: new RateLimit(Infinity, () => new Date()),
      requests: [],
      changed: () => undefined,
      switches: {},
    });
    const response = await app.request("/client/v4/zones", { headers: { authorization: "Bearer t" } });
    assert.deepEqual(await response.json(), {
      success: true,
      errors: [],
      messages: [],
      result: [],
      result_info: { page: 1, per_page: 25, count: 0, total_count: 0, total_pages: 0 },
    });
  });

  it("refuses an unknown API token, with a code of its own for verify", async (t) => {
    const { api, client } = await standInFor(t);
    const stranger = clientOf(api, "x".repeat(40));
    await refuses(stranger.zones.list(), 403, 9109, "Invalid access token");
    await refuses(stranger.user.tokens.verify(), 401, 1000, "Invalid API Token");
    await refuses(stranger.accounts.tokens.verify({ account_id }), 401, 1000, "Invalid API Token");
    const { status, id } = await client.user.tokens.verify();
    assert.equal(status, "active");
    assert.deepEqual(await client.accounts.tokens.verify({ account_id }), { id, status });
    assert.match(api.apiToken, /^[A-Za-z0-9_-]{40,80}$/);
    const bare = await fetch(`${api.baseUrl}/zones`);
    assert.deepEqual([bare.status, await bare.json()], [403, failureOf(9109, "Invalid access token")]);
  });

  it("asks for the route's permission, and lets write include read", async (t) => {
    const { api } = await standInFor(t);
    for (const { method, path, permission } of routes) {
      if (permission === undefined) {
        continue;
      }
      const url =
        api.baseUrl +
        path.replace(":account", account_id).replace(":zone", zoneId("example.com")).replace(":id", "x");
      const status = async (token: string): Promise<number> =>
        (await fetch(url, { method, headers: { authorization: `Bearer ${token}` } })).status;
      const name = `${method} ${path}`;
      assert.equal(await status(api.createApiToken([])), 403, name);
      assert.notEqual(await status(api.createApiToken([permission])), 403, name);
    }
    const writer = clientOf(api, api.createApiToken(["Access: Service Tokens Write"]));
    await writer.zeroTrust.access.serviceTokens.list({ account_id });
    const reader = clientOf(api, api.createApiToken(["Access: Service Tokens Read"]));
    await refuses(
      reader.zeroTrust.access.serviceTokens.create({ account_id, name: "a" }),
      403,
      10000,
      "Authentication error",
    );
  });

  it("refuses another account, and a malformed one", async (t) => {
    const { api, client } = await standInFor(t);
    await refuses(
      client.zeroTrust.access.serviceTokens.list({ account_id: "f".repeat(32) }),
      403,
      10000,
      "Authentication error",
    );
    const { status, envelope } = await send(api, "GET", "/accounts/me/cfd_tunnel");
    assert.equal(status, 404);
    assert.deepEqual(
      envelope,
      failureOf(
        7003,
        "Could not route to /accounts/me/cfd_tunnel, perhaps your object identifier is invalid?",
      ),
    );
  });

  it("answers 501 with method and path to what is not imitated", async (t) => {
    const { api, client } = await standInFor(t);
    for (const [method, path] of [
      ["DELETE", "/zones"],
      ["GET", `/zones/${zoneId("example.com")}/access/service_tokens`],
      ["POST", `/accounts/${account_id}/access/apps/x/policies`],
    ] as const) {
      const { status, envelope, headers } = await send(api, method, path);
      assert.equal(status, 501);
      assert.equal(headers.get("x-should-retry"), "false");
      assert.deepEqual(envelope, failureOf(501, `The stand-in does not imitate ${method} ${path}`));
    }
    await refuses(client.user.get(), 501, 501, "The stand-in does not imitate GET /user");
  });

  it("refuses bodies that are not JSON or hold unknown fields, and unknown query parameters", async (t) => {
    const { api } = await standInFor(t);
    const path = `/accounts/${account_id}/access/service_tokens`;
    const cases: [string, string, unknown, object][] = [
      ["POST", path, { name: "a", nmae: 1 }, failureOf(400, 'unknown field "nmae"')],
      [
        "POST",
        path,
        { name: 1 },
        failureOf(400, 'field "name": Invalid input: expected string, received number'),
      ],
      [
        "POST",
        path,
        { name: null },
        failureOf(400, 'field "name": Invalid input: expected string, received undefined'),
      ],
      [
        "POST",
        path,
        undefined,
        failureOf(400, "the body: Invalid input: expected object, received undefined"),
      ],
      ["GET", `${path}?nmae=a`, undefined, failureOf(400, 'unknown query parameter "nmae"')],
      [
        "GET",
        `${path}?per_page=1001`,
        undefined,
        failureOf(400, 'query parameter "per_page": Too big: expected number to be <=1000'),
      ],
    ];
    for (const [method, target, body, expected] of cases) {
      const { status, envelope } = await send(api, method, target, body);
      assert.deepEqual([status, envelope], [400, expected]);
    }
    const garbage = await fetch(api.baseUrl + path, {
      method: "POST",
      headers: { authorization: `Bearer ${api.apiToken}` },
      body: "{",
    });
    assert.deepEqual(await garbage.json(), failureOf(400, "the body is not JSON"));
  });

  it("records requests without the query in the path, and forgets them when asked", async (t) => {
    const { api, client } = await standInFor(t);
    await client.zones.list({ name: "example.com" });
    await assert.rejects(client.zones.get({ zone_id: "f".repeat(32) }));
    assert.deepEqual(api.requests, [
      { method: "GET", path: "/zones", query: "name=example.com", status: 200 },
      { method: "GET", path: `/zones/${"f".repeat(32)}`, query: "", status: 403 },
    ]);
    api.clearRequests();
    assert.deepEqual(api.requests, []);
  });

  it("refuses everything for five minutes once the rate limit is passed", async (t) => {
    let now = new Date("2026-01-01T00:00:00Z");
    const { api } = await standInFor(t, { limits: { requestsPerFiveMinutes: 2 }, now: () => now });
    const status = async (): Promise<number> => (await send(api, "GET", "/zones")).status;
    assert.deepEqual([await status(), await status(), await status()], [200, 200, 429]);
    now = new Date("2026-01-01T00:04:59Z");
    const { headers, envelope } = await send(api, "GET", "/zones");
    assert.deepEqual(
      ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-should-retry"].map((name) =>
        headers.get(name),
      ),
      ["1", "2", "0", "false"],
    );
    assert.deepEqual(envelope, failureOf(971, "Please wait and consider throttling your request speed"));
    now = new Date("2026-01-01T00:05:00Z");
    assert.equal(await status(), 200);
  });
});
