import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { policyShardOf } from "../../provision/policy-shards";
import { zoneId } from "cloudflare-standin/api/database";
import { engines } from "../support/engines";
import { openScenario, tally, type Scenario, type ScenarioOptions, writesOfUp } from "../support/scenario";

const tunnelPublishing = { tunnel: { name: "central-observability" } };
const hostsWithoutOrigins = {
  metrics: { hostname: "prom.example.com" },
  logs: { hostname: "loki.example.com" },
};

for (const engine of engines) {
  /** Opens a scenario, makes it, and closes it whatever happens. */
  async function withFleet(
    options: ScenarioOptions,
    body: (fleet: Scenario) => Promise<void>,
  ): Promise<void> {
    const fleet = await openScenario(engine, options);
    try {
      await writesOfUp(fleet);
      await body(fleet);
    } finally {
      await fleet.close();
    }
  }

  const records = (fleet: Scenario): string[] =>
    [...fleet.standIn.database.dnsRecords.values()]
      .map(({ name, type, content, proxied }) => `${name} ${type} ${content} ${proxied ? "proxied" : "bare"}`)
      .sort();

  describe(`publishing on ${engine.name}`, () => {
    it("leads exactly the write paths through the tunnel, each checked for its own application's audience", async () => {
      await withFleet({ sites: { tokyo: "" } }, (fleet) => {
        const { tunnels, applications } = fleet.standIn.database;
        const audience = (domain: string) =>
          [...applications.values()].find((application) => application.domain === domain)?.aud;
        const [tunnel] = [...tunnels.values()];
        assert.ok(tunnel !== undefined);
        assert.deepEqual(tunnel.configuration.config, {
          ingress: [
            {
              hostname: "prom.example.com",
              path: "^/api/v1/write$",
              service: "http://localhost:9090",
              originRequest: {
                access: {
                  required: true,
                  teamName: "example-team",
                  audTag: [audience("prom.example.com/api/v1/write")],
                },
              },
            },
            {
              hostname: "loki.example.com",
              path: "^(?:/loki/api/v1/push|/otlp/v1/logs)$",
              service: "http://localhost:3100",
              originRequest: {
                access: {
                  required: true,
                  teamName: "example-team",
                  audTag: [audience("loki.example.com/loki/api/v1/push")],
                },
              },
            },
            {
              path: "^(?:/api/v1/write|/loki/api/v1/push|/otlp/v1/logs)$",
              service: "http_status:503",
            },
            { service: "http_status:404" },
          ],
        });
        assert.equal(tunnel.config_src, "cloudflare");
        assert.deepEqual(records(fleet), [
          `loki.example.com CNAME ${tunnel.id}.cfargotunnel.com proxied`,
          `prom.example.com CNAME ${tunnel.id}.cfargotunnel.com proxied`,
        ]);
        return Promise.resolve();
      });
    });

    it("protects the write paths by policy, without redirects, and the rest of the host by one that admits nobody", async () => {
      await withFleet({ sites: { tokyo: "" } }, (fleet) => {
        const { applications, policies, serviceTokens } = fleet.standIn.database;
        const policyNamed = (name: string) =>
          [...policies.values()].find((policy) => policy.name === `sitepass/prod/${name}`);
        const shard = policyShardOf("tokyo") + 1;
        assert.deepEqual(
          [...applications.values()]
            .map((application) => ({
              domain: application.domain,
              destinations: application.destinations.map((destination) => destination.uri),
              policies: application.policies,
              answers401: application.service_auth_401_redirect,
              launcher: application.app_launcher_visible,
              session: application.session_duration,
            }))
            .sort((a, b) => (a.domain < b.domain ? -1 : 1)),
          [
            { uris: ["loki.example.com"], policy: "nobody", precedence: 1 },
            {
              uris: ["loki.example.com/loki/api/v1/push", "loki.example.com/otlp/v1/logs"],
              policy: `push logs ${shard}/32`,
              precedence: shard,
            },
            { uris: ["prom.example.com"], policy: "nobody", precedence: 1 },
            {
              uris: ["prom.example.com/api/v1/write"],
              policy: `push metrics ${shard}/32`,
              precedence: shard,
            },
          ].map(({ uris, policy, precedence }) => ({
            domain: uris[0],
            destinations: uris,
            policies: [{ id: policyNamed(policy)?.id, precedence }],
            answers401: true,
            launcher: false,
            session: "30m",
          })),
        );
        assert.deepEqual(
          new Set([...policies.values()].map(({ decision }) => decision)),
          new Set(["non_identity"]),
        );
        for (const signal of ["metrics", "logs"]) {
          assert.deepEqual(policyNamed(`push ${signal} ${shard}/32`)?.include, [
            { service_token: { token_id: [...serviceTokens.keys()][0] } },
          ]);
        }
        assert.deepEqual(policyNamed("nobody")?.include, [{ ip: { ip: "192.0.2.1/32" } }]);
        return Promise.resolve();
      });
    });

    it("replaces each record when publishing changes from a tunnel to addresses and back, deleting first", async () => {
      await withFleet({ sites: { tokyo: "" } }, async (fleet) => {
        fleet.configure({
          endpoints: hostsWithoutOrigins,
          publish: { addresses: { metrics: "203.0.113.10", logs: "2001:db8::1" } },
        });
        const there = await writesOfUp(fleet);
        assert.deepEqual(tally(there), {
          "DELETE dns_records/*": 2,
          "POST dns_records": 2,
          "DELETE cfd_tunnel/*": 1,
        });
        assert.equal(there.at(-1), "DELETE cfd_tunnel/*");
        assert.deepEqual(records(fleet), [
          "loki.example.com AAAA 2001:db8::1 proxied",
          "prom.example.com A 203.0.113.10 proxied",
        ]);
        const { tunnelId, tunnelToken } = await fleet.outputs();
        assert.deepEqual([tunnelId, tunnelToken], [undefined, undefined]);
        assert.deepEqual(await writesOfUp(fleet), []);
        fleet.configure({ publish: tunnelPublishing });
        assert.deepEqual(tally(await writesOfUp(fleet)), {
          "POST cfd_tunnel": 1,
          "PUT cfd_tunnel/*/configurations": 1,
          "DELETE dns_records/*": 2,
          "POST dns_records": 2,
        });
      });
    });

    it("looks the zone up by its ID, and the team name in the organization", async () => {
      await withFleet(
        { sites: { tokyo: "" }, configuration: { zone: zoneId("example.com"), teamName: undefined } },
        async (fleet) => {
          fleet.takeRequests();
          assert.equal((await fleet.up()).exitCode, 0);
          assert.deepEqual(tally(fleet.takeRequests().reads), {
            "GET zones/*": 1,
            "GET organizations": 1,
            "GET service_tokens": 1,
            "GET cfd_tunnel/*/token": 1,
          });
          fleet.configure({ endpoints: { metrics: { hostname: "prom.example.net" } } });
          const { exitCode, text } = await fleet.up();
          assert.notEqual(exitCode, 0);
          assert.ok(
            text.includes(
              'sitepass:endpoints.metrics.hostname: is "prom.example.net", which is not in the zone example.com. Take a name directly below it, or set sitepass:zone to the zone it is in.',
            ),
            text,
          );
        },
      );
    });

    it("declares alerts only for addresses that are configured, and leaves what Cloudflare fills in", async () => {
      await withFleet(
        { sites: { tokyo: "" }, configuration: { alertEmails: ["ops@example.com"] } },
        async (fleet) => {
          const alerts = [...fleet.standIn.database.notificationPolicies.values()];
          assert.deepEqual(
            alerts
              .map(({ alert_type, mechanisms, filters }) => ({ alert_type, mechanisms, filters }))
              .sort((a, b) => (a.alert_type < b.alert_type ? -1 : 1)),
            [
              {
                alert_type: "expiring_service_token_alert",
                mechanisms: { email: [{ id: "ops@example.com" }] },
                filters: undefined,
              },
              {
                alert_type: "tunnel_health_event",
                mechanisms: { email: [{ id: "ops@example.com" }] },
                filters: { tunnel_id: [...fleet.standIn.database.tunnels.keys()] },
              },
            ],
          );
          assert.deepEqual(await writesOfUp(fleet), []);
          const { notificationPolicies } = fleet.standIn.database;
          for (const fill of [{}, { alert_interval: "" }, { alert_interval: "", filters: {} }]) {
            for (const [id, alert] of notificationPolicies) {
              // What is declared comes back; the rest is left out, or filled in.
              notificationPolicies.set(id, { ...fill, ...alert });
            }
            const { exitCode, text } = await fleet.refresh();
            assert.equal(exitCode, 0, text);
            assert.deepEqual(await writesOfUp(fleet), [], JSON.stringify(fill));
          }
          fleet.configure({ alertEmails: undefined });
          assert.equal((await writesOfUp(fleet)).length, 2);
          assert.equal(fleet.standIn.database.notificationPolicies.size, 0);
        },
      );
    });

    it("declares applications that nobody may pass as long as every site is shut out", async () => {
      await withFleet({ sites: { tokyo: "token: { enabled: false }\n" } }, (fleet) => {
        const [nobody, ...others] = [...fleet.standIn.database.policies.values()];
        assert.deepEqual([nobody?.name, others], ["sitepass/prod/nobody", []]);
        assert.deepEqual(
          [...fleet.standIn.database.applications.values()].map(
            ({ policies, service_auth_401_redirect: answers401 }) => ({
              policies,
              answers401,
            }),
          ),
          Array.from({ length: 4 }, () => ({
            policies: [{ id: nobody?.id, precedence: 1 }],
            answers401: true,
          })),
        );
        return Promise.resolve();
      });
    });

    it("moves a host name to applications of its own, and deletes the old ones last", async () => {
      await withFleet({ sites: { tokyo: "" } }, async (fleet) => {
        fleet.configure({
          endpoints: { metrics: { hostname: "push.example.com" }, logs: { hostname: "loki.example.com" } },
        });
        const writes = await writesOfUp(fleet);
        assert.deepEqual(tally(writes.slice(0, 3)), { "POST apps": 2, "PUT cfd_tunnel/*/configurations": 1 });
        assert.deepEqual(writes.slice(3), ["PUT dns_records/*", "DELETE apps/*", "DELETE apps/*"]);
        assert.deepEqual(await writesOfUp(fleet), []);
      });
    });
  });

  describe(`shards on ${engine.name}`, () => {
    it("changes the number of shards without a moment in which a site has no policy", async () => {
      await withFleet({ sites: { tokyo: "", osaka: "", kyoto: "" } }, async (fleet) => {
        fleet.changeProgram("policy-shards.ts", (source) => {
          assert.ok(source.includes("policyShardCount = 32"));
          return source.replace("policyShardCount = 32", "policyShardCount = 1");
        });
        const writes = await writesOfUp(fleet);
        assert.deepEqual(writes, [
          "POST policies",
          "POST policies",
          "PUT apps/*",
          "PUT apps/*",
          ...writes.filter((write) => write === "DELETE policies/*"),
        ]);
        // One for each signal, and the one that admits nobody.
        assert.equal(fleet.standIn.database.policies.size, 3);
      });
    });
  });
}
