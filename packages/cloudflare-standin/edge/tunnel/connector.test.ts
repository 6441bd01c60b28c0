import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { account_id, present, standInFor } from "../../testing/stand-in";
import type { TunnelConfig } from "../../api/rows";
import { startConnector } from "./connector";
import { listenOnLoopback } from "../../loopback-server";
import { valuesOf, send } from "../http-messages";
import { hosts, outcomeOf, pushAs, warmUp, worldFor, type TestWorld } from "../../testing/edge-world";

const path = "/api/v1/write";

/** Puts a configuration in without the API, which would refuse what cloudflared refuses. */
function configure({ api, tunnelId }: TestWorld, config: TunnelConfig): void {
  const tunnel = present(api.database.tunnels.get(tunnelId));
  tunnel.configuration = { ...tunnel.configuration, version: tunnel.configuration.version + 1, config };
}

function currentConfig({
  api,
  tunnelId,
}: TestWorld): TunnelConfig & { ingress: NonNullable<TunnelConfig["ingress"]> } {
  const config = present(api.database.tunnels.get(tunnelId)?.configuration.config);
  return { ...config, ingress: present(config.ingress) };
}

async function removeApplications({ client, applications }: TestWorld): Promise<void> {
  for (const { wholeHost, writePaths } of Object.values(applications)) {
    await client.zeroTrust.access.applications.delete(wholeHost, { account_id });
    await client.zeroTrust.access.applications.delete(writePaths, { account_id });
  }
}

async function shownVersions({ client, tunnelId }: TestWorld): Promise<(number | undefined)[]> {
  const { result } = await client.zeroTrust.tunnels.cloudflared.connections.get(tunnelId, { account_id });
  return result.map(({ config_version }) => config_version);
}

