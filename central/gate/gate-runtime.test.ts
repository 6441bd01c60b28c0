import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { orThrow } from "../../fleet/problem";
import { problemTexts } from "../../fleet/testing/problem-texts";
import type { CentralSite } from "../central-host";
import { reloadGate } from "./runtime-socket";
import { updateSiteMap } from "./site-map";
import {
  assertion,
  runGate,
  signingKey,
  withoutHaproxy,
  type RunningGate,
  type SigningKey,
} from "./testing/running-gate";
import { startTraffic } from "./testing/traffic";

const clientId = (index: number): string => `${String(index).padStart(32, "0")}.access`;

const fleet = (count: number): CentralSite[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `site-${String(index).padStart(4, "0")}`,
    clientId: clientId(index),
    signals: ["metrics", "logs"],
    enabled: true,
  }));

describe("a running gate of 500 sites", { skip: withoutHaproxy }, () => {
  let keys: [SigningKey, SigningKey, SigningKey];
  let gate: RunningGate;

  before(async () => {
    keys = [await signingKey("one"), await signingKey("two"), await signingKey("three")];
    gate = await runGate({ keys: [keys[0], keys[1]], central: { sites: fleet(500) } });
  });

  after(() => gate.close());

  const pushAs = async (client: number, key = keys[1]) =>
    (
      await gate.send("metrics", {
        headers: [["Cf-Access-Jwt-Assertion", await assertion(key, { common_name: clientId(client) })]],
        // A worker that was replaced gives one more answer on each idle connection.
        agent: new Agent(),
      })
    ).status;

  it("knows the first and the last, and no other", async () => {
    assert.deepEqual([await pushAs(0), await pushAs(499), await pushAs(500)], [204, 204, 503]);
  });

  it("takes a new map without a reload, and says when there is nothing to take", async () => {
    const update = (sites: readonly CentralSite[]) =>
      updateSiteMap(gate.directory, gate.places.run, sites).then(orThrow);
    assert.deepEqual(await update(fleet(500)), { sites: 500, changed: false, gate: "unchanged" });
    assert.deepEqual(await update(fleet(1200)), { sites: 1200, changed: true, gate: "updated" });
    assert.deepEqual([await pushAs(500), await pushAs(1199), await pushAs(1200)], [204, 204, 503]);
    assert.deepEqual(await update(fleet(3)), { sites: 3, changed: true, gate: "updated" });
    assert.deepEqual([await pushAs(2), await pushAs(3)], [204, 503]);
    const shut = fleet(3).map((site, index) => ({ ...site, enabled: index !== 1 }));
    assert.deepEqual(await update(shut), { sites: 3, changed: true, gate: "updated" });
    assert.deepEqual([await pushAs(1), await pushAs(2)], [503, 204]);
    assert.deepEqual(await update([]), { sites: 0, changed: true, gate: "updated" });
    assert.equal(await pushAs(2), 503);
    assert.deepEqual(await update(fleet(500)), { sites: 500, changed: true, gate: "updated" });
    // The file holds the same, for a gate that starts.
    await gate.stop();
    assert.deepEqual(await update(fleet(501)), { sites: 501, changed: true, gate: "not running" });
    await gate.start();
    assert.deepEqual([await pushAs(500), await pushAs(501)], [204, 503]);
    assert.deepEqual(await update(fleet(500)), { sites: 500, changed: true, gate: "updated" });
  });

  it("loses nothing while the map changes, Access changes its keys, and it is reloaded and killed", async (t) => {
    gate.stores.take();
    let signer = keys[1];
    const traffic = startTraffic(gate, { perSecond: 50, key: () => signer, clients: 100, clientId });
    t.after(() => traffic.finish());
    await sleep(500);
    for (const count of [700, 500, 900, 500]) {
      orThrow(await updateSiteMap(gate.directory, gate.places.run, fleet(count)));
    }
    for (let reload = 0; reload < 3; reload += 1) {
      assert.deepEqual(await reloadGate(gate.places.run), { ok: true, value: "reloaded" });
      await sleep(300);
    }
    // Access publishes its next key, and drops the oldest; then it signs with the new one.
    gate.published = [keys[1], keys[2]];
    assert.deepEqual(orThrow(await gate.refreshKeys()), { changed: true, keys: 2, gate: "reloaded" });
    // The worker that was replaced still answers once on each connection that was idle, by the keys that it had.
    await sleep(1500);
    signer = keys[2];
    await sleep(500);
    const orderly = traffic.counts();
    assert.ok(orderly.sent > 80, String(orderly.sent));
    assert.deepEqual({ ...orderly, sent: 0 }, { sent: 0, refused: 0, broken: 0 });

    await gate.stop(0);
    await sleep(300);
    await gate.start();
    await sleep(300);
    await traffic.finish();
    const { sent, refused } = traffic.counts();
    assert.equal(refused, 0);
    const bodies = new Set(gate.stores.take().map(({ body }) => String(body)));
    assert.equal(bodies.size, sent);
    assert.equal(await pushAs(1, keys[0]), 503);
  });

  it("keeps its keys when what Access publishes is of no use, and says so", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const small = { ...keys[1], jwk: { ...publicKey.export({ format: "jwk" }), kid: "small", alg: "RS256" } };
    const prom = join(gate.directory, "textfiles/sitepass-keys.prom");
    const before = { keys: keyFiles(), prom: readFileSync(prom, "utf8") };
    assert.match(before.prom, /^sitepass_gate_keys_refreshed_timestamp_seconds \d{10}$/m);
    assert.match(before.prom, /^sitepass_gate_keys 2$/m);
    const withEcKey = { ...keys[1], jwk: { kid: "ec", kty: "EC", crv: "P-256", x: "a", y: "b" } };
    for (const published of [
      [],
      [small],
      [keys[2], withEcKey],
      Array.from({ length: 5 }, (_, index) => ({ ...keys[1], jwk: { ...keys[1].jwk, kid: `k${index}` } })),
    ]) {
      gate.published = published;
      const refreshed = await gate.refreshKeys();
      assert.equal(refreshed.ok, false);
      assert.match(
        problemTexts(refreshed)[0] ?? "",
        /^http:\/\/127\.0\.0\.1:\d+\/cdn-cgi\/access\/certs: .*so the gate keeps the keys that it has\. Check the team name/,
      );
    }
    assert.deepEqual({ keys: keyFiles(), prom: readFileSync(prom, "utf8") }, before);
    assert.equal(await pushAs(1, keys[2]), 204);
    gate.published = [keys[2], keys[1]];
    assert.deepEqual(orThrow(await gate.refreshKeys()), { changed: false, keys: 2, gate: "unchanged" });
  });

  it("goes on with what it has when its files cannot be used, and takes them at the next try", async () => {
    const path = join(gate.directory, "gate/haproxy.cfg");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, `${text}\nnonsense\n`);
    gate.published = [keys[0], keys[2]];
    const refreshed = await gate.refreshKeys();
    assert.deepEqual(problemTexts(refreshed), [
      `${gate.places.run}/master.sock: could not make the gate read its files again; it goes on with those that it had read before. Look at the gate's log, or let it say what is wrong: haproxy -c -f haproxy.cfg.`,
    ]);
    assert.deepEqual([await pushAs(1, keys[1]), await pushAs(1, keys[0])], [204, 503]);
    writeFileSync(path, text);
    assert.deepEqual(orThrow(await gate.refreshKeys()), { changed: false, keys: 2, gate: "reloaded" });
    assert.deepEqual([await pushAs(1, keys[1]), await pushAs(1, keys[0])], [503, 204]);
    assert.deepEqual(orThrow(await gate.refreshKeys()), { changed: false, keys: 2, gate: "unchanged" });
  });

  it("takes keys that it could not take before, also while no others can be fetched", async () => {
    const path = join(gate.directory, "gate/haproxy.cfg");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, `${text}\nnonsense\n`);
    gate.published = [keys[1], keys[2]];
    assert.equal((await gate.refreshKeys()).ok, false);
    assert.deepEqual([await pushAs(1, keys[0]), await pushAs(1, keys[1])], [204, 503]);
    writeFileSync(path, text);
    gate.published = [];
    assert.match(problemTexts(await gate.refreshKeys())[0] ?? "", /so the gate keeps the keys that it has/);
    assert.deepEqual([await pushAs(1, keys[0]), await pushAs(1, keys[1])], [503, 204]);
    gate.published = [keys[1], keys[2]];
    assert.deepEqual(orThrow(await gate.refreshKeys()), { changed: false, keys: 2, gate: "unchanged" });
  });

  it("lets only its own user give it commands, and everybody push", () => {
    const mode = (name: string) => (statSync(join(gate.places.run, name)).mode & 0o777).toString(8);
    assert.deepEqual(["admin.sock", "master.sock", "metrics.sock", "logs.sock"].map(mode), [
      "600",
      "600",
      "666",
      "666",
    ]);
    assert.equal(existsSync(join(gate.directory, "gate/keys/1.pem")), true);
  });

  const keyFiles = (): string[] =>
    readdirSync(join(gate.directory, "gate/keys"))
      .sort()
      .map((name) => `${name}\n${readFileSync(join(gate.directory, "gate/keys", name), "utf8")}`);
});
