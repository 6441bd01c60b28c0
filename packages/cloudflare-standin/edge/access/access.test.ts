import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { account_id, present } from "../../testing/stand-in";
import { startEdge } from "../edge";
import { valuesOf, send } from "../http-messages";
import { tokenHeaders } from "./service-credentials";
import { hosts, outcomeOf, pushAs, worldFor, type TestWorld } from "../../testing/edge-world";
import { testApplication, testPolicy } from "../../testing/edge-rows";
import { sessionMilliseconds } from "./access";

const path = "/api/v1/write";

/** Sets fields of the application on the metrics' write path; policies stay. */
function changeApplication(
  { api, applications }: TestWorld,
  change: { readonly service_auth_401_redirect?: boolean; readonly header?: string },
): void {
  const application = present(api.database.applications.get(applications.metrics.writePaths));
  application.service_auth_401_redirect = change.service_auth_401_redirect ?? true;
  if (change.header !== undefined) {
    application.settings.read_service_tokens_from_header = change.header;
  }
}

/** Attaches one more policy to the application on the metrics' write path, after those it has. */
async function attach(
  { api, client, applications }: TestWorld,
  decision: "allow" | "deny" | "bypass" | "non_identity",
  include: Parameters<typeof client.zeroTrust.access.policies.create>[0]["include"],
): Promise<void> {
  const policy = await client.zeroTrust.access.policies.create({
    account_id,
    name: decision,
    decision,
    include,
  });
  const application = present(api.database.applications.get(applications.metrics.writePaths));
  application.policies.push({ id: present(policy.id), precedence: 1000 });
}

