import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import { policyShardOf } from "../../provision/policy-shards";
import { openTestDataPath, pushSample, type TestDataPath } from "../support/data-path";
import { engines } from "../support/engines";
import { openScenario, siteNameInPolicyShard, tally, type Scenario } from "../support/scenario";

const pushers = Array.from({ length: 20 }, (_, index) => `site-${index + 1}`);
const pushesPerSecond = 50;

/** In the shard of one that pushes, so that its policy is the one that changes. */
const neighbour = (prefix: string) =>
  siteNameInPolicyShard((shard) => shard === policyShardOf("site-1"), prefix);
const arriving = neighbour("arriving");
const leaving = neighbour("leaving");

for (const engine of engines) {
  describe(`twenty sites that push all the while on ${engine.name}`, () => {
    let fleet: Scenario;
    let path: TestDataPath;
    let credentials: Map<string, HeaderLines>;

    before(async () => {
      fleet = await openScenario(engine, {
        sites: Object.fromEntries([...pushers, leaving].map((name) => [name, ""])),
      });
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      // The second pair of origins is for the change of ingress.
      path = await openTestDataPath(fleet, [
        "http://localhost:9090",
        "http://localhost:3100",
        "http://localhost:19090",
        "http://localhost:13100",
      ]);
      const { sites } = await fleet.outputs();
      credentials = new Map(
        Object.entries(sites).map(([name, { clientId, clientSecret }]) => [
          name,
          tokenHeaders(clientId, clientSecret),
        ]),
      );
    });

    after(async () => {
      await path.close();
      await fleet.close();
    });

    /** Pushes at a steady rate while `up` runs, and a little longer; every push must be delivered. */
    async function assertUndisturbedBy(writes: readonly string[]): Promise<void> {
      fleet.takeRequests();
      path.receiver.clear();
      const running = { up: true };
      const pushing: Promise<number>[] = [];
      const pump = (async () => {
        for (let count = 0; running.up; count += 1) {
          const site = pushers[count % pushers.length] ?? "";
          pushing.push(pushSample(path.edge, site, credentials.get(site) ?? []));
          await delay(1000 / pushesPerSecond);
        }
      })();
      const { exitCode, text } = await fleet.up();
      do {
        await delay(200);
      } while (pushing.length < pushesPerSecond / 2);
      running.up = false;
      await pump;
      const statuses = await Promise.all(pushing);
      assert.equal(exitCode, 0, text);
      assert.deepEqual(fleet.takeRequests().writes, writes);
      assert.deepEqual(tally(statuses.map(String)), { "204": statuses.length });
      const samples = path.receiver.samples.reduce((sum, series) => sum + series.samples.length, 0);
      assert.equal(samples, statuses.length);
    }

    it("lose nothing while a site is added", async () => {
      fleet.putSite(arriving);
      await assertUndisturbedBy(["POST service_tokens", "PUT policies/*", "PUT policies/*"]);
    });

    it("lose nothing while one of them is rotated and still sends its old secret", async () => {
      fleet.putSite("site-1", "token: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n");
      await assertUndisturbedBy(["PUT service_tokens/*"]);
    });

    it("lose nothing while another site is removed", async () => {
      fleet.removeSite(leaving);
      await assertUndisturbedBy(["PUT policies/*", "PUT policies/*", "DELETE service_tokens/*"]);
    });

    it("lose nothing while an up changes nothing", async () => {
      await assertUndisturbedBy([]);
    });

    it("lose nothing while the tunnel's ingress leads elsewhere", async () => {
      fleet.configure({
        endpoints: {
          metrics: { hostname: "prom.example.com", origin: "http://localhost:19090" },
          logs: { hostname: "loki.example.com", origin: "http://localhost:13100" },
        },
      });
      await assertUndisturbedBy(["PUT cfd_tunnel/*/configurations"]);
    });
  });
}
