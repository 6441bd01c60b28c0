import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Fault } from "cloudflare-standin/api/control";
import type { RunResult } from "../../local/run/processes";
import { engines } from "../support/engines";
import { openScenario, tally, writesOfUp, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

/** How many objects of each kind are in the account. */
function objectsIn({ standIn: { database } }: Scenario) {
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

    it("costs a first up four calls, for tunnel, applications and records, and none where nothing is made", async () => {
      const guards = { "GET cfd_tunnel": 1, "GET apps": 1, "GET dns_records": 2 };
      const others = {
        "GET service_tokens": 1,
        "GET zones": 1,
        "GET cfd_tunnel/*/token": 1,
      };
      assert.deepEqual(tally(fleet.takeRequests().reads), { ...others, ...guards });
      await succeed(fleet.preview());
      assert.deepEqual(tally(fleet.takeRequests().reads), others);
    });

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
        // Not declared any more: an up would take it out of its policies first, and a destroy begins with the records.
        fleet.removeSite("tokyo");
        assert.deepEqual(
          await assertKept(() => fleet.destroy("--run-program", "--target-dependents", "--target", token)),
          records,
        );
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
              "DELETE apps/*": 1,
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

  describe(
    `a stack that is renamed, on ${engine.name}`,
    { skip: !real && "local/engine renames nothing" },
    () => {
      const names = Array.from({ length: 10 }, (_, index) => `site-${index}`);
      const gone = names.slice(0, 6);
      const refusal =
        "sitepass:allowRemovals: is 0, and 6 of 10 sites would lose their service tokens (site-0, site-1, site-2, site-3, site-4 and 1 more), which is more than the 3 that may go in one up. Bring their files back, or, if they are to go, set it to 3 for this up.";
      let fleet: Scenario;

      before(async () => {
        fleet = await openScenario(engine, {
          sites: Object.fromEntries(names.map((name) => [name, ""])),
          // As many as there are: its own tokens, taken for strangers', would not fit.
          configuration: { serviceTokenLimit: 10, protect: true },
        });
        await succeed(fleet.up());
      });

      after(() => fleet.close());

      /** A new name changes names in Cloudflare, and nothing that a push depends on. */
      async function assertRenamed(stack: Pick<Scenario, "up" | "preview">, prefix: string): Promise<void> {
        fleet.takeRequests();
        for (const name of gone) {
          fleet.removeSite(name);
        }
        for (const run of [stack.preview, stack.up]) {
          assert.deepEqual(messagesOf(await run()), [refusal]);
        }
        assert.deepEqual(fleet.takeRequests().writes, []);
        for (const name of gone) {
          fleet.putSite(name);
        }
        const { serviceTokens, policies } = fleet.standIn.database;
        const tokens = [...serviceTokens.keys()];
        const text = await succeed(stack.up());
        assert.ok(!text.includes("warning:"), text);
        assert.deepEqual(tally(fleet.takeRequests().writes), {
          "PUT service_tokens/*": 10,
          "PUT policies/*": policies.size,
          "PUT apps/*": 4,
          "PUT dns_records/*": 2,
        });
        assert.deepEqual([...serviceTokens.keys()], tokens);
        assert.ok([...serviceTokens.values()].every(({ name }) => name.startsWith(prefix)));
      }

      it("keeps its brake and its tokens after `pulumi stack rename`", async () => {
        await succeed(fleet.command("stack", "rename", "live"));
        await assertRenamed(fleet.named("live"), "sitepass/live/");
      });

      it("keeps them after its project is renamed", async () => {
        await succeed(fleet.named("live").command("stack", "rename", "organization/telemetry/live"));
        const file = join(fleet.directory, "Pulumi.yaml");
        // Pulumi takes the keys there for the project's own, and sitepass' stay sitepass'.
        writeFileSync(
          file,
          readFileSync(file, "utf8")
            .replace(/^name: .*$/m, "name: telemetry")
            .replace(/^config:\n(?: .*\n)*/m, ""),
        );
        await assertRenamed(fleet.named("live"), "telemetry/live/");
      });
    },
  );

  describe(
    `what an interrupted run left, on ${engine.name}`,
    { skip: real && "on pulumi the one below stands for all" },
    () => {
      const cases = [
        { kind: "tunnel", path: /cfd_tunnel$/, rows: "tunnels" },
        { kind: "application", path: /apps$/, rows: "applications" },
        { kind: "record", path: /dns_records$/, rows: "dnsRecords" },
      ] as const;
      for (const { kind, path, rows } of cases) {
        it(`is named by preview, check and status, and taken in by adopt: ${kind}`, async () => {
          const fleet = await openScenario(engine, { sites: { tokyo: "" } });
          try {
            interrupt(fleet, path, { status: 400, code: 7003, message: "cut" });
            assert.notEqual((await fleet.up()).exitCode, 0);
            const [id = "", ...others] = fleet.standIn.database[rows].keys();
            assert.deepEqual(others, []);
            await assertNamed(fleet, id);
            await takeIn(fleet);
            assert.deepEqual(objectsIn(fleet), whole);
          } finally {
            await fleet.close();
          }
        });
      }
    },
  );

  describe(
    `a run that was killed, on ${engine.name}`,
    { skip: !real && "local/engine leaves no lock" },
    () => {
      it("leaves a lock that `pulumi cancel` takes away, and what adopt takes in", async () => {
        const fleet = await openScenario(engine, { sites: { tokyo: "" } });
        try {
          const path = /apps$/;
          interrupt(fleet, path, { status: 429, retryAfterSeconds: 60 });
          const killed = fleet.up();
          const asked = () =>
            fleet.standIn.requests.filter((one) => one.method === "POST" && one.path.endsWith("apps")).length;
          while (asked() < 3) {
            await delay(20);
          }
          killRunsIn(fleet.directory);
          assert.notEqual((await killed).exitCode, 0);
          const [locked = ""] = messagesOf(await fleet.up());
          assert.equal(
            locked,
            "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
          );
          await succeed(fleet.command("cancel", "--yes"));
          const [id = ""] = fleet.standIn.database.applications.keys();
          await assertNamed(fleet, id);
          await takeIn(fleet);
          assert.deepEqual(objectsIn(fleet), whole);
          // Until then every run warns of what the killed one was about to create.
          await succeed(fleet.command("refresh", "--yes", "--skip-preview", "--clear-pending-creates"));
          assert.ok(!(await succeed(fleet.preview())).includes("pending operations"));
        } finally {
          await fleet.close();
        }
      });
    },
  );
}

/** One site, whole. */
const whole = { tokens: 1, policies: 3, applications: 4, tunnels: 1, records: 2, alerts: 0 };

/** The first such object is made, and the answer lost; neither a second try nor another one comes about. */
function interrupt(fleet: Scenario, path: RegExp, fault: Omit<Fault, "match" | "times">): void {
  fleet.standIn.inject({ match: { method: "POST", path }, lostAnswer: true });
  fleet.standIn.inject({ match: { method: "POST", path }, times: 2, ...fault });
}

/** Preview, check and status name what was left in one sentence with its ID, and change nothing. */
async function assertNamed(fleet: Scenario, id: string): Promise<void> {
  fleet.takeRequests();
  const messages = messagesOf(await fleet.preview());
  assert.equal(messages.length, 1, messages.join("\n"));
  const { database } = fleet.standIn;
  const application = database.applications.get(id);
  const record = database.dnsRecords.get(id);
  const what =
    application !== undefined
      ? `application "${application.name}": covers ${application.destinations.map(({ uri }) => uri).join(" and ")}`
      : record !== undefined
        ? `DNS record CNAME ${record.name}: leads to ${record.content}`
        : 'tunnel "central-observability": exists';
  const otherwise =
    application !== undefined
      ? "delete it or move it to another host in the dashboard"
      : record !== undefined
        ? "delete it, or take another host name"
        : "give sitepass:publish.tunnel.name another name";
  const sentence = `${what} already (ID ${id}), and this stack does not hold it. If an interrupted run left it, or it is the one to use, take it in with \`npx sitepass adopt --stack prod\`; otherwise ${otherwise}.`;
  // local/engine says first which resource it is about.
  assert.ok(messages[0]?.endsWith(sentence), messages[0]);
  assert.deepEqual(fleet.takeRequests().writes, []);
  for (const args of [["check", "--reads-only"], ["status"]]) {
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, args);
    assert.equal(exitCode, 1, stdout + stderr);
    const named = (stdout + stderr).split("\n").filter((line) => line.includes(id));
    assert.equal(named.length, 1, stdout + stderr);
    assert.match(named[0] ?? "", /this stack(?:'s, which)? does not hold .*`npx sitepass adopt`/);
  }
}

/** All but when each was last written. */
const applicationsIn = ({ standIn }: Scenario) =>
  [...standIn.database.applications.values()].map((application) => ({ ...application, updated_at: "" }));

/** Adopts what was left, and goes on: what `up` makes then is the rest, and of what was taken in it writes applications once more. */
async function takeIn(fleet: Scenario): Promise<void> {
  const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["adopt"]);
  assert.equal(exitCode, 0, stdout + stderr);
  const document = join(fleet.directory, "adopt.prod.json");
  const { resources } = JSON.parse(readFileSync(document, "utf8")) as { resources: { type: string }[] };
  await succeed(fleet.importFile(document));
  const unchanged = applicationsIn(fleet);
  const there = objectsIn(fleet);
  fleet.takeRequests();
  await succeed(fleet.up());
  const made: Record<string, number> = {
    "POST service_tokens": whole.tokens - there.tokens,
    "POST policies": whole.policies - there.policies,
    "POST apps": whole.applications - there.applications,
    // The provider takes away what an import brought, which changes nothing (docs/facts/provider.md, P66).
    "PUT apps/*": resources.filter(({ type }) => type.endsWith(":ZeroTrustAccessApplication")).length,
    "POST dns_records": whole.records - there.records,
  };
  const { "PUT cfd_tunnel/*/configurations": ingress = 0, ...writes } = tally(fleet.takeRequests().writes);
  assert.ok(ingress <= 1);
  assert.deepEqual(writes, Object.fromEntries(Object.entries(made).filter(([, count]) => count > 0)));
  const now = applicationsIn(fleet);
  assert.deepEqual(
    now.filter(({ id }) => unchanged.some((one) => one.id === id)),
    unchanged,
  );
  assert.deepEqual(await writesOfUp(fleet), []);
}

/** Kills a run with all that it started: the program and the provider run in the project's folder, too. */
function killRunsIn(directory: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`) === directory) {
        process.kill(Number(pid), "SIGKILL");
      }
    } catch {
      // It has ended, or is another user's.
    }
  }
}
