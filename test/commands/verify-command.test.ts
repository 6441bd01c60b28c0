import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { engines, localEngine } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import { openVerifyWorld, type VerifyWorld } from "../support/verify-world";

const document = z.object({
  ok: z.boolean(),
  endpoints: z.array(z.object({ signal: z.string(), ok: z.boolean() })),
  sites: z.array(
    z.object({
      site: z.string(),
      signals: z.array(
        z.object({ signal: z.string(), expected: z.string(), ok: z.boolean(), probes: z.array(z.unknown()) }),
      ),
    }),
  ),
  problems: z.array(z.string()),
});

describe("sitepass verify", () => {
  let fleet: Scenario;
  let world: VerifyWorld;

  before(async () => {
    const [engine] = engines;
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { berlin: "signals: [metrics]\n", tokyo: "" } });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    world = await openVerifyWorld(fleet);
  });
  after(() => fleet.close());

  it("shows one row a site and signal, and ends with 0 when everything is as expected", async (t) => {
    const { edge } = await world.openPath(t);
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["verify", "--via", edge.url]);
    assert.equal(
      stdout,
      `site         signal   verdict  pushes    refused
(everybody)  metrics  ok                 4 of 4
(everybody)  logs     ok                 4 of 4
berlin       metrics  ok       let in    4 of 4
berlin       logs     ok       shut out  2 of 2
tokyo        metrics  ok       let in    4 of 4
tokyo        logs     ok       let in    3 of 3
2 sites tried: everything is as expected.
`,
    );
    assert.deepEqual([exitCode, stderr], [0, ""]);
  });

  it("puts problems first, and ends with 1", async (t) => {
    const { edge, connector } = await world.openPath(t);
    await connector.close();
    const { exitCode, stdout } = await sitepassOn(fleet, ["verify", "tokyo", "--via", edge.url]);
    const lines = stdout.split("\n");
    assert.deepEqual(lines.slice(1, 5), [
      "tokyo        metrics  problem  530 from Cloudflare (error code 1033)  4 of 4",
      "tokyo        logs     problem  530 from Cloudflare (error code 1033)  3 of 3",
      "(everybody)  metrics  ok                                              4 of 4",
      "(everybody)  logs     ok                                              4 of 4",
    ]);
    assert.match(
      lines[5] ?? "",
      /^error: tokyo \(metrics\): POST \/api\/v1\/write is answered with 530 .* Start cloudflared /,
    );
    assert.deepEqual([lines.length, lines[7], exitCode], [9, "Not as expected: 1 of 1 site.", 1]);
  });

  it("prints one JSON document, without a secret in it", async (t) => {
    const { edge } = await world.openPath(t);
    const { exitCode, stdout } = await sitepassOn(fleet, ["verify", "--json", "--via", edge.url]);
    const { ok, endpoints, sites, problems } = document.parse(JSON.parse(stdout));
    assert.deepEqual([ok, problems, exitCode], [true, [], 0]);
    assert.deepEqual(
      endpoints.map(({ signal }) => signal),
      ["metrics", "logs"],
    );
    assert.deepEqual(
      sites.flatMap(({ site, signals }) =>
        signals.map(({ signal, expected, probes }) => `${site} ${signal} ${expected} ${probes.length}`),
      ),
      [
        "berlin metrics delivered 5",
        "berlin logs refused 2",
        "tokyo metrics delivered 5",
        "tokyo logs delivered 5",
      ],
    );
    for (const { clientSecret } of Object.values(world.outputs.sites)) {
      assert.ok(!stdout.includes(clientSecret));
    }
  });

  it("refuses what it cannot do, and sends nothing", async () => {
    const refusals: readonly (readonly [args: readonly string[], exitCode: number, stderr: string])[] = [
      [
        ["toyko", "--via", "http://127.0.0.1:1"],
        1,
        "error: toyko: is not a site, for there is no sites/toyko.yaml. Did you mean tokyo?\n",
      ],
      [
        ["--via", "http://prom.example.com"],
        1,
        'error: --via: is "http://prom.example.com", which is plain http to another machine, and the sites\' secrets would cross the network in clear. Use https, or an address of this machine.\n',
      ],
      [
        ["--timeout", "5", "--via", "http://127.0.0.1:1"],
        2,
        "error: --timeout comes only with --watch.\nSee `sitepass --help`.\n",
      ],
    ];
    for (const [args, exitCode, stderr] of refusals) {
      const result = await sitepassOn(fleet, ["verify", ...args]);
      assert.deepEqual(result, { exitCode, stdout: "", stderr });
    }
  });

  it("asks for --via with a stack of local/engine", async () => {
    const local = await openScenario(localEngine, { sites: { tokyo: "" } });
    try {
      const { exitCode, stderr } = await sitepassOn(local, ["verify"]);
      assert.deepEqual(
        [exitCode, stderr],
        [
          1,
          "error: --via: is missing, and the hosts of a stack of local/engine exist on this machine only. Give the address that `npm run standin` prints.\n",
        ],
      );
    } finally {
      await local.close();
    }
  });

  it("watches until nothing is wrong", async (t) => {
    const { edge, connector, receiver } = await world.openPath(t);
    await connector.close();
    let started: Promise<Connector> | undefined;
    const { exitCode, stdout, stderr } = await sitepassOn(
      fleet,
      ["verify", "--watch", "--interval", "1", "--via", edge.url],
      {
        onText: (text) => {
          if (text.includes("Looking again")) {
            started ??= startConnector({
              database: fleet.standIn.database,
              tunnelToken: world.outputs.tunnelToken ?? "",
              services: new Map(world.stack.config.endpoints.map(({ origin }) => [origin, receiver.url])),
            });
          }
        },
      },
    );
    await (await started)?.close();
    const lines = stderr.trimEnd().split("\n");
    // What is wrong, and what to do; once, as long as it stays the same.
    const errors = lines.filter((line) => line.startsWith("error:"));
    assert.match(errors[0] ?? "", /answered with 530 .*\. Start cloudflared on the central host /);
    assert.deepEqual(lines.slice(0, errors.length), [...new Set(errors)]);
    for (const line of lines.slice(errors.length)) {
      assert.equal(line, "Not as expected: 2 of 2 sites. Looking again in 1 second.");
    }
    assert.match(stdout, /\n2 sites tried: everything is as expected\.\n$/);
    assert.equal(exitCode, 0);
  });

  it("gives up watching when the time is over, and shows what it found", async (t) => {
    const { edge, connector } = await world.openPath(t);
    await connector.close();
    const { exitCode, stdout } = await sitepassOn(fleet, [
      ...["verify", "--watch", "--interval", "60", "--timeout", "1", "--via", edge.url],
    ]);
    assert.match(stdout, /\nNot as expected: 2 of 2 sites\.\n$/);
    assert.equal(exitCode, 1);
  });

  it("ends with 130 at Ctrl-C, between two looks and in the midst of one", async (t) => {
    const { edge, connector } = await world.openPath(t);
    await connector.close();
    const between = new AbortController();
    const first = await sitepassOn(fleet, ["verify", "--watch", "--interval", "60", "--via", edge.url], {
      signal: between.signal,
      onText: () => {
        between.abort();
      },
    });
    assert.deepEqual([first.exitCode, first.stdout], [130, ""]);

    const inTheMidst = new AbortController();
    const hanging = await listenOnLoopback(() => {
      inTheMidst.abort();
    }, 0);
    t.after(() => hanging.close());
    const path = await world.openPath(t, { origin: hanging.url });
    const second = await sitepassOn(fleet, ["verify", "--via", path.edge.url], {
      signal: inTheMidst.signal,
    });
    assert.deepEqual([second.exitCode, second.stdout, second.stderr], [130, "", ""]);
  });
});
