import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type Cloudflare from "cloudflare";
import type { StandIn } from "./stand-in";
import { account_id, failureOf, present, refuses, send, standInFor } from "../testing/stand-in";

const notFound = { service: "http_status:404" };
const write = {
  hostname: "prom.example.com",
  path: "^/api/v1/write$",
  service: "http://prometheus:9090",
  originRequest: { access: { required: true, teamName: "example-team", audTag: ["a".repeat(64)] } },
};

async function tunnelFor(
  t: TestContext,
): Promise<{ api: StandIn; client: Cloudflare; tunnelId: string; path: string }> {
  const { api, client } = await standInFor(t, { now: () => new Date("2026-01-01T00:00:00Z") });
  const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
    account_id,
    name: "central",
    config_src: "cloudflare",
  });
  const tunnelId = present(tunnel.id);
  return { api, client, tunnelId, path: `/accounts/${account_id}/cfd_tunnel/${tunnelId}/configurations` };
}

describe("tunnel configurations", () => {
  it("starts without a document, and replaces it whole with a higher version", async (t) => {
    const { api, client, tunnelId, path } = await tunnelFor(t);
    const { configurations } = client.zeroTrust.tunnels.cloudflared;
    const answer = (version: number, config: unknown): object => ({
      account_id,
      tunnel_id: tunnelId,
      source: "cloudflare",
      version,
      created_at: "2026-01-01T00:00:00.000Z",
      config,
    });
    assert.deepEqual(await configurations.get(tunnelId, { account_id }), answer(0, null));
    const first = { ingress: [write, notFound], originRequest: { connectTimeout: 10 } };
    assert.equal((await send(api, "PUT", path, { config: first })).status, 200);
    assert.deepEqual(await configurations.get(tunnelId, { account_id }), answer(1, first));
    const second = { ingress: [notFound] };
    // `source` and null are what the provider sends besides.
    await send(api, "PUT", path, { config: { ...second, originRequest: null }, source: "cloudflare" });
    assert.deepEqual(await configurations.get(tunnelId, { account_id }), answer(2, second));
  });

  it("refuses the configuration of a local tunnel", async (t) => {
    const { client } = await standInFor(t);
    const { cloudflared } = client.zeroTrust.tunnels;
    const id = present((await cloudflared.create({ account_id, name: "a" })).id);
    await refuses(
      cloudflared.configurations.update(id, { account_id, config: { ingress: [] } }),
      400,
      1056,
      "this tunnel is configured locally (config_src is local)",
    );
  });

  it("refuses ingress rules that cloudflared refuses", async (t) => {
    const { api, path } = await tunnelFor(t);
    const lastRule =
      "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)";
    const wildcard =
      'ingress[0]: Hostname patterns can have at most one wildcard character ("*") and it can only be used for subdomains, e.g. "*.example.com"';
    const withPath = "ingress rules don't support proxying to a different path on the origin service";
    const pattern = (source: string): string =>
      `ingress[0].path: not a regular expression of Go (RE2): ${source}`;
    const cases: [object[], string][] = [
      [[], "The config file doesn't contain any ingress rules"],
      [[write], lastRule],
      [[{ ...notFound, path: "/x" }], lastRule],
      [[notFound, notFound], "ingress[0] matches all URLs, so the rules after it are never reached"],
      [
        [{ ...write, hostname: "prom.example.com:443" }, notFound],
        "ingress[0]: Hostname cannot contain a port",
      ],
      [[{ ...write, hostname: "a.*.example.com" }, notFound], wildcard],
      [[{ ...write, hostname: "*example.com" }, notFound], wildcard],
      [[{ ...write, path: "(?!x)" }, notFound], pattern("(?!x)")],
      [[{ ...write, path: "(?<=x)y" }, notFound], pattern("(?<=x)y")],
      [[{ ...write, path: "(a)\\1" }, notFound], pattern("(a)\\1")],
      [[{ ...write, path: "(" }, notFound], pattern("(")],
      [[{ ...write, service: "http://prometheus:9090/" }, notFound], `ingress[0].service: ${withPath}`],
      [[{ ...write, service: "http://prometheus:9090/x" }, notFound], `ingress[0].service: ${withPath}`],
      [[{ ...write, service: "prometheus" }, notFound], "ingress[0].service: not a URL: prometheus"],
      [[{ ...write, service: "ftp://x" }, notFound], "ingress[0].service: unknown scheme ftp:"],
      [[{ service: "http_status:99" }], "ingress[0].service: not an HTTP status: 99"],
      [
        [{ ...write, originRequest: { access: { teamName: "", audTag: ["x"] } } }, notFound],
        "ingress[0].originRequest.access: access.TeamName cannot be blank",
      ],
    ];
    for (const [ingress, message] of cases) {
      const { status, envelope } = await send(api, "PUT", path, { config: { ingress } });
      assert.deepEqual(envelope, failureOf(1056, message));
      assert.equal(status, 400);
    }
  });

  it("takes every kind of service and pattern that cloudflared takes", async (t) => {
    const { api, path } = await tunnelFor(t);
    const services = [
      "https://loki:3100",
      "unix:/run/loki.sock",
      "hello_world",
      "tcp://[::1]:22",
      "http_status:503",
    ];
    const ingress = [
      ...services.map((service) => ({ hostname: "*.example.com", path: "^/(a|b)\\\\1$", service })),
      { hostname: "*", service: "http_status:404" },
    ];
    assert.equal((await send(api, "PUT", path, { config: { ingress } })).status, 200);
  });

  it("refuses unknown and mistyped settings of the origin", async (t) => {
    const { api, path } = await tunnelFor(t);
    const cases: [object, string][] = [
      [{ noTlsVerify: true }, 'unknown field "config.ingress.0.originRequest.noTlsVerify"'],
      [
        { connectTimeout: "10s" },
        'field "config.ingress.0.originRequest.connectTimeout": Invalid input: expected number, received string',
      ],
      [
        { connectTimeout: 1.5 },
        'field "config.ingress.0.originRequest.connectTimeout": Invalid input: expected int, received number',
      ],
      [
        { access: { required: true, teamName: "x", audTags: ["a"] } },
        'field "config.ingress.0.originRequest.access.audTag": Invalid input: expected array, received undefined',
      ],
    ];
    for (const [originRequest, message] of cases) {
      const { envelope } = await send(api, "PUT", path, {
        config: { ingress: [{ ...notFound, originRequest }] },
      });
      assert.ok(JSON.stringify(envelope).includes(JSON.stringify(message)), JSON.stringify(envelope));
    }
  });
});
