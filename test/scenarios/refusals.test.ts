import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { RunResult } from "../../local/run/processes";
import { engines } from "../support/engines";
import { sitepassOn } from "../support/sitepass";
import { accountId, openScenario, siteNameInPolicyShard, tally, type Scenario } from "../support/scenario";

/** The run failed and said exactly these lines, without a stack trace. */
function assertRefused({ exitCode, text }: RunResult, problems: readonly string[]): void {
  assert.notEqual(exitCode, 0);
  const said = text
    .split("\n")
    .map((line) => line.replace(/^\s*(?:error: )?/, ""))
    .filter((line) => problems.includes(line));
  assert.deepEqual(said, problems, text);
  assert.ok(!/^\s+at /m.test(text), text);
}

for (const engine of engines) {
  describe(`what is refused on ${engine.name}`, () => {
    let fleet: Scenario;

    before(async () => {
      fleet = await openScenario(engine, { sites: { tokyo: "" }, limits: { serviceTokens: 12 } });
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
    });

    after(() => fleet.close());

    /** Runs `up`, which must fail with these problems and change nothing. */
    async function assertUpRefused(problems: readonly string[]): Promise<void> {
      fleet.takeRequests();
      assertRefused(await fleet.up(), problems);
      assert.deepEqual(fleet.takeRequests().writes, []);
    }

    it("says everything that is wrong with configuration and sites at once, and asks Cloudflare nothing", async () => {
      fleet.configure({ tokenDuration: "365d", teamNme: "x" });
      fleet.putSite("tokyo", "tokn: {}\n");
      fleet.putSite("osaka", "signals: [metric]\n");
      fleet.takeRequests();
      assertRefused(await fleet.up(), [
        'sitepass:tokenDuration: is "365d", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
        "sitepass:teamNme: is not a known key. Did you mean teamName? Known keys here: accountId, alertEmails, allowRemovals, central, endpoints, identity, preflight, protect, publish, serviceTokenLimit, shard, siteLabel, teamName, tenant, tokenDuration, zone.",
        'sites/osaka.yaml: signals.0 is "metric", which is not known. Did you mean metrics? Choose metrics, logs.',
        "sites/tokyo.yaml: tokn is not a known key. Did you mean token? Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.",
      ]);
      assert.deepEqual(fleet.takeRequests(), { reads: [], writes: [] });
      fleet.configure({ tokenDuration: undefined, teamNme: undefined });
      fleet.putSite("tokyo");
      fleet.removeSite("osaka");
    });

    it("does not delete a fleet because sites/ is empty", async () => {
      fleet.removeSite("tokyo");
      await assertUpRefused([
        "sites/: holds no site, and with no site every service token would be deleted. Add a file such as sites/tokyo.yaml (it may be empty), or set sitepass:allowRemovals to the number of sites that are to go.",
      ]);
      fleet.putSite("tokyo");
    });

    it("refuses an unknown zone", async () => {
      fleet.configure({
        zone: "example.net",
        endpoints: { metrics: { hostname: "prom.example.net" }, logs: { hostname: "loki.example.net" } },
      });
      fleet.takeRequests();
      const { exitCode, text } = await fleet.up();
      assert.notEqual(exitCode, 0);
      assert.match(
        text,
        /sitepass:zone: is "example\.net", and Cloudflare shows the API token no such zone\. Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it\./,
      );
      assert.doesNotMatch(text, /getZone|exactly one result/);
      assert.deepEqual(fleet.takeRequests().writes, []);
      fleet.configure({
        zone: "example.com",
        endpoints: { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
      });
    });

    it("counts the account's tokens before it makes any", async () => {
      const wanted = Array.from({ length: 12 }, (_, index) =>
        siteNameInPolicyShard((shard) => shard === index, "more"),
      );
      fleet.configure({ serviceTokenLimit: 12 });
      for (const name of wanted.slice(1)) {
        fleet.putSite(name);
      }
      // Eleven more and tokyo fit exactly; another stack's token is one too many.
      const { Cloudflare } = await import("cloudflare");
      const client = new Cloudflare({ apiToken: fleet.standIn.apiToken, baseURL: fleet.standIn.baseUrl });
      const stranger = await client.zeroTrust.access.serviceTokens.create({
        account_id: accountId,
        name: "ci runner",
      });
      const sorted = wanted.slice(1).sort();
      await assertUpRefused([
        `sitepass:serviceTokenLimit: is 12, and the account has 2 service tokens and needs 11 more (${sorted.slice(0, 5).join(", ")} and 6 more), 13 in all. Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into another shard, a stack on a second account (docs/scale.md).`,
      ]);
      await client.zeroTrust.access.serviceTokens.delete(stranger.id ?? "", { account_id: accountId });
      fleet.takeRequests();
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      assert.equal(tally(fleet.takeRequests().writes)["POST service_tokens"], 11);
    });

    it("stops before it takes the passes of more than 30 percent of a fleet of ten or more", async () => {
      const { sites } = await fleet.outputs();
      const leaving = Object.keys(sites)
        .filter((name) => name !== "tokyo")
        .sort()
        .slice(0, 4);
      for (const name of leaving) {
        fleet.removeSite(name);
      }
      await assertUpRefused([
        `sitepass:allowRemovals: is 0, and 4 of 12 sites would lose their service tokens (${leaving.join(", ")}), which is more than the 3 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.`,
      ]);
      fleet.configure({ allowRemovals: 1 });
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      assert.equal(tally(fleet.takeRequests().writes)["DELETE service_tokens/*"], 4);
      fleet.configure({ allowRemovals: undefined, serviceTokenLimit: undefined });
    });
  });

  describe(`what the API token is shown and refused on ${engine.name}`, () => {
    let fleet: Scenario;

    before(async () => {
      fleet = await openScenario(engine, { sites: { tokyo: "" } });
    });

    after(() => fleet.close());

    it("takes the account's own active zone of several of its name", async () => {
      const { zones } = fleet.standIn.database;
      const [own] = zones.values();
      assert.ok(own !== undefined);
      for (const [id, status, owner] of [
        ["1", "moved", "f".repeat(32)],
        ["2", "moved", accountId],
      ] as const) {
        const row = { ...own, id: id.repeat(32), status, accountId: owner };
        zones.set(row.id, row);
      }
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      const inZones = new Set([...fleet.standIn.database.dnsRecords.values()].map(({ zoneId }) => zoneId));
      assert.deepEqual([...inZones], [own.id]);
      for (const command of ["check", "adopt"]) {
        const { stdout, stderr } = await sitepassOn(fleet, [command]);
        assert.doesNotMatch(stdout + stderr, /error: sitepass:zone|error: sitepass:accountId|error: zone/);
      }
      zones.delete(own.id);
      const foreign = await fleet.up();
      assert.notEqual(foreign.exitCode, 0);
      zones.delete("2".repeat(32));
      assertRefused(await fleet.up(), [
        `sitepass:accountId: is ${accountId}, and the zone example.com belongs to account ${"f".repeat(32)}. Configure account and zone that belong together.`,
      ]);
      zones.clear();
      zones.set(own.id, own);
    });

    it("makes everything in a zone that waits for its name servers, and warns that pushes do not arrive yet", async () => {
      const waiting = await openScenario(engine, { sites: { tokyo: "" } });
      try {
        const { zones, dnsRecords } = waiting.standIn.database;
        const [own] = zones.values();
        assert.ok(own !== undefined);
        const left = { ...own, id: "1".repeat(32), status: "moved" } as const;
        const pending = { ...own, id: "2".repeat(32), status: "pending" } as const;
        zones.clear();
        for (const row of [left, pending]) {
          zones.set(row.id, row);
        }
        const { exitCode, text } = await waiting.up();
        assert.equal(exitCode, 0, text);
        assert.deepEqual(
          [...dnsRecords.values()].map(({ zoneId }) => zoneId),
          [pending.id, pending.id],
        );
        const warning =
          "zone example.com: is pending, not active, so its names lead nowhere yet. Set the name servers that the dashboard shows at the registrar, and wait for Cloudflare's e-mail.";
        assert.ok(text.includes(warning), text);
        assert.doesNotMatch(text, /error/i);
        zones.set(pending.id, { ...pending, status: "active" });
        waiting.takeRequests();
        const again = await waiting.up();
        assert.equal(again.exitCode, 0, again.text);
        assert.doesNotMatch(again.text, /zone example\.com|error/i);
        assert.deepEqual(waiting.takeRequests().writes, []);
      } finally {
        await waiting.close();
      }
    });

    it("gives one cause in every command where the API token may not be used from here", async () => {
      const location = "Cannot use the access token from location: 203.0.113.7";
      const says = `CLOUDFLARE_API_TOKEN: may not be used from the address 203.0.113.7`;
      const refuseAll = () => {
        fleet.standIn.inject({ match: {}, times: 200, status: 403, code: 9109, message: location });
      };
      refuseAll();
      const up = await fleet.up();
      assert.notEqual(up.exitCode, 0);
      assert.ok(up.text.includes(says), up.text);
      assert.doesNotMatch(up.text, /permission|Check the spelling|failed to make http request/);
      const said = up.text.split("\n").filter((line) => /^ *error: .*203\.0\.113\.7/.test(line));
      assert.equal(said.length, 1, up.text);
      for (const command of [["check"], ["status"], ["adopt"], ["renew", "tokyo"]]) {
        const { exitCode, stdout, stderr } = await sitepassOn(fleet, command);
        assert.equal(exitCode, 1);
        const errors = (stdout + stderr).split("\n").filter((line) => line.startsWith("error:"));
        assert.deepEqual(
          errors.map((line) => line.startsWith(`error: ${says} (HTTP 403, 9109 ${location})`)),
          [true],
          errors.join("\n"),
        );
      }
    });
  });

  describe(`what an API token may not do on ${engine.name}`, () => {
    it("goes on without the quota check when listing is forbidden, and names the permission for what then fails", async () => {
      const fleet = await openScenario(engine, {
        sites: { tokyo: "" },
        apiToken: (standIn) =>
          standIn.createApiToken([
            "Zone Read",
            "Access: Apps and Policies Write",
            "Cloudflare Tunnel Write",
            "DNS Write",
          ]),
      });
      try {
        const { exitCode, text } = await fleet.up();
        assert.notEqual(exitCode, 0);
        assert.match(
          text,
          /CLOUDFLARE_API_TOKEN: may not list the account's service tokens \(HTTP 403, 10000 .*\), so their number was not checked\. Give it the permission "Access: Service Tokens" Edit on the account, or set sitepass:preflight to false\./,
        );
        assert.match(text, /tokyo/);
        assert.equal(fleet.standIn.database.serviceTokens.size, 0);
        assert.equal(fleet.standIn.database.dnsRecords.size, 0);
      } finally {
        await fleet.close();
      }
    });
  });
}
