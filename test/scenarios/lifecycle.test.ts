import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import { policyShardOf } from "../../provision/policy-shards";
import { absenceHere, enginesHere } from "../support/engines";
import { openScenario, siteNameInPolicyShard, tally, type Scenario } from "../support/scenario";

/** Three sites in two shards: tokyo and its neighbour share one, and the third pushes metrics alone. */
const neighbour = siteNameInPolicyShard((shard) => shard === policyShardOf("tokyo"), "neighbour");
const loner = siteNameInPolicyShard((shard) => shard !== policyShardOf("tokyo"), "loner");
/** Sites that come later: one into a shard that exists, one into a shard of its own. */
const another = siteNameInPolicyShard((shard) => shard === policyShardOf("tokyo"), "another");
const pioneer = siteNameInPolicyShard(
  (shard) => ![policyShardOf("tokyo"), policyShardOf(loner)].includes(shard),
  "pioneer",
);
/** Two of metrics, one of logs, and the one that admits nobody. */
const policies = 4;

const rotatedOnce = "token: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

for (const engine of enginesHere) {
  describe(`the life of a fleet on ${engine.name}`, () => {
    let fleet: Scenario;
    /** What the first up changed, in order. */
    let madeFirst: readonly string[] = [];

    before(async () => {
      fleet = await openScenario(engine, {
        sites: { tokyo: "", [loner]: "signals: [metrics]\n", [neighbour]: "" },
      });
    });

    after(() => fleet.close());

    const tokenUpdate = engine.sendsEnabled ? ["PUT service_tokens/*"] : [];

    /** Runs `up`, and says what it changed at the stand-in. */
    async function up(): Promise<readonly string[]> {
      fleet.takeRequests();
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      return fleet.takeRequests().writes;
    }

    function siteIn({ sites }: RevealedOutputs, site: string): SiteCredentials {
      const found = sites[site];
      assert.ok(found !== undefined, `no output for ${site}`);
      return found;
    }

    /** A site's token as Cloudflare has it. */
    function tokenOf(site: string): ServiceToken {
      const tokens = [...fleet.standIn.database.serviceTokens.values()].filter(
        ({ name }) => name === `sitepass/prod/${site}`,
      );
      assert.equal(tokens.length, 1);
      const [token] = tokens;
      assert.ok(token !== undefined);
      return token;
    }

    it("plans the first up without changing anything", async () => {
      const { exitCode, text } = await fleet.preview();
      assert.equal(exitCode, 0, text);
      assert.match(text, /tokyo/);
      assert.deepEqual(fleet.takeRequests().writes, []);
      const { serviceTokens, policies, applications, tunnels, dnsRecords } = fleet.standIn.database;
      assert.deepEqual(
        [serviceTokens, policies, applications, tunnels, dnsRecords].map(({ size }) => size),
        [0, 0, 0, 0, 0],
      );
    });

    it("makes tokens, shards, four applications, a tunnel, its ingress and two records in the first up", async () => {
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      const { reads, writes } = fleet.takeRequests();
      assert.deepEqual(tally(reads), {
        "GET zones": 1,
        "GET service_tokens": 1,
        "GET cfd_tunnel/*/token": 1,
        // Whether what is created is there already: applications, tunnel, and a record for each host name.
        "GET apps": 1,
        "GET cfd_tunnel": 1,
        "GET dns_records": 2,
      });
      assert.deepEqual(tally(writes), {
        "POST service_tokens": 3,
        "POST policies": policies,
        "POST apps": 4,
        "POST cfd_tunnel": 1,
        "PUT cfd_tunnel/*/configurations": 1,
        "POST dns_records": 2,
      });
      assert.equal(writes.length, 3 + policies + 8);
      madeFirst = writes;
    });

    it("makes DNS records last, after applications and ingress", () => {
      assert.deepEqual(madeFirst.slice(-2), ["POST dns_records", "POST dns_records"]);
      // After the two applications whose assertions it checks; the others are made at the same time as it.
      const beforeIngress = madeFirst.slice(0, madeFirst.indexOf("PUT cfd_tunnel/*/configurations"));
      assert.ok((tally(beforeIngress)["POST apps"] ?? 0) >= 2, madeFirst.join(", "));
    });

    it("changes nothing in the second up", async () => {
      assert.deepEqual(await up(), []);
    });

    it("gives each site its own credentials and the URLs of its signals", async () => {
      const outputs = await fleet.outputs();
      const { sites, endpoints, tunnelId, tunnelToken } = outputs;
      const urls = {
        logs: "https://loki.example.com/loki/api/v1/push",
        metrics: "https://prom.example.com/api/v1/write",
      };
      assert.deepEqual(Object.keys(sites), [loner, neighbour, "tokyo"].sort());
      assert.equal(new Set(Object.values(sites).map(({ clientSecret }) => clientSecret)).size, 3);
      assert.deepEqual(endpoints, urls);
      assert.deepEqual(siteIn(outputs, loner).endpoints, { metrics: urls.metrics });
      const { clientSecret, ...others } = siteIn(outputs, "tokyo");
      const { client_id: clientId, expires_at: expiresAt, clientSecretHash } = tokenOf("tokyo");
      assert.deepEqual(others, { clientId, expiresAt, endpoints: urls });
      assert.equal(hash(clientSecret), clientSecretHash);
      assert.equal(tunnelId, [...fleet.standIn.database.tunnels.keys()].at(-1));
      assert.ok(fleet.standIn.issuedSecrets.has(tunnelToken ?? ""));
    });

    it("adds a site to a shard that exists with one create and one update for each signal", async () => {
      fleet.putSite(another);
      assert.deepEqual(await up(), ["POST service_tokens", "PUT policies/*", "PUT policies/*"]);
    });

    it("adds a site to a new shard with a policy for each application", async () => {
      fleet.putSite(pioneer);
      assert.deepEqual(await up(), [
        "POST service_tokens",
        "POST policies",
        "POST policies",
        "PUT apps/*",
        "PUT apps/*",
      ]);
    });

    it("changes nothing in the next up after sites were added", async () => {
      assert.deepEqual(await up(), []);
    });

    it("removes the last site of a shard by first taking its policies from the applications", async () => {
      fleet.removeSite(pioneer);
      assert.deepEqual(await up(), [
        "PUT apps/*",
        "PUT apps/*",
        "DELETE policies/*",
        "DELETE policies/*",
        "DELETE service_tokens/*",
      ]);
    });

    it("makes no call for what a site runs at its place: its collector, and the relay", async () => {
      const outputs = await fleet.outputs();
      for (const text of ["collector: alloy\n", "collector: alloy\nrelay: nginx\n", "relay: caddy\n", ""]) {
        fleet.putSite("tokyo", text);
        assert.deepEqual(await up(), [], text);
        assert.deepEqual(await fleet.outputs(), outputs, text);
      }
    });

    it("rotates one secret with one update, and only once", async () => {
      const before = await fleet.outputs();
      const old = siteIn(before, "tokyo");
      fleet.putSite("tokyo", rotatedOnce);
      assert.deepEqual(await up(), ["PUT service_tokens/*"]);
      const after = await fleet.outputs();
      const rotated = siteIn(after, "tokyo");
      assert.deepEqual(after, { ...before, sites: { ...before.sites, tokyo: rotated } });
      assert.equal(rotated.clientId, old.clientId);
      assert.notEqual(hash(rotated.clientSecret), hash(old.clientSecret));
      const token = tokenOf("tokyo");
      assert.equal(token.clientSecretHash, hash(rotated.clientSecret));
      assert.equal(token.previousClientSecretHash, hash(old.clientSecret));
      assert.deepEqual(await up(), []);
      assert.deepEqual(await fleet.outputs(), after);
    });

    it("refuses to lower or drop a secret version, in previews too", async () => {
      const problem =
        "sites/tokyo: token.secretVersion is 1, and 2 is in use. Set it back to 2 with its previousSecretExpiresAt, or raise it to 3 to rotate.";
      fleet.putSite("tokyo");
      fleet.takeRequests();
      for (const { exitCode, text } of [await fleet.preview(), await fleet.up()]) {
        assert.notEqual(exitCode, 0);
        assert.ok(text.includes(problem), text);
      }
      assert.deepEqual(fleet.takeRequests().writes, []);
      // That this is accepted, and changes nothing, is seen by the next up, which changes what its own site asks for alone.
      fleet.putSite("tokyo", rotatedOnce);
    });

    it("shuts a disabled site out twice: its token is disabled, and its policy lets it go", async () => {
      fleet.putSite(neighbour, "token: { enabled: false }\n");
      // Neither waits for the other: either shuts the site out.
      assert.deepEqual((await up()).toSorted(), ["PUT policies/*", "PUT policies/*", ...tokenUpdate]);
    });

    it("keeps a disabled site's token when its shard empties", async () => {
      const { client_id: clientId } = tokenOf(loner);
      fleet.putSite(loner, "signals: [metrics]\ntoken: { enabled: false }\n");
      const writes = await up();
      assert.deepEqual([...writes].sort(), ["DELETE policies/*", "PUT apps/*", ...tokenUpdate]);
      assert.ok(writes.indexOf("DELETE policies/*") > writes.indexOf("PUT apps/*"));
      assert.equal(siteIn(await fleet.outputs(), loner).clientId, clientId);
    });

    it("changes nothing in the next up after sites were disabled", async () => {
      assert.deepEqual(await up(), []);
    });

    it("lets a site in again that is enabled, also into a shard that had emptied", async () => {
      fleet.putSite(neighbour);
      assert.deepEqual((await up()).toSorted(), ["PUT policies/*", "PUT policies/*", ...tokenUpdate]);
      fleet.putSite(loner, "signals: [metrics]\n");
      assert.deepEqual(await up(), [...tokenUpdate, "POST policies", "PUT apps/*"]);
    });

    it("removes a site by first taking it out of its policy", async () => {
      fleet.removeSite(another);
      assert.deepEqual(await up(), ["PUT policies/*", "PUT policies/*", "DELETE service_tokens/*"]);
      assert.deepEqual(Object.keys((await fleet.outputs()).sites), [loner, neighbour, "tokyo"].sort());
    });

    it("leaves nothing behind after destroy", async () => {
      const { exitCode, text } = await fleet.destroy();
      assert.equal(exitCode, 0, text);
      const { serviceTokens, policies, applications, tunnels, dnsRecords } = fleet.standIn.database;
      assert.deepEqual([serviceTokens.size, policies.size, applications.size, dnsRecords.size], [0, 0, 0, 0]);
      assert.deepEqual(
        [...tunnels.values()].filter(({ deleted_at }) => deleted_at === null),
        [],
      );
    });
  });
}

it("runs on the real engine too", { skip: absenceHere }, () => {
  assert.equal(enginesHere.length, 2);
});