describe("connector", () => {
  it("shows itself with four connections and its configuration's version, and is gone when closed", async (t) => {
    const world = await worldFor(t);
    const { api, client, connector, tunnelId, clock } = world;
    const row = present(api.database.tunnels.get(tunnelId)?.connections[0]);
    assert.deepEqual(
      { ...row, conns: row.conns.length },
      {
        id: connector.id,
        version: "2026.8.2",
        arch: "linux_amd64",
        config_version: 1,
        features: ["allow_remote_config", "serialized_headers", "ha-origin"],
        run_at: clock.now.toISOString(),
        conns: 4,
      },
    );
    assert.equal(
      (await client.zeroTrust.tunnels.cloudflared.get(tunnelId, { account_id })).status,
      "healthy",
    );
    await connector.close();
    assert.equal((await client.zeroTrust.tunnels.cloudflared.get(tunnelId, { account_id })).status, "down");
    assert.equal(await pushAs(world, "tokyo"), "530 edge");
  });

  it("refuses a token that is malformed, of another account, of no tunnel, and with an old secret", async (t) => {
    const { api, client } = await standInFor(t);
    const { database } = api;
    const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
      account_id,
      name: "central",
      config_src: "cloudflare",
    });
    const id = present(tunnel.id);
    const tunnelToken = await client.zeroTrust.tunnels.cloudflared.token.get(id, { account_id });
    const secret = present(database.tunnels.get(id)).tunnelSecret;
    const tokenOf = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64");
    const refuses = (token: string, message: string): Promise<void> =>
      assert.rejects(startConnector({ database, tunnelToken: token }), { message });
    await refuses("eyJ", "Provided Tunnel token is not valid.");
    await refuses(tokenOf({ a: account_id, t: id }), "Provided Tunnel token is not valid.");
    await refuses(tokenOf({ a: "other", t: id, s: secret }), "Unauthorized: Tunnel not found");
    await refuses(tokenOf({ a: account_id, t: "other", s: secret }), "Unauthorized: Tunnel not found");
    const tunnel_secret = Buffer.alloc(32, 7).toString("base64");
    await client.zeroTrust.tunnels.cloudflared.edit(id, { account_id, tunnel_secret });
    await refuses(tunnelToken, "Unauthorized: Invalid tunnel secret");
    const newToken = await client.zeroTrust.tunnels.cloudflared.token.get(id, { account_id });
    await (await startConnector({ database, tunnelToken: newToken })).close();
    await client.zeroTrust.tunnels.cloudflared.delete(id, { account_id });
    await refuses(newToken, "Unauthorized: Tunnel not found");
  });

  it("is not asked any more when the tunnel's connections are deleted", async (t) => {
    const world = await worldFor(t);
    await world.client.zeroTrust.tunnels.cloudflared.connections.delete(world.tunnelId, { account_id });
    assert.equal(await pushAs(world, "tokyo"), "530 edge");
    assert.equal(world.edge.answered[0]?.detail, "no connector serves the tunnel");
  });

  it("serves nothing for a tunnel that was deleted or is unknown", async (t) => {
    const world = await worldFor(t);
    const tunnel = present(world.api.database.tunnels.get(world.tunnelId));
    tunnel.deleted_at = world.clock.now.toISOString();
    assert.equal(await pushAs(world, "tokyo"), "530 edge");
    world.api.database.tunnels.clear();
    assert.equal(await pushAs(world, "tokyo"), "530 edge");
  });

  it("lets pushes through while Access changes its keys, of which two verify", async (t) => {
    const world = await worldFor(t);
    const { edge } = world;
    const keyIds = async (): Promise<string[]> => {
      const host = "example-team.cloudflareaccess.com";
      const { body } = await send(edge.url, { host, path: "/cdn-cgi/access/certs", method: "GET" });
      const { keys } = JSON.parse(body.toString()) as { keys: { kid: string }[] };
      return keys.map(({ kid }) => kid);
    };
    const [first = ""] = await keyIds();
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
    await edge.rotateSigningKeys();
    const [second = "", ...before] = await keyIds();
    assert.deepEqual(before, [first]);
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
    await edge.rotateSigningKeys();
    assert.deepEqual((await keyIds()).slice(1), [second]);
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
  });

  it("goes on with one of two when the other is closed", async (t) => {
    const world = await worldFor(t);
    const { api, client, tunnelId, connector, origins } = world;
    const tunnelToken = await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id });
    const services = new Map([["http://localhost:9090", origins.metrics.url]]);
    const second = await startConnector({
      database: api.database,
      tunnelToken,
      services,
      now: () => world.clock.now,
    });
    t.after(() => second.close());
    await connector.close();
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
  });

  it("leads to a socket of this machine, and answers 502 when nobody listens there", async (t) => {
    const world = await worldFor(t);
    const folder = mkdtempSync(join(tmpdir(), "connector-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const socket = join(folder, "gate.sock");
    const { ingress } = currentConfig(world);
    configure(world, { ingress: ingress.map((rule) => ({ ...rule, service: `unix:${socket}` })) });
    assert.equal(await pushAs(world, "tokyo"), "502 cloudflared");
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url, request.headers.host);
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    t.after(() => server.close());
    assert.equal(await pushAs(world, "tokyo"), "204 origin");
    assert.deepEqual(seen, [path, hosts.metrics]);
  });

  it("answers 502 when nothing listens at the service, and never dials another machine", async (t) => {
    const world = await worldFor(t);
    await world.origins.metrics.close();
    assert.equal(await pushAs(world, "tokyo"), "502 cloudflared");
    const config = currentConfig(world);
    configure(world, {
      ingress: config.ingress.map((rule) => ({ ...rule, service: "http://192.0.2.1:9090" })),
    });
    assert.equal(await pushAs(world, "tokyo"), "502 cloudflared");
    assert.match(
      world.edge.answered.at(-1)?.detail ?? "",
      /192\.0\.2\.1:9090 is not an http address on this machine$/,
    );
  });

  it("takes a new configuration at once, and drops no request under way", async (t) => {
    const world = await worldFor(t);
    let release: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      void listenOnLoopback((_, response) => {
        release = () => response.writeHead(204).end();
        resolve();
      }, 0).then((slow) => {
        t.after(() => slow.close());
        configure(world, {
          ingress: [
            { ...present(currentConfig(world).ingress[0]), service: slow.url },
            { service: "http_status:404" },
          ],
        });
        underWay = pushAs(world, "tokyo");
      });
    });
    let underWay: Promise<string> = Promise.resolve("");
    await arrived;
    configure(world, { ingress: [{ service: "http_status:418" }] });
    const second = await send(world.edge.url, {
      host: hosts.metrics,
      path,
      headers: world.sites.tokyo.headers,
    });
    assert.equal(second.status, 418);
    release();
    await underWay;
    assert.deepEqual(
      world.edge.answered.filter(({ by }) => by !== "access").map(({ status, by }) => `${status} ${by}`),
      ["418 cloudflared", "204 origin"],
    );
  });

  it("keeps its configuration when the new one does not parse, and shows the old version", async (t) => {
    const world = await worldFor(t);
    const { ingress } = currentConfig(world);
    for (const broken of [
      [{ ...present(ingress[0]), path: "(?=x)" }, { service: "http_status:404" }],
      ingress.slice(0, 1),
      [{ service: "nonsense" }],
    ]) {
      configure(world, { ingress: broken });
      assert.equal(await pushAs(world, "tokyo"), "400 origin");
      assert.deepEqual(await shownVersions(world), [1]);
    }
    configure(world, { ingress: [{ service: "http_status:404" }] });
    assert.deepEqual(await shownVersions(world), [5]);
    assert.equal(await pushAs(world, "tokyo"), "404 cloudflared");
  });

  it("answers 503 before it has any rules", async (t) => {
    const world = await worldFor(t);
    configure(world, { ingress: [] });
    assert.equal(await pushAs(world, "tokyo"), "503 cloudflared");
  });

  it("rewrites the Host header and tells the old one", async (t) => {
    const world = await worldFor(t);
    const config = currentConfig(world);
    configure(world, { ...config, originRequest: { httpHostHeader: "prometheus.internal" } });
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
    const { headers } = present(world.origins.metrics.requests[0]);
    assert.deepEqual(valuesOf(headers, "host"), ["prometheus.internal"]);
    assert.deepEqual(valuesOf(headers, "x-forwarded-host"), [hosts.metrics]);
  });
});

