import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { permissions } from "cloudflare-standin/api/permissions";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import { send } from "cloudflare-standin/edge/http-messages";
import { remoteWriteBody, remoteWriteHeaders } from "../../local/pushes/push-messages";
import type { SiteCredentials } from "../../stack/stack-outputs";
import { engines } from "../support/engines";
import { takeRequestsTo, tally } from "../support/scenario";
import { openAccounts, type Accounts, type AccountStack } from "../support/two-accounts";

const accountIds = { eu: "a".repeat(32), us: "b".repeat(32), ap: "c".repeat(32) };
const shards = ["eu", "us", "ap"] as const;
type Shard = (typeof shards)[number];

/** 120 sites, which is more than two accounts have tokens. */
const names = Array.from({ length: 120 }, (_, index) => `site-${String(index).padStart(3, "0")}`);
const shardOf = (index: number): Shard => shards[index % 3] ?? "eu";

for (const engine of engines) {
  describe(`120 sites in three accounts of 50 tokens, on ${engine.name}`, () => {
    let fleet: Accounts;
    let front: string;

    const at = (shard: Shard): AccountStack => fleet.stacks.get(shard) ?? assert.fail(shard);
    const up = async (shard: Shard): Promise<Readonly<Record<string, number>>> => {
      takeRequestsTo(at(shard).standIn);
      const { exitCode, text } = await at(shard).stack.up();
      assert.equal(exitCode, 0, text);
      return tally(takeRequestsTo(at(shard).standIn).writes);
    };
    const tokensOf = (shard: Shard): readonly string[] =>
      [...at(shard).standIn.database.serviceTokens.values()].map(({ name }) => name.split("/").at(-1) ?? "");
    const passOf = async (shard: Shard, site: string): Promise<SiteCredentials> =>
      (await at(shard).stack.outputs()).sites[site] ?? assert.fail(site);

    before(async () => {
      const files = names.map((name, index) => [name, `shard: ${shardOf(index)}\ncollector: alloy\n`]);
      fleet = await openAccounts(engine, Object.fromEntries(files) as Record<string, string>, accountIds);
    });
    after(() => fleet.close());

    it("makes 40 tokens in each account, and changes nothing again", async () => {
      for (const shard of shards) {
        const { "POST service_tokens": tokens } = await up(shard);
        assert.equal(tokens, 40, shard);
        assert.equal(tokensOf(shard).length, 40);
      }
      assert.deepEqual(await up("us"), {});
      front = await fleet.openPath();
    });

    it("adds a site in its own account alone", async () => {
      fleet.putSite("new", "shard: ap\ncollector: alloy\n");
      const writes = await up("ap");
      assert.equal(writes["POST service_tokens"], 1);
      assert.deepEqual(
        shards.map((shard) => tokensOf(shard).includes("new")),
        [false, false, true],
      );
    });

    it("moves a site that pushes all the time, without one push that is refused", async () => {
      const site = "site-000";
      const sending = startPushing(front, site, await passOf("eu", site));
      fleet.putSite(site, "shard: eu\nmovingTo: us\ncollector: alloy\n");
      assert.equal((await up("us"))["POST service_tokens"], 1);
      sending.use(await passOf("us", site));
      await delay(300);
      fleet.putSite(site, "shard: us\ncollector: alloy\n");
      assert.equal((await up("eu"))["DELETE service_tokens/*"], 1);
      await delay(300);
      const { sent, refused } = await sending.stop();
      assert.deepEqual(refused, []);
      const arrived = [...fleet.receivers.values()]
        .flatMap(({ samples }) => samples)
        .filter(({ labels }) => labels.provider === site)
        .flatMap(({ samples }) => samples.map(({ value }) => value));
      assert.deepEqual(
        arrived.toSorted((one, other) => one - other),
        Array.from({ length: sent }, (_, index) => index),
      );
      assert.deepEqual(
        shards.map((shard) => tokensOf(shard).includes(site)),
        [false, true, false],
      );
    });

    it("rotates in waves over all accounts, each a part of its own fleet", async () => {
      const { exitCode, stdout, stderr } = await fleet.sitepass([
        "rotate",
        "--all",
        "--waves",
        "25%",
        "--all-stacks",
      ]);
      assert.equal(exitCode, 0, stdout + stderr);
      const rotations = [];
      for (const shard of shards) {
        rotations.push((await up(shard))["PUT service_tokens/*"] ?? 0);
      }
      assert.deepEqual(rotations, [10, 11, 11]);
    });

    it("proves all of it with verify", async () => {
      const { exitCode, stdout, stderr } = await fleet.sitepass(["verify", "--all-stacks", "--via", front]);
      assert.equal(exitCode, 0, stdout + stderr);
    });

    it("shuts sites out where they are, without being told where", async () => {
      const revoked = await fleet.sitepass(["revoke", "site-001", "site-002", "--immediately"]);
      assert.equal(revoked.exitCode, 0, revoked.stderr);
      const disabled = shards.map((shard) =>
        [...at(shard).standIn.database.serviceTokens.values()]
          .filter(({ enabled }) => !enabled)
          .map(({ name }) => name.split("/").at(-1)),
      );
      assert.deepEqual(disabled, [[], ["site-001"], ["site-002"]]);
    });

    it("goes on with the others while one account refuses everything, and ends with 1", async () => {
      const { standIn } = at("us");
      standIn.setPermissions(standIn.apiToken, []);
      try {
        const status = await fleet.sitepass(["status", "--all-stacks", "--stale", "off", "--json"]);
        assert.equal(status.exitCode, 1);
        const { stacks } = JSON.parse(status.stdout) as { stacks: { stack: string; sites: object[] }[] };
        assert.deepEqual(stacks.map(({ stack, sites }) => [stack, sites.length]).toSorted(), [
          ["ap", 41],
          ["eu", 39],
          ["us", 41],
        ]);
        assert.ok(status.stderr.endsWith("Exit code 1 is for 1 of 3 stacks: us.\n"), status.stderr);
        const renewed = await fleet.sitepass(["renew", "--all", "--all-stacks", "--json"]);
        assert.equal(renewed.exitCode, 1);
        const renewals = JSON.parse(renewed.stdout) as { stacks: { stack: string; renewed?: object[] }[] };
        assert.deepEqual(
          renewals.stacks.map(({ stack, renewed: sites }) => [stack, sites?.length]).toSorted(),
          [
            ["ap", 40],
            ["eu", 39],
            ["us", undefined],
          ],
        );
      } finally {
        standIn.setPermissions(standIn.apiToken, permissions);
      }
    });
  });
}

/** Pushes numbered samples, one every ten milliseconds, with the credentials that it was last given. */
function startPushing(front: string, site: string, first: SiteCredentials) {
  const state = { running: true, pass: first };
  const refused: number[] = [];
  let sent = 0;
  const pushes: Promise<void>[] = [];
  const push = async (value: number): Promise<void> => {
    const { clientId, clientSecret, endpoints } = state.pass;
    const { host, pathname: path } = new URL(endpoints.metrics ?? "");
    const { status } = await send(front, {
      host,
      path,
      headers: [...tokenHeaders(clientId, clientSecret), ...remoteWriteHeaders],
      body: remoteWriteBody([
        { labels: { __name__: "moving", provider: site }, samples: [{ timestamp: Date.now(), value }] },
      ]),
    });
    if (status !== 204) {
      refused.push(status);
    }
  };
  const loop = (async () => {
    while (state.running) {
      pushes.push(push(sent));
      sent += 1;
      await delay(10);
    }
    await Promise.all(pushes);
  })();
  return {
    use: (pass: SiteCredentials) => {
      state.pass = pass;
    },
    stop: async () => {
      state.running = false;
      await loop;
      return { sent, refused };
    },
  };
}
