import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { registerConnector, unregisterConnector } from "./tunnels";
import type { Connector } from "./rows";
import { account_id, clientOf, failureOf, present, refuses, send, standInFor } from "../testing/stand-in";

const secret = Buffer.alloc(32, 7).toString("base64");
const clock = "2026-01-01T00:00:00.000Z";

function connector(id: string): Connector {
  const connection = {
    id: `${id}-0`,
    uuid: `${id}-0`,
    client_id: id,
    client_version: "2026.8.2",
    colo_name: "nrt01",
    is_pending_reconnect: false,
    opened_at: clock,
    origin_ip: "192.0.2.1",
  };
  return {
    id,
    version: "2026.8.2",
    arch: "linux_amd64",
    config_version: 0,
    features: [],
    run_at: clock,
    conns: [connection],
  };
}

describe("tunnels", () => {
  it("answers a create with its token, and config_src local unless told otherwise", async (t) => {
    const { api, client } = await standInFor(t, { now: () => new Date(clock) });
    const { id, ...rest } = await client.zeroTrust.tunnels.cloudflared.create({
      account_id,
      name: "central",
      tunnel_secret: secret,
    });
    const tunnelId = present(id);
    const token = Buffer.from(JSON.stringify({ a: account_id, t: tunnelId, s: secret })).toString("base64");
    assert.deepEqual(rest, {
      account_tag: account_id,
      name: "central",
      config_src: "local",
      remote_config: false,
      tun_type: "cfd_tunnel",
      status: "inactive",
      created_at: clock,
      deleted_at: null,
      conns_active_at: null,
      conns_inactive_at: null,
      metadata: {},
      credentials_file: {
        AccountTag: account_id,
        TunnelID: tunnelId,
        TunnelName: "central",
        TunnelSecret: secret,
      },
      token,
    });
    assert.equal(await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id }), token);
    assert.deepEqual([...api.issuedSecrets].sort(), [secret, token].sort());
  });

  it("shows neither secret nor token in get, list, edit and delete", async (t) => {
    const { api, client } = await standInFor(t);
    const { cloudflared } = client.zeroTrust.tunnels;
    const id = present((await cloudflared.create({ account_id, name: "a", config_src: "cloudflare" })).id);
    const answers = [
      await cloudflared.get(id, { account_id }),
      await cloudflared.list({ account_id }),
      await cloudflared.edit(id, { account_id, name: "b" }),
      await cloudflared.delete(id, { account_id }),
    ].map((answer) => JSON.stringify("result" in answer ? answer.result : answer));
    assert.equal(api.issuedSecrets.size, 2);
    for (const issued of api.issuedSecrets) {
      assert.deepEqual(
        answers.filter((answer) => answer.includes(issued)),
        [],
      );
    }
  });

  it("gives a token only to those who may write", async (t) => {
    const { api, client } = await standInFor(t);
    const id = present((await client.zeroTrust.tunnels.cloudflared.create({ account_id, name: "a" })).id);
    const reader = clientOf(api, api.createApiToken(["Cloudflare Tunnel Read"])).zeroTrust.tunnels
      .cloudflared;
    assert.equal((await reader.get(id, { account_id })).name, "a");
    await refuses(reader.token.get(id, { account_id }), 403, 10000, "Authentication error");
  });

  it("refuses a name in use, until the tunnel that has it is deleted", async (t) => {
    const { client } = await standInFor(t);
    const { cloudflared } = client.zeroTrust.tunnels;
    const first = present((await cloudflared.create({ account_id, name: "a" })).id);
    const other = present((await cloudflared.create({ account_id, name: "b" })).id);
    const taken = [409, 1013, "You already have a tunnel with this name"] as const;
    await refuses(cloudflared.create({ account_id, name: "a" }), ...taken);
    await refuses(cloudflared.edit(other, { account_id, name: "a" }), ...taken);
    assert.equal((await cloudflared.edit(other, { account_id, name: "b" })).name, "b");
    await cloudflared.delete(first, { account_id });
    assert.equal((await cloudflared.create({ account_id, name: "a" })).name, "a");
  });

  it("changes the token with the secret", async (t) => {
    const { client } = await standInFor(t);
    const { cloudflared } = client.zeroTrust.tunnels;
    const id = present((await cloudflared.create({ account_id, name: "a" })).id);
    const before = await cloudflared.token.get(id, { account_id });
    await cloudflared.edit(id, { account_id, tunnel_secret: secret });
    const after = await cloudflared.token.get(id, { account_id });
    assert.notEqual(after, before);
    assert.equal(
      Buffer.from(after, "base64").toString(),
      JSON.stringify({ a: account_id, t: id, s: secret }),
    );
  });

  it("refuses a secret that is short or not base64", async (t) => {
    const { client } = await standInFor(t);
    const { cloudflared } = client.zeroTrust.tunnels;
    for (const tunnel_secret of [Buffer.alloc(31).toString("base64"), "!".repeat(44)]) {
      await refuses(
        cloudflared.create({ account_id, name: "a", tunnel_secret }),
        400,
        400,
        'field "tunnel_secret": must be at least 32 bytes in base64',
      );
    }
  });

  it("keeps a deleted tunnel readable, and nothing else of it", async (t) => {
    const { client } = await standInFor(t, { now: () => new Date(clock) });
    const { cloudflared } = client.zeroTrust.tunnels;
    const id = present((await cloudflared.create({ account_id, name: "a" })).id);
    await cloudflared.create({ account_id, name: "b" });
    assert.equal((await cloudflared.delete(id, { account_id })).deleted_at, clock);
    assert.equal((await cloudflared.get(id, { account_id })).deleted_at, clock);
    const names = async (is_deleted?: boolean): Promise<unknown[]> => {
      const query = is_deleted === undefined ? {} : { is_deleted };
      return (await cloudflared.list({ account_id, ...query })).result.map(({ name }) => name);
    };
    assert.deepEqual(await names(), ["a", "b"]);
    assert.deepEqual(await names(true), ["a"]);
    assert.deepEqual(await names(false), ["b"]);
    const calls = [
      () => cloudflared.token.get(id, { account_id }),
      () => cloudflared.configurations.get(id, { account_id }),
      () => cloudflared.configurations.update(id, { account_id, config: {} }),
      () => cloudflared.connections.get(id, { account_id }),
      () => cloudflared.connections.delete(id, { account_id }),
      () => cloudflared.edit(id, { account_id, name: "c" }),
      () => cloudflared.delete(id, { account_id }),
      () => cloudflared.get("nope", { account_id }),
    ];
    for (const call of calls) {
      await refuses(call(), 404, 1003, "Tunnel not found");
    }
  });

  it("refuses to delete a tunnel with a connector up, and drops connectors when asked", async (t) => {
    const { api, client } = await standInFor(t, { now: () => new Date(clock) });
    const { cloudflared } = client.zeroTrust.tunnels;
    const id = present((await cloudflared.create({ account_id, name: "a" })).id);
    assert.equal(registerConnector(api.database, "nope", connector("one"), new Date(clock)), false);
    registerConnector(api.database, id, connector("one"), new Date(clock));
    registerConnector(api.database, id, connector("two"), new Date(clock));
    registerConnector(api.database, id, connector("two"), new Date(clock));
    const up: { status?: string; conns_active_at?: string; connections?: unknown } = await cloudflared.get(
      id,
      { account_id },
    );
    assert.deepEqual([up.status, up.conns_active_at, up.connections], ["healthy", clock, undefined]);
    assert.deepEqual((await cloudflared.connections.get(id, { account_id })).result, [
      connector("one"),
      connector("two"),
    ]);
    await refuses(
      cloudflared.delete(id, { account_id }),
      400,
      1022,
      "Cannot delete tunnel because it has active connections",
    );
    await cloudflared.connections.delete(id, { account_id, client_id: "one" });
    assert.deepEqual((await cloudflared.connections.get(id, { account_id })).result, [connector("two")]);
    await cloudflared.connections.delete(id, { account_id });
    const down = await cloudflared.get(id, { account_id });
    assert.deepEqual([down.status, down.conns_active_at, down.conns_inactive_at], ["down", null, clock]);
    unregisterConnector(api.database, id, "two", new Date(clock));
    await cloudflared.delete(id, { account_id });
    assert.equal(registerConnector(api.database, id, connector("one"), new Date(clock)), false);
  });

  it("refuses one more than the quota, unknown fields, and null in a PATCH", async (t) => {
    const { api, client } = await standInFor(t, { limits: { tunnels: 1 } });
    const id = present((await client.zeroTrust.tunnels.cloudflared.create({ account_id, name: "a" })).id);
    await refuses(
      client.zeroTrust.tunnels.cloudflared.create({ account_id, name: "b" }),
      400,
      1002,
      "Maximum number of tunnels has been reached",
    );
    const path = `/accounts/${account_id}/cfd_tunnel/${id}`;
    assert.deepEqual(
      (await send(api, "PATCH", path, { configSrc: "local" })).envelope,
      failureOf(400, 'unknown field "configSrc"'),
    );
    assert.deepEqual(
      (await send(api, "PATCH", path, { name: null })).envelope,
      failureOf(400, 'field "name": Invalid input: expected string, received null'),
    );
    assert.equal((await send(api, "PATCH", path, {})).status, 200);
  });
});
