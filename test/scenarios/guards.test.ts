import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { RunResult } from "../../local/run/processes";
import { engines, type Engine } from "../support/engines";
import { openScenario, tally, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

/** How many objects of each kind are in the account. */
function objectsIn({ standIn: { database } }: Scenario): Readonly<Record<string, number>> {
  const { serviceTokens, policies, applications, tunnels, dnsRecords, notificationPolicies } = database;
  return {
    tokens: serviceTokens.size,
    policies: policies.size,
    applications: applications.size,
    tunnels: [...tunnels.values()].filter(({ deleted_at }) => deleted_at === null).length,
    records: dnsRecords.size,
    alerts: notificationPolicies.size,
  };
}

/** The messages of a run that failed, each once: without the engine's own marks and its account of what it did. */
function messagesOf({ exitCode, text }: RunResult): readonly string[] {
  assert.notEqual(exitCode, 0, text);
  assert.ok(!/^\s+at /m.test(text), text);
  const messages = text
    .split("\n")
    .flatMap((line) => /^\s*error: (.*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/^(?:Preview failed: )?before hook "[^"]*" failed: /, ""))
    .filter((line) => !/^(?:update|preview) failed$/.test(line));
  return [...new Set(messages)].sort();
}

/** The whole identity that the engine gives to a resource. */
function urnOf(fleet: Scenario, end: string): string {
  const [urn] = new RegExp(`urn:pulumi:[^"]*${end}(?=")`).exec(fleet.storedText()) ?? [];
  assert.ok(urn !== undefined, `${end} is not in the state`);
  return urn;
}

async function succeed(running: Promise<RunResult>): Promise<string> {
  const { exitCode, text } = await running;
  assert.equal(exitCode, 0, text);
  return text;
}

for (const engine of engines) {
  const real = engine.name === "pulumi";

  describe(`what sitepass:protect keeps on ${engine.name}`, () => {
    let fleet: Scenario;

    before(async () => {
      fleet = await openScenario(engine, {
        sites: { osaka: "", tokyo: "" },
        configuration: { protect: true, alertEmails: ["ops@example.com"] },
      });
      await succeed(fleet.up());
    });

    after(() => fleet.close());

    const hooked =
      "Resource has delete hooks registered, but the program is not running. Hooks: sitepass:protect";
    const refusalOf = (name: string) =>
      `sitepass:protect: is true, and this would delete ${name} with the rest of the stack. Set it to false first, if all of this is to go.`;

    async function assertKept(running: () => Promise<RunResult>): Promise<readonly string[]> {
      const there = objectsIn(fleet);
      assert.deepEqual(there, {
        tokens: 2,
        policies: 5,
        applications: 4,
        tunnels: 1,
        records: 2,
        alerts: 2,
      });
      fleet.takeRequests();
      const messages = messagesOf(await running());
      assert.deepEqual(fleet.takeRequests().writes, []);
      assert.deepEqual(objectsIn(fleet), there);
      return messages;
    }

    it("is everything, from a destroy that does not run the program", async () => {
      const messages = await assertKept(() => fleet.destroy());
      if (real) {
        assert.deepEqual(messages, [
          hooked,
          "You must run with the `--run-program` flag to use delete hooks during destroy.",
        ]);
      } else {
        // A line for each, which names it.
        assert.equal(messages.length, 17);
        assert.ok(
          messages.every((message) => message.endsWith(`: ${hooked}`)),
          messages.join("\n"),
        );
      }
    });

    it(
      "is everything, from a destroy that runs the program, with whatever flag",
      { skip: !real },
      async () => {
        const token = urnOf(fleet, "ServiceToken::tokyo");
        const first = [refusalOf("alerts-expiring-tokens"), refusalOf("alerts-tunnel-health")];
        const records = [refusalOf("logs"), refusalOf("metrics")];
        const all = [...first, ...records].sort();
        const withPreview = await assertKept(() => fleet.command("destroy", "--yes", "--run-program"));
        assert.ok(
          withPreview.length > 0 &&
            withPreview.every((message) =>
              message.startsWith("sitepass:protect: is true, and this would delete "),
            ),
          withPreview.join("\n"),
        );
        assert.deepEqual(await assertKept(() => fleet.destroy("--run-program", "--continue-on-error")), all);
        const ofTarget = ["--run-program", "--target-dependents", "--target", token];
        assert.deepEqual(await assertKept(() => fleet.destroy(...ofTarget)), records);
        // Not declared any more: an up would take it away, and first from its policies; a destroy would begin with the records.
        fleet.removeSite("tokyo");
        assert.deepEqual(await assertKept(() => fleet.destroy(...ofTarget)), records);
        fleet.putSite("tokyo");
      },
    );

    it("is not what an up removes or replaces", async () => {
      fleet.removeSite("tokyo");
      fleet.takeRequests();
      await succeed(
        fleet.up(...(real ? ["--replace", urnOf(fleet, "metrics-write-paths-prom.example.com")] : [])),
      );
      const { writes } = fleet.takeRequests();
      assert.deepEqual(
        tally(writes.filter((write) => write.startsWith("DELETE "))),
        real
          ? {
              "DELETE dns_records/*": 1,
              "DELETE apps/*": 2,
              "DELETE policies/*": 2,
              "DELETE service_tokens/*": 1,
            }
          : { "DELETE policies/*": 2, "DELETE service_tokens/*": 1 },
      );
      assert.deepEqual(objectsIn(fleet), {
        tokens: 1,
        policies: 3,
        applications: 4,
        tunnels: 1,
        records: 2,
        alerts: 2,
      });
    });

    it("is nothing once the configuration says so", async () => {
      fleet.configure({ protect: false });
      if (real) {
        await succeed(fleet.command("destroy", "--yes", "--run-program"));
      } else {
        await succeed(fleet.up());
        await succeed(fleet.destroy());
      }
      assert.deepEqual(objectsIn(fleet), {
        tokens: 0,
        policies: 0,
        applications: 0,
        tunnels: 0,
        records: 0,
        alerts: 0,
      });
    });
  });
}
