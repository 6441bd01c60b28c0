import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startStandIn } from "./stand-in";
import { account_id, clientOf, present, send, standInFor } from "../testing/stand-in";

const folders: string[] = [];
// Not in each test: a test's own hooks run first to last, so the folder would go before the stand-in that writes to it.
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function temporaryFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "stand-in-"));
  folders.push(folder);
  return join(folder, "made", "state.json");
}

describe("stand-in", () => {
  it("listens on 127.0.0.1 only", async (t) => {
    const { api } = await standInFor(t);
    const { hostname, port } = new URL(api.baseUrl);
    assert.equal(hostname, "127.0.0.1");
    await assert.rejects(fetch(`http://127.0.0.2:${port}/client/v4/zones`));
    await assert.rejects(startStandIn({ port: Number(port) }), /EADDRINUSE/);
  });

  it("keeps everything but connectors and client secrets in a private file", async (t) => {
    const stateFile = await temporaryFile();
    const first = await startStandIn({ stateFile, zones: [{ name: "example.org" }] });
    const client = clientOf(first);
    const token = await client.zeroTrust.access.serviceTokens.create({ account_id, name: "tokyo" });
    const rotated = await client.zeroTrust.access.serviceTokens.rotate(present(token.id), {
      account_id,
      previous_client_secret_expires_at: "2100-01-01T00:00:00Z",
    });
    const policy = await client.zeroTrust.access.policies.create({
      account_id,
      name: "push",
      decision: "non_identity",
      include: [{ service_token: { token_id: present(token.id) } }],
    });
    await client.zeroTrust.access.applications.create({
      account_id,
      type: "self_hosted",
      domain: "prom.example.org",
      policies: [present(policy.id)],
      custom_deny_message: "no",
    });
    const tunnel = await client.zeroTrust.tunnels.cloudflared.create({
      account_id,
      name: "central",
      config_src: "cloudflare",
    });
    await client.zeroTrust.tunnels.cloudflared.configurations.update(present(tunnel.id), {
      account_id,
      config: { ingress: [{ hostname: "", service: "http_status:404" }] },
    });
    const [zone] = first.database.zones.keys();
    await client.dns.records.create({
      zone_id: present(zone),
      type: "A",
      name: "prom.example.org",
      content: "192.0.2.1",
      ttl: 1,
      comment: "c",
    });
    await client.alerting.policies.create({
      account_id,
      name: "expiring",
      alert_type: "expiring_service_token_alert",
      enabled: true,
      mechanisms: { email: [{ id: "ops@example.com" }] },
    });
    await first.close();

    const text = await readFile(stateFile, "utf8");
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600);
    assert.equal((await stat(join(stateFile, ".."))).mode & 0o777, 0o700);
    assert.ok(!text.includes(present(token.client_secret)) && !text.includes(present(rotated.client_secret)));
    const second = await startStandIn({ stateFile });
    t.after(() => second.close());
    assert.deepEqual(second.database, first.database);
    assert.notEqual(second.apiToken, first.apiToken);
    assert.equal(second.issuedSecrets.size, 0);
    assert.equal(
      (await clientOf(second).zeroTrust.access.serviceTokens.get(present(token.id), { account_id })).name,
      "tokyo",
    );
  });

  it("saves soon after a change, without being closed", async (t) => {
    const stateFile = await temporaryFile();
    const { client } = await standInFor(t, { stateFile });
    await client.zeroTrust.access.serviceTokens.create({ account_id, name: "tokyo" });
    let text = "";
    for (let tries = 0; tries < 100 && !text.includes("tokyo"); tries += 1) {
      await delay(20);
      text = await readFile(stateFile, "utf8").catch(() => "");
    }
    assert.ok(text.includes("tokyo"));
  });

  it("refuses a broken state file and leaves it alone", async () => {
    const stateFile = join(await temporaryFile(), "..", "..", "state.json");
    for (const content of ["{", "{}", '{"format":2}']) {
      await writeFile(stateFile, content);
      await assert.rejects(startStandIn({ stateFile }), {
        message: `${stateFile}: not a state file of the stand-in. It was left as it is; fix it, move it away, or name another file.`,
      });
      assert.equal(await readFile(stateFile, "utf8"), content);
    }
  });

  it("refuses another account's state file, and a malformed account", async () => {
    const stateFile = await temporaryFile();
    await (await startStandIn({ stateFile })).close();
    await assert.rejects(startStandIn({ stateFile, accountId: "f".repeat(32) }), {
      message: `stateFile: it belongs to account ${account_id}, not ${"f".repeat(32)}. Name another file or account.`,
    });
    await assert.rejects(startStandIn({ accountId: "me" }), {
      message: 'accountId: "me" is not 32 hex digits.',
    });
  });

  it("adds the zones it is told to a state file's", async (t) => {
    const stateFile = await temporaryFile();
    await (await startStandIn({ stateFile, zones: [{ name: "a.example" }] })).close();
    const { api } = await standInFor(t, { stateFile, zones: [{ name: "b.example" }, { name: "a.example" }] });
    assert.deepEqual(
      [...api.database.zones.values()].map(({ name }) => name),
      ["a.example", "b.example"],
    );
  });

  it("keeps a thousand tokens in 64 policies, all of them in its file", async (t) => {
    const stateFile = await temporaryFile();
    const access = `/accounts/${account_id}/access`;
    const { api } = await standInFor(t, { stateFile, limits: { serviceTokens: 1000 } });
    for (let n = 0; n < 1000; n += 1) {
      await send(api, "POST", `${access}/service_tokens`, { name: `s${n}` });
    }
    const rules = [...api.database.serviceTokens.keys()].map((token_id) => ({ service_token: { token_id } }));
    for (let shard = 0; shard < 64; shard += 1) {
      const include = rules.filter((_rule, n) => n % 64 === shard);
      await send(api, "POST", `${access}/policies`, { name: "p", decision: "non_identity", include });
    }
    await api.close();
    const again = await startStandIn({ stateFile });
    t.after(() => again.close());
    const { serviceTokens, policies } = again.database;
    assert.deepEqual(
      [serviceTokens.size, policies.size, [...policies.values()].flatMap(({ include }) => include).length],
      [1000, 64, 1000],
    );
  });
});
