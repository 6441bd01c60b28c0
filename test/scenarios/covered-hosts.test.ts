import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import { startReceiver } from "../../local/pushes/receiver";
import { runProcess } from "../../local/run/processes";
import { policyShardOf } from "../../provision/policy-shards";
import { openTestDataPath } from "../support/data-path";
import { engines } from "../support/engines";
import {
  openScenario,
  siteNameInPolicyShard,
  tally,
  type Scenario,
  type ScenarioOptions,
  writesOfUp,
} from "../support/scenario";
import { answersWhile, logsPush, metricsPush, query } from "../support/steady-traffic";

const address = "203.0.113.10";
const byAddress = { addresses: { metrics: address, logs: address } };
const bareHosts = { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } };
const movedHosts = { ...bareHosts, metrics: { hostname: "push.example.com" } };

/** What may be answered while nothing is lost and nothing open: delivered, kept by whoever pushes, refused by Access. */
const harmless = /^POST \S+ (?:origin 204|cloudflared 503|dns 530)$|^GET \S+ (?:access 401|dns 530)$/;

const harmful = (answers: Readonly<Record<string, number>>): readonly string[] =>
  Object.keys(answers).filter((answer) => !harmless.test(answer));

for (const engine of engines) {
  /** Opens a scenario, makes it, and opens the way of its pushes. */
  async function withTraffic(
    options: ScenarioOptions,
    body: (fleet: Scenario, edge: Edge) => Promise<void>,
    prepare: (fleet: Scenario) => void = () => undefined,
  ): Promise<void> {
    const fleet = await openScenario(engine, options);
    try {
      prepare(fleet);
      await writesOfUp(fleet);
      if ((await fleet.outputs()).tunnelToken !== undefined) {
        const path = await openTestDataPath(fleet);
        await body(fleet, path.edge).finally(path.close);
        return;
      }
      const receiver = await startReceiver();
      const edge = await startEdge({
        database: fleet.standIn.database,
        addresses: new Map([[address, receiver.url]]),
      });
      await body(fleet, edge).finally(async () => {
        await edge.close();
        await receiver.close();
      });
    } finally {
      await fleet.close();
    }
  }

  /** One call fails, and the others take their time. */
  async function failingUp(fleet: Scenario, method: string, path: RegExp): Promise<void> {
    fleet.standIn.inject({ match: { method, path }, status: 400, message: "refused by the scenario" });
    slowly(fleet);
    const { exitCode, text } = await fleet.up();
    assert.notEqual(exitCode, 0);
    assert.match(text, /refused by the scenario/);
  }

  async function credentials(fleet: Scenario): Promise<ReadonlyMap<string, HeaderLines>> {
    const { sites } = await fleet.outputs();
    return new Map(
      Object.entries(sites).map(([name, { clientId, clientSecret }]) => [
        name,
        tokenHeaders(clientId, clientSecret),
      ]),
    );
  }

  const slowly = (fleet: Scenario): void => {
    fleet.standIn.inject({ match: { path: /access|dns_records|cfd_tunnel/ }, times: 12, latencyMs: 250 });
  };

  describe(`a host name that changes on ${engine.name}`, () => {
    for (const [way, publish] of [
      ["by a tunnel", { tunnel: { name: "central-observability" } }],
      ["by address", byAddress],
    ] as const) {
      it(`is covered until nothing leads there, also when the record cannot be moved: ${way}`, async () => {
        const configuration = { publish, endpoints: bareHosts };
        await withTraffic({ sites: { tokyo: "" }, configuration }, async (fleet, edge) => {
          const headers = (await credentials(fleet)).get("tokyo") ?? [];
          const requests = [
            metricsPush("tokyo", headers),
            logsPush("tokyo", headers),
            query("prom.example.com"),
            query("push.example.com"),
          ];
          fleet.configure({ endpoints: movedHosts });
          const failed = await answersWhile(edge, requests, async () => {
            await failingUp(fleet, "PUT", /dns_records/);
          });
          assert.deepEqual(harmful(failed), []);
          assert.ok((failed["GET prom.example.com access 401"] ?? 0) > 10, JSON.stringify(failed));
          // The other signal's host is not concerned.
          assert.deepEqual(
            Object.keys(failed).filter((answer) => answer.includes("loki")),
            ["POST loki.example.com origin 204"],
          );
          const moved = await answersWhile(edge, requests, async () => {
            assert.deepEqual(tally(await writesOfUp(fleet)), { "PUT dns_records/*": 1, "DELETE apps/*": 2 });
          });
          assert.deepEqual(harmful(moved), []);
          assert.ok(moved["GET prom.example.com dns 530"], JSON.stringify(moved));
          assert.ok(moved["GET push.example.com access 401"], JSON.stringify(moved));
          assert.equal(fleet.standIn.database.applications.size, 4);
        });
      });
    }

    it("can be changed back after a failure", async () => {
      const configuration = { publish: byAddress, endpoints: bareHosts };
      await withTraffic({ sites: { tokyo: "" }, configuration }, async (fleet) => {
        const audiences = () =>
          [...fleet.standIn.database.applications.values()].map(({ aud }) => aud).sort();
        const before = audiences();
        fleet.configure({ endpoints: movedHosts });
        await failingUp(fleet, "PUT", /dns_records/);
        fleet.configure({ endpoints: bareHosts });
        assert.deepEqual(await writesOfUp(fleet), ["DELETE apps/*", "DELETE apps/*"]);
        assert.deepEqual(audiences(), before);
      });
    });
  });

  if (engine.name === "pulumi") {
    describe("an application that is made anew on pulumi", () => {
      it("leaves no moment in which its host leads to the origin", async () => {
        const configuration = { publish: byAddress, endpoints: bareHosts };
        await withTraffic({ sites: { tokyo: "" }, configuration }, async (fleet, edge) => {
          const { args, environment } = fleet.forSitepass;
          const urn =
            /urn:pulumi:[^"]*::metrics-whole-host-prom\.example\.com/.exec(fleet.storedText())?.[0] ?? "";
          fleet.takeRequests();
          const answers = await answersWhile(edge, [query("prom.example.com")], async () => {
            slowly(fleet);
            const { exitCode, text } = await runProcess(
              "pulumi",
              ["up", "--yes", "--skip-preview", "--non-interactive", "--target-replace", urn, ...args],
              { cwd: fleet.directory, environment },
            );
            assert.equal(exitCode, 0, text);
          });
          assert.deepEqual(fleet.takeRequests().writes, [
            "DELETE dns_records/*",
            "DELETE apps/*",
            "POST apps",
            "POST dns_records",
          ]);
          assert.deepEqual(harmful(answers), []);
        });
      });
    });
  }

  describe(`sites that gain a signal on ${engine.name}`, () => {
    const gaining = Array.from({ length: 10 }, (_, index) => `site-${index + 1}`);
    // Each has one in its shard that gains nothing, so that the policy that both are in goes on.
    const peers = gaining.map((name) =>
      siteNameInPolicyShard((shard) => shard === policyShardOf(name), `peer-of-${name}`),
    );
    const names = [...gaining, ...peers];

    it("are not cut off from the one they have, also when an application cannot be changed", async () => {
      const sites = Object.fromEntries(names.map((name) => [name, "signals: [metrics]\n"]));
      await withTraffic({ sites }, async (fleet, edge) => {
        const known = await credentials(fleet);
        const pushes = names.map((name) => metricsPush(name, known.get(name) ?? []));
        for (const name of gaining) {
          fleet.putSite(name);
        }
        const failed = await answersWhile(edge, pushes, async () => {
          await failingUp(fleet, "PUT", /access\/apps/);
        });
        assert.deepEqual(Object.keys(failed), ["POST prom.example.com origin 204"]);
        const gained = await answersWhile(edge, pushes, async () => {
          slowly(fleet);
          await writesOfUp(fleet);
        });
        assert.deepEqual(Object.keys(gained), ["POST prom.example.com origin 204"]);
        const both = gaining.flatMap((name) => [
          metricsPush(name, known.get(name) ?? []),
          logsPush(name, known.get(name) ?? []),
        ]);
        for (const name of gaining) {
          fleet.putSite(name, "signals: [logs]\n");
        }
        // And lose the other one again: what stays goes on.
        const lost = await answersWhile(edge, both, async () => {
          await writesOfUp(fleet);
        });
        assert.deepEqual(
          Object.keys(lost).filter((answer) => answer.includes("loki")),
          ["POST loki.example.com origin 204"],
        );
      });
    });
  });

  describe(`a stack of before the policies of one signal on ${engine.name}`, () => {
    const files = ["policy-shards.ts", "push-policies.ts", "push-endpoint.ts"];
    const support = join(__dirname, "..", "support", "earlier-program");

    const putEarlierProgram = ({ changeProgram }: Scenario): void => {
      for (const file of files) {
        changeProgram(file, () => readFileSync(join(support, `${file}.txt`), "utf8"));
      }
    };
    const putProgram = ({ changeProgram }: Scenario): void => {
      for (const file of files) {
        changeProgram(file, () => readFileSync(join(__dirname, "..", "..", "provision", file), "utf8"));
      }
    };

    it("moves without an outage, a new secret or a new application, also when an application cannot be changed", async () => {
      const sites = { tokyo: "", osaka: "", kyoto: "signals: [metrics]\n", nara: "signals: [logs]\n" };
      await withTraffic(
        { sites },
        async (fleet, edge) => {
          const known = await credentials(fleet);
          const outputs = await fleet.outputs();
          const applications = [...fleet.standIn.database.applications.values()];
          const domains = () =>
            [...fleet.standIn.database.applications.values()].map(({ domain }) => domain).sort();
          const before = domains();
          const headersOf = (name: string) => known.get(name) ?? [];
          const pushes = [
            ...["tokyo", "osaka", "kyoto"].map((name) => metricsPush(name, headersOf(name))),
            ...["tokyo", "osaka", "nara"].map((name) => logsPush(name, headersOf(name))),
          ];
          const delivered = ["POST loki.example.com origin 204", "POST prom.example.com origin 204"];
          putProgram(fleet);

          // Both at once is refused before the host's applications are touched: it would be open for a while.
          fleet.configure({ endpoints: movedHosts });
          const refused = await answersWhile(edge, pushes, async () => {
            for (const { exitCode, text } of [await fleet.preview(), await fleet.up()]) {
              assert.notEqual(exitCode, 0);
              assert.ok(
                text.includes(
                  'sitepass:endpoints.metrics.hostname: is "push.example.com", and the stack\'s applications have to be renamed once before they can be moved: prom.example.com would be open until its DNS record has moved. Set it back to prom.example.com, run `pulumi up`, and then change it.',
                ),
                text,
              );
            }
          });
          assert.deepEqual(Object.keys(refused).sort(), delivered);
          assert.deepEqual(domains(), before);

          fleet.configure({ endpoints: bareHosts });
          const failed = await answersWhile(edge, pushes, async () => {
            await failingUp(fleet, "PUT", /access\/apps/);
          });
          assert.deepEqual(Object.keys(failed).sort(), delivered);
          const moved = await answersWhile(edge, pushes, async () => {
            slowly(fleet);
            await writesOfUp(fleet);
          });
          assert.deepEqual(Object.keys(moved).sort(), delivered);
          assert.deepEqual(await fleet.outputs(), outputs);
          assert.deepEqual(
            [...fleet.standIn.database.applications.values()].map(({ id, aud }) => [id, aud]).sort(),
            applications.map(({ id, aud }) => [id, aud]).sort(),
          );
          const policyNames = [...fleet.standIn.database.policies.values()].map(({ name }) => name);
          assert.deepEqual(
            policyNames.filter((name) => name.includes("+")),
            [],
          );
          assert.deepEqual(await writesOfUp(fleet), []);
        },
        putEarlierProgram,
      );
    });

    it("was made by the program of then", () => {
      // The fixtures would prove nothing if they were the program of today.
      for (const file of files) {
        assert.notEqual(
          readFileSync(join(support, `${file}.txt`), "utf8"),
          readFileSync(join(__dirname, "..", "..", "provision", file), "utf8"),
        );
      }
    });
  });

  describe(`a rotation that up comes to late on ${engine.name}`, () => {
    const rotation = (end: Date): string =>
      `token: { secretVersion: 2, previousSecretExpiresAt: ${end.toISOString().slice(0, 19)}Z }\n`;
    const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 60 * 60 * 1000);

    it("is refused in previews and in up once its window has closed, with an hour's grace that is announced", async () => {
      const fleet = await openScenario(engine, { sites: { tokyo: "" } });
      try {
        await writesOfUp(fleet);
        fleet.putSite("tokyo", rotation(hoursAgo(2)));
        for (const { exitCode, text } of [await fleet.preview(), await fleet.up()]) {
          assert.notEqual(exitCode, 0);
          assert.match(
            text,
            /sites\/tokyo: token\.secretVersion rises from 1 to 2, and the window of that rotation closed .* ago \(.*\): the secret in use would stop with this up/,
          );
        }
        assert.deepEqual(fleet.takeRequests().writes, []);
        fleet.putSite("tokyo", rotation(hoursAgo(0.5)));
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        assert.match(text, /sites\/tokyo: the secret in use stops with this up\./);
        assert.deepEqual(fleet.takeRequests().writes, ["PUT service_tokens/*"]);
      } finally {
        await fleet.close();
      }
    });
  });
}
