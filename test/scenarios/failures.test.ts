import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engines } from "../support/engines";
import { openScenario, tally, type Scenario } from "../support/scenario";

for (const engine of engines) {
  async function withFleet(body: (fleet: Scenario) => Promise<void>): Promise<void> {
    const fleet = await openScenario(engine, { sites: { kyoto: "", osaka: "", tokyo: "" } });
    try {
      await body(fleet);
    } finally {
      await fleet.close();
    }
  }

  const tokenNames = (fleet: Scenario): string[] =>
    [...fleet.standIn.database.serviceTokens.values()].map(({ name }) => name).sort();

  const wanted = ["sitepass/prod/kyoto", "sitepass/prod/osaka", "sitepass/prod/tokyo"];

  describe(`when the API fails on ${engine.name}`, () => {
    it("waits as it is told to when the rate limit is hit, and goes on", async () => {
      await withFleet(async (fleet) => {
        fleet.standIn.inject({
          match: { method: "POST", path: /service_tokens$/ },
          times: 2,
          status: 429,
          retryAfterSeconds: 0,
        });
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        assert.deepEqual(tokenNames(fleet), wanted);
        assert.equal(tally(fleet.takeRequests().writes)["POST service_tokens"], 5);
      });
    });

    it("keeps what was made before a failure, and makes only the rest the next time", async () => {
      await withFleet(async (fleet) => {
        fleet.standIn.inject({
          match: { method: "PUT", path: /configurations$/ },
          status: 400,
          code: 1056,
          message: "bad configuration",
        });
        const failed = await fleet.up();
        assert.notEqual(failed.exitCode, 0);
        assert.match(failed.text, /bad configuration/);
        assert.equal(fleet.standIn.database.dnsRecords.size, 0);
        fleet.takeRequests();
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        const { writes } = fleet.takeRequests();
        assert.deepEqual(tally(writes.filter((write) => /configurations|dns_records/.test(write))), {
          "PUT cfd_tunnel/*/configurations": 1,
          "POST dns_records": 2,
        });
        assert.deepEqual(tokenNames(fleet), wanted);
        assert.equal(fleet.standIn.database.applications.size, 4);
      });
    });

    it("knows that the old record is gone when the new one could not be made", async () => {
      await withFleet(async (fleet) => {
        assert.equal((await fleet.up()).exitCode, 0);
        fleet.configure({ publish: { addresses: { metrics: "203.0.113.10", logs: "203.0.113.11" } } });
        fleet.standIn.inject({
          match: { method: "POST", path: /dns_records$/ },
          status: 400,
          code: 9005,
          message: "content refused",
        });
        const failed = await fleet.up();
        assert.notEqual(failed.exitCode, 0);
        assert.match(failed.text, /content refused/);
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        assert.deepEqual(
          [...fleet.standIn.database.dnsRecords.values()]
            .map(({ name, content }) => `${name} ${content}`)
            .sort(),
          ["loki.example.com 203.0.113.11", "prom.example.com 203.0.113.10"],
        );
      });
    });

    it("warns of the token that a lost answer left behind, because it counts against the limit", async () => {
      await withFleet(async (fleet) => {
        fleet.standIn.inject({ match: { method: "POST", path: /service_tokens$/ }, lostAnswer: true });
        const first = await fleet.up();
        assert.equal(first.exitCode, 0, first.text);
        assert.equal(fleet.standIn.database.serviceTokens.size, 4);
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        assert.match(
          text,
          /sites\/(kyoto|osaka|tokyo): the account has a service token named sitepass\/prod\/\1 that the stack does not hold \([0-9a-f-]{36}\)\. If no other checkout uses it, it is left over from an interrupted run and counts against the limit: delete it in the dashboard\./,
        );
      });
    });

    it("saves what was done when it is interrupted, and goes on from there the next time", async () => {
      const sites = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`site-${index + 1}`, ""]));
      const fleet = await openScenario(engine, { sites });
      try {
        fleet.standIn.inject({
          match: { method: "POST", path: /service_tokens$/ },
          times: 24,
          latencyMs: 500,
        });
        const stopping = new AbortController();
        const running = fleet.interruptible(stopping.signal).up();
        while (fleet.standIn.database.serviceTokens.size === 0) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        stopping.abort();
        const interrupted = await running;
        assert.notEqual(interrupted.exitCode, 0);
        const made = fleet.standIn.database.serviceTokens.size;
        assert.ok(made > 0 && made < 24, `${made} tokens were made`);
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        assert.equal(fleet.standIn.database.serviceTokens.size, 24);
        assert.equal(Object.keys((await fleet.outputs()).sites).length, 24);
      } finally {
        await fleet.close();
      }
    });

    it("names the object that stands in the way", async () => {
      await withFleet(async (fleet) => {
        await fleet.up();
        const other = await openScenario(engine, { sites: { tokyo: "" } });
        try {
          const taken = [...fleet.standIn.database.tunnels.values()];
          for (const tunnel of taken) {
            other.standIn.database.tunnels.set(tunnel.id, { ...tunnel });
          }
          const { exitCode, text } = await other.up();
          assert.notEqual(exitCode, 0);
          assert.match(
            text,
            /tunnel "central-observability": exists already \(ID [0-9a-f-]{36}\), and this stack does not hold it\. If an interrupted run left it, or it is the one to use, take it in with `npx sitepass adopt --stack prod`; otherwise give sitepass:publish\.tunnel\.name another name\./,
          );
          assert.equal(other.standIn.database.dnsRecords.size, 0);
        } finally {
          await other.close();
        }
      });
    });
  });
}