describe("access", () => {
  it("sends a machine to a login page that answers 200 when an Allow policy is there", async (t) => {
    const world = await worldFor(t);
    changeApplication(world, { service_auth_401_redirect: false });
    await attach(world, "allow", [{ everyone: {} }]);
    const { edge, sites, api, applications } = world;
    const bad = tokenHeaders(sites.tokyo.clientId, "no");
    const answer = await send(edge.url, { host: hosts.metrics, path: `${path}?a=1`, headers: bad });
    const kid = present(api.database.applications.get(applications.metrics.writePaths)).aud;
    const location = `https://example-team.cloudflareaccess.com/cdn-cgi/access/login/prom.example.com?kid=${kid}&redirect_url=%2Fapi%2Fv1%2Fwrite%3Fa%3D1`;
    assert.deepEqual([answer.status, valuesOf(answer.headers, "location")], [302, [location]]);
    const { host, pathname, search } = new URL(location);
    const page = await send(edge.url, { host, path: pathname + search, method: "GET" });
    assert.equal(page.status, 200);
    assert.match(page.body.toString(), /<title>Sign in/);
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path }), "302 access");
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
  });

  it("can let that redirect lead to the login page on loopback, where whoever follows it takes its data for delivered", async (t) => {
    const world = await worldFor(t);
    changeApplication(world, { service_auth_401_redirect: false });
    await attach(world, "allow", [{ everyone: {} }]);
    const { api, sites, origins, clock } = world;
    const edge = await startEdge({
      database: api.database,
      now: () => clock.now,
      loginOnLoopback: true,
    });
    t.after(() => edge.close());
    const url = (await edge.hostUrl(hosts.metrics)) + path;
    const headers = Object.fromEntries(tokenHeaders(sites.tokyo.clientId, "no"));
    const followed = await fetch(url, { method: "POST", headers, body: "samples" });
    assert.deepEqual(
      [followed.status, followed.redirected, followed.headers.get("content-type")],
      [200, true, "text/html; charset=UTF-8"],
    );
    assert.deepEqual(
      edge.answered.map(({ method, host, status, detail }) => [method, host, status, detail]),
      [
        ["POST", "prom.example.com", 302, "prom.example.com/api/v1/write: wrong secret for tokyo"],
        ["GET", "example-team.cloudflareaccess.com", 200, "the login page"],
      ],
    );
    assert.deepEqual(origins.metrics.requests, []);
  });

  it("answers 401 or 403 in strict mode where an Allow policy would redirect, but redirects who has no token", async (t) => {
    const world = await worldFor(t, { strict: true });
    changeApplication(world, { service_auth_401_redirect: false });
    await attach(world, "allow", [{ everyone: {} }]);
    const { edge, sites } = world;
    const bad = tokenHeaders(sites.tokyo.clientId, "no");
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path, headers: bad }), "401 access");
    assert.equal(await outcomeOf(edge, { host: hosts.metrics, path }), "302 access");
    assert.equal(
      await outcomeOf(edge, { host: hosts.metrics, path, headers: tokenHeaders("", "") }),
      "302 access",
    );
  });

  it("answers 403 where only Service Auth policies are and the 401 setting is off", async (t) => {
    const world = await worldFor(t);
    changeApplication(world, { service_auth_401_redirect: false });
    assert.equal(await outcomeOf(world.edge, { host: hosts.metrics, path }), "403 access");
    assert.equal(await pushAs(world, "lima"), "403 access");
  });

  it("lets any valid token of the account in through any_valid_service_token", async (t) => {
    const world = await worldFor(t);
    const stranger = await world.client.zeroTrust.access.serviceTokens.create({
      account_id,
      name: "other team",
    });
    const headers = tokenHeaders(present(stranger.client_id), present(stranger.client_secret));
    const push = { host: hosts.metrics, path, headers, body: Buffer.from("x") };
    assert.equal(await outcomeOf(world.edge, push), "401 access");
    await attach(world, "non_identity", [{ any_valid_service_token: {} }]);
    assert.equal(await outcomeOf(world.edge, push), "400 origin");
    assert.equal(await pushAs(world, "lima"), "401 access");
  });

  it("adds no assertion when a Bypass policy lets everyone in, so that the connector refuses", async (t) => {
    const world = await worldFor(t);
    await attach(world, "bypass", [{ ip: { ip: "127.0.0.0/8" } }]);
    assert.equal(await outcomeOf(world.edge, { host: hosts.metrics, path }), "403 cloudflared");
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
  });

  it("reads both parts from one header where the application says so", async (t) => {
    const world = await worldFor(t);
    changeApplication(world, { header: "Authorization" });
    const { edge, sites, origins } = world;
    const { clientId: id, secret } = sites.tokyo;
    const single = (value: string): Promise<string> =>
      outcomeOf(edge, {
        host: hosts.metrics,
        path,
        headers: [["authorization", value]],
        body: Buffer.from("x"),
      });
    assert.equal(
      await single(`{"cf-access-client-id":"${id}", "cf-access-client-secret":"${secret}"}`),
      "400 origin",
    );
    assert.deepEqual(valuesOf(present(origins.metrics.requests[0]).headers, "authorization"), []);
    for (const value of [
      `{"CF-Access-Client-Id":"${id}","CF-Access-Client-Secret":"${secret}"}`,
      `{"cf-access-client-id":"${id}"}`,
      `Bearer ${secret}`,
    ]) {
      assert.equal(await single(value), "401 access");
    }
  });

  it("gives a cookie back that replaces the headers until it expires, also after a rotation", async (t) => {
    const world = await worldFor(t);
    const { edge, sites, client, clock } = world;
    const { headers } = await send(edge.url, { host: hosts.metrics, path, headers: sites.tokyo.headers });
    const [cookie = ""] = valuesOf(headers, "set-cookie");
    assert.match(
      cookie,
      /^CF_Authorization=[\w.-]+; Expires=Mon, 23 Nov 2026 14:30:00 GMT; Path=\/; Secure; HttpOnly$/,
    );
    const withCookie = (to: "metrics" | "logs", at: string): Promise<string> =>
      outcomeOf(edge, {
        host: hosts[to],
        path: at,
        headers: [["Cookie", `a=b; ${cookie.split(";")[0] ?? ""}`]],
        body: Buffer.from("x"),
      });
    assert.equal(await withCookie("metrics", path), "400 origin");
    assert.equal(await withCookie("metrics", "/api/v1/query"), "403 access");
    assert.equal(await withCookie("logs", "/loki/api/v1/push"), "401 access");
    await client.zeroTrust.access.serviceTokens.rotate(sites.tokyo.tokenId, { account_id });
    assert.equal(await pushAs(world, "tokyo"), "401 access");
    assert.equal(await withCookie("metrics", path), "400 origin");
    clock.now = new Date(clock.now.getTime() + 30 * 60_000);
    assert.equal(await withCookie("metrics", path), "401 access");
  });

  it("gives no cookie back in strict mode", async (t) => {
    const { edge, sites } = await worldFor(t, { strict: true });
    const { headers } = await send(edge.url, { host: hosts.metrics, path, headers: sites.tokyo.headers });
    assert.deepEqual(valuesOf(headers, "set-cookie"), []);
  });

  it("ignores a cookie beside credentials in strict mode, and takes one that comes alone", async (t) => {
    const world = await worldFor(t);
    const { edge, sites, client } = world;
    const { headers } = await send(edge.url, { host: hosts.metrics, path, headers: sites.tokyo.headers });
    const cookie = ["Cookie", valuesOf(headers, "set-cookie")[0]?.split(";")[0] ?? ""] as const;
    const bad = tokenHeaders(sites.tokyo.clientId, "no");
    const outcomes = async (): Promise<string[]> => [
      await outcomeOf(edge, { host: hosts.metrics, path, headers: [...bad, cookie], body: Buffer.from("x") }),
      await outcomeOf(edge, { host: hosts.metrics, path, headers: [cookie], body: Buffer.from("x") }),
    ];
    assert.deepEqual(await outcomes(), ["400 origin", "400 origin"]);
    await client.zeroTrust.organizations.update({ account_id, strict_service_token_auth: true });
    assert.deepEqual(await outcomes(), ["401 access", "400 origin"]);
  });

  it("notices at once what the API changes: a site disabled, enabled, taken out of its policy, and deleted", async (t) => {
    const world = await worldFor(t);
    const { client, sites, api } = world;
    const { tokenId } = sites.berlin;
    await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: false });
    assert.equal(await pushAs(world, "berlin"), "401 access");
    await client.zeroTrust.access.serviceTokens.update(tokenId, { account_id, enabled: true });
    assert.equal(await pushAs(world, "berlin"), "400 origin");
    const [policy] = [...api.database.policies.values()].filter(({ name }) => name === "push metrics");
    await client.zeroTrust.access.policies.update(present(policy).id, {
      account_id,
      name: "push metrics",
      decision: "non_identity",
      include: [{ service_token: { token_id: sites.tokyo.tokenId } }],
    });
    assert.equal(await pushAs(world, "berlin"), "401 access");
    assert.match(world.edge.answered[0]?.detail ?? "", /: berlin by its secret, not allowed here$/);
    await client.zeroTrust.access.serviceTokens.delete(tokenId, { account_id });
    assert.equal(await pushAs(world, "berlin"), "401 access");
    assert.match(world.edge.answered[0]?.detail ?? "", /: unknown client ID$/);
  });

  it("notes when a token was last used, and nothing on a failure", async (t) => {
    const world = await worldFor(t);
    const { api, sites, clock } = world;
    await pushAs(world, "tokyo");
    await pushAs(world, "berlin", "logs");
    await pushAs(world, "lima");
    const lastSeen = (id: string): string | null | undefined =>
      api.database.serviceTokens.get(id)?.lastSeenAt;
    assert.equal(lastSeen(sites.tokyo.tokenId), clock.now.toISOString());
    assert.equal(lastSeen(sites.berlin.tokenId), null);
    assert.equal(lastSeen(sites.lima.tokenId), null);
  });

  it("ends a previous secret when its time has come", async (t) => {
    const world = await worldFor(t);
    const push = { host: hosts.metrics, path, headers: world.sites.quito.before, body: Buffer.from("x") };
    assert.equal(await outcomeOf(world.edge, push), "400 origin");
    world.clock.now = new Date("2026-11-24T11:59:59.999Z");
    assert.equal(await outcomeOf(world.edge, push), "400 origin");
    world.clock.now = new Date("2026-11-24T12:00:00Z");
    assert.equal(await outcomeOf(world.edge, push), "401 access");
    assert.equal(await pushAs(world, "quito"), "400 origin");
  });
});

it("a session lasts as the policy says, else the application, else a day", () => {
  const length = (policy: string, application: string): number =>
    sessionMilliseconds(
      testPolicy({ session_duration: policy }),
      testApplication({ session_duration: application }),
    );
  assert.deepEqual(
    [length("30m", "6h"), length("", "6h"), length("0s", "6h"), length("", "")],
    [1_800_000, 21_600_000, 21_600_000, 86_400_000],
  );
});
