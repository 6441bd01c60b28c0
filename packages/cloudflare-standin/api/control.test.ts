import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import Cloudflare, { APIConnectionError } from "cloudflare";
import { account_id, failureOf, refuses, send, standInFor } from "../testing/stand-in";

describe("faults", () => {
  it("hits as many matching requests as it says, and commits nothing", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    api.inject({
      match: { method: "post", path: /service_tokens$/ },
      times: 2,
      status: 503,
      code: 7,
      message: "down",
    });
    assert.deepEqual((await tokens.list({ account_id })).result, []);
    await refuses(tokens.create({ account_id, name: "a" }), 503, 7, "down");
    await refuses(tokens.create({ account_id, name: "a" }), 503, 7, "down");
    assert.equal(api.database.serviceTokens.size, 0);
    await tokens.create({ account_id, name: "a" });
    assert.equal(api.database.serviceTokens.size, 1);
  });

  it("commits the request whose answer is lost", async (t) => {
    const { api, client } = await standInFor(t);
    api.inject({ match: { path: "/accounts" }, lostAnswer: true });
    await assert.rejects(
      client.zeroTrust.access.serviceTokens.create({ account_id, name: "a" }),
      APIConnectionError,
    );
    assert.deepEqual(
      [...api.database.serviceTokens.values()].map(({ name }) => name),
      ["a"],
    );
    assert.deepEqual(
      api.requests.map(({ status }) => status),
      [201],
    );
  });

  it("lets as many requests pass as it says", async (t) => {
    const { api, client } = await standInFor(t);
    const tokens = client.zeroTrust.access.serviceTokens;
    api.inject({ match: { method: "POST" }, skip: 1, status: 503 });
    await tokens.create({ account_id, name: "a" });
    await refuses(tokens.create({ account_id, name: "b" }), 503, 503, "injected fault");
    assert.equal(api.database.serviceTokens.size, 1);
  });

  it("holds a request until its client hangs up, before or after it is done", async (t) => {
    const { api, client } = await standInFor(t);
    for (const [hold, made] of [
      ["before", []],
      ["after", ["b"]],
    ] as const) {
      const hangUp = new AbortController();
      const held = new Promise((resolve) => {
        api.inject({ match: { method: "POST" }, hold, onHit: resolve });
      });
      const asked = client.zeroTrust.access.serviceTokens.create(
        { account_id, name: "b" },
        { signal: hangUp.signal },
      );
      assert.deepEqual(await held, { method: "POST", path: `/accounts/${account_id}/access/service_tokens` });
      hangUp.abort();
      await assert.rejects(asked);
      assert.deepEqual(
        [...api.database.serviceTokens.values()].map(({ name }) => name),
        made,
      );
    }
  });

  it("answers with a page in place of JSON", async (t) => {
    const { api } = await standInFor(t);
    api.inject({ match: {}, status: 502, html: "<html>Bad gateway</html>" });
    const answer = await fetch(`${api.baseUrl}/accounts/${account_id}/access/service_tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${api.apiToken}` },
      body: JSON.stringify({ name: "a" }),
    });
    assert.equal(await answer.text(), "<html>Bad gateway</html>");
    assert.deepEqual(
      [answer.status, answer.headers.get("content-type"), answer.headers.get("x-should-retry")],
      [502, "text/html; charset=UTF-8", null],
    );
    assert.equal(api.database.serviceTokens.size, 0);
  });

  it("lets a client that retries make a second token out of a lost answer", async (t) => {
    const { api } = await standInFor(t);
    const client = new Cloudflare({ apiToken: api.apiToken, baseURL: api.baseUrl, maxRetries: 1 });
    api.inject({ match: {}, lostAnswer: true });
    await client.zeroTrust.access.serviceTokens.create({ account_id, name: "a" });
    assert.equal(api.database.serviceTokens.size, 2);
  });

  it("sends retry-after without forbidding the retry, or what it is told", async (t) => {
    const { api } = await standInFor(t);
    api.inject({ match: {}, status: 429, retryAfterSeconds: 3 });
    api.inject({ match: {}, status: 500, shouldRetry: true });
    const headersOf = async (): Promise<unknown[]> => {
      const { status, headers } = await send(api, "GET", "/zones");
      return [status, headers.get("retry-after"), headers.get("x-should-retry")];
    };
    assert.deepEqual(await headersOf(), [429, "3", null]);
    assert.deepEqual(await headersOf(), [500, null, "true"]);
    assert.deepEqual(await headersOf(), [200, null, null]);
  });

  it("delays an answer", async (t) => {
    const { api } = await standInFor(t);
    api.inject({ match: {}, latencyMs: 50 });
    const start = performance.now();
    await send(api, "GET", "/zones");
    assert.ok(performance.now() - start >= 49);
  });
});

describe("control over HTTP", () => {
  it("injects faults, and shows and clears the requests", async (t) => {
    const { api } = await standInFor(t);
    const control = api.baseUrl.replace("/client/v4", "/__standin");
    const fault = { match: { path: "^/zones$" }, status: 500, message: "broken" };
    const injected = await fetch(`${control}/faults`, { method: "POST", body: JSON.stringify(fault) });
    assert.equal(injected.status, 200);
    assert.deepEqual((await send(api, "GET", "/zones")).envelope, failureOf(500, "broken"));
    assert.deepEqual(await (await fetch(`${control}/requests`)).json(), [
      { method: "GET", path: "/zones", query: "", status: 500 },
    ]);
    await fetch(`${control}/requests`, { method: "DELETE" });
    assert.deepEqual(await (await fetch(`${control}/requests`)).json(), []);
  });

  it("refuses a fault that is malformed", async (t) => {
    const { api } = await standInFor(t);
    const url = api.baseUrl.replace("/client/v4", "/__standin/faults");
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ match: { path: "(" } }) });
    assert.deepEqual(
      [response.status, await response.json()],
      [400, failureOf(400, 'field "match.path": not a regular expression: (')],
    );
  });

  it("refuses a host that is not loopback, and browsers", async (t) => {
    const { api } = await standInFor(t);
    const { port } = new URL(api.baseUrl);
    const statusWith = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ host: "127.0.0.1", port, path: "/__standin/requests", headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end();
      });
    assert.equal(await statusWith({ host: `evil.example:${port}` }), 403);
    assert.equal(await statusWith({ host: `localhost:${port}` }), 200);
    assert.equal(await statusWith({ host: `127.0.0.1:${port}`, origin: "https://evil.example" }), 403);
  });
});