describe("the assertion check of an ingress rule", () => {
  it("refuses with an empty 403 when no application stands in front, and nothing reaches an origin", async (t) => {
    const world = await worldFor(t);
    await removeApplications(world);
    const { edge, sites, origins } = world;
    const answer = await send(edge.url, { host: hosts.metrics, path, headers: sites.tokyo.headers });
    assert.deepEqual([answer.status, answer.body.length], [403, 0]);
    assert.deepEqual(
      edge.answered.map(({ by, detail }) => [by, detail]),
      [["cloudflared", "no access token in request"]],
    );
    for (const other of ["/api/v1/query", "/-/reload", "/"]) {
      assert.equal(await outcomeOf(edge, { host: hosts.metrics, path: other }), "404 cloudflared");
    }
    assert.deepEqual(origins.metrics.requests, []);
  });

  it("is not there with required: false, nor when only the top level has it", async (t) => {
    const world = await worldFor(t);
    await removeApplications(world);
    const push = { host: hosts.metrics, path, body: Buffer.from("x") };
    const { ingress } = currentConfig(world);
    const access = { required: true, teamName: "example-team", audTag: ["x"] };
    const without = ingress.map(({ hostname = "", path: pattern = "", service }) => ({
      hostname,
      path: pattern,
      service,
    }));
    configure(world, { ingress: without, originRequest: { access } });
    assert.equal(await outcomeOf(world.edge, push), "400 origin");
    configure(world, {
      ingress: without.map((rule) => ({
        ...rule,
        originRequest: { access: { ...access, required: false } },
      })),
    });
    assert.equal(await outcomeOf(world.edge, push), "400 origin");
  });

  it("refuses with 403 when no audience matches", async (t) => {
    const world = await worldFor(t);
    const { ingress } = currentConfig(world);
    for (const audTag of [["0".repeat(64)], []]) {
      configure(world, {
        ingress: ingress.map((rule) => ({
          ...rule,
          originRequest: { access: { required: true, teamName: "example-team", audTag } },
        })),
      });
      assert.equal(await pushAs(world, "tokyo"), "403 cloudflared");
    }
  });

  it("fails with 502 for another team's name, as the keys of neither can be had", async (t) => {
    const world = await worldFor(t);
    const { ingress } = currentConfig(world);
    for (const teamName of ["other-team", "EXAMPLE-TEAM", "example-team.cloudflareaccess.com"]) {
      configure(world, {
        ingress: ingress.map((rule) => ({
          ...rule,
          ...(rule.originRequest?.access === undefined
            ? {}
            : { originRequest: { access: { ...rule.originRequest.access, teamName } } }),
        })),
      });
      assert.equal(await pushAs(world, "tokyo"), "502 cloudflared");
    }
  });

  it("fails with 502 when the keys cannot be fetched, until they can", async (t: TestContext) => {
    const world = await worldFor(t);
    const { api, client, tunnelId, connector, edge, origins } = world;
    const tunnelToken = await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id });
    const services = new Map([["http://localhost:9090", origins.metrics.url]]);
    await connector.close();
    let target = "http://127.0.0.1:1";
    const elsewhere = await listenOnLoopback((_, response) => {
      response.writeHead(target === edge.url ? 200 : 500);
      const certs = {
        host: "example-team.cloudflareaccess.com",
        path: "/cdn-cgi/access/certs",
        method: "GET",
      };
      void send(edge.url, certs).then(({ body }) => response.end(body));
    }, 0);
    t.after(() => elsewhere.close());
    const cut = await startConnector({
      database: api.database,
      tunnelToken,
      services,
      jwksUrl: `${elsewhere.url}/cdn-cgi/access/certs`,
      now: () => world.clock.now,
    });
    t.after(() => cut.close());
    assert.equal(await pushAs(world, "tokyo"), "502 cloudflared");
    target = edge.url;
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
    target = "http://127.0.0.1:1";
    assert.equal(await pushAs(world, "tokyo"), "400 origin");
  });

  it("checks what comes without Access in front, too: an assertion of another application is refused", async (t) => {
    const world = await worldFor(t);
    await warmUp(world);
    const { ingress } = currentConfig(world);
    const [metrics, logs, last] = ingress;
    configure(world, {
      ingress: [
        { ...present(metrics), originRequest: present(present(logs).originRequest) },
        present(logs),
        present(last),
      ],
    });
    assert.equal(await pushAs(world, "tokyo"), "403 cloudflared");
    assert.match(world.edge.answered.at(-1)?.detail ?? "", /^Invalid token in jwt: \[[0-9a-f]{64}\]$/);
  });
});
