import { orThrow } from "../../fleet/problem";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { startConnector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { startReceiver } from "../../local/pushes/receiver";
import { planPolicyShards } from "../../provision/policy-shards";
import { signals } from "../../fleet/signals";
import { readSiteFiles } from "../../fleet/site-files";
import { credentialsOf, pushSample } from "../support/data-path";
import { engines, type Engine } from "../support/engines";
import { makeByHand, type HandmadeFleet, type HandmadeOptions } from "../support/handmade-fleet";
import { openScenario, tally, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import assert from "node:assert/strict";

const adoptionSchema = z.looseObject({
  refusals: z.array(z.string()),
  files: z.array(z.object({ file: z.string(), outcome: z.string() })),
  sites: z.array(
    z.looseObject({ site: z.string(), tokenId: z.string(), tokenName: z.string(), adopted: z.boolean() }),
  ),
  imports: z.array(
    z.looseObject({
      type: z.string(),
      name: z.string(),
      parent: z.object({ type: z.string(), name: z.string() }),
      changes: z.array(z.looseObject({ property: z.string() })),
    }),
  ),
  losses: z.array(z.string()),
  leftOver: z.array(z.looseObject({ id: z.string(), tokens: z.number() })),
});

/** What of the state's file of local/engine is compared. */
const stateSchema = z.looseObject({
  resources: z.array(
    z.looseObject({ urn: z.string(), id: z.string(), inputs: z.record(z.string(), z.unknown()) }),
  ),
});

/** An empty project, a fleet made by hand, and the way that its pushes take. */
interface World {
  readonly fleet: Scenario;
  readonly made: HandmadeFleet;
  readonly edge: Edge;
  readonly close: () => Promise<void>;
}

async function openWorld(engine: Engine, options: HandmadeOptions): Promise<World> {
  const fleet = await openScenario(engine, { sites: {} });
  await fleet.init();
  const closing: (() => Promise<void>)[] = [fleet.close];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).reverse()) {
      await one();
    }
  };
  try {
    const made = await makeByHand(fleet.standIn, options);
    const { database } = fleet.standIn;
    const edge = await startEdge({ database });
    closing.push(() => edge.close());
    const receiver = await startReceiver();
    closing.push(() => receiver.close());
    const origins = [signals.metrics.defaultOrigin, signals.logs.defaultOrigin];
    const connector = await startConnector({
      database,
      tunnelToken: made.tunnelToken,
      services: new Map(origins.map((origin) => [origin, receiver.url])),
    });
    closing.push(() => connector.close());
    fleet.takeRequests();
    return { fleet, made, edge, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Pushes with each of the credentials in turn for as long as the work takes, and counts the answers. */
async function answersDuring(
  edge: Edge,
  credentials: readonly HeaderLines[],
  work: () => Promise<void>,
): Promise<Record<string, number>> {
  const running = { on: true };
  const answers: number[] = [];
  const pump = (async () => {
    for (let count = 0; running.on; count += 1) {
      // One at a time, so that at most one is on its way when something changes.
      answers.push(await pushSample(edge, "pushed", credentials[count % credentials.length] ?? []));
      await delay(20);
    }
  })();
  try {
    await work();
  } finally {
    running.on = false;
    await pump;
  }
  return tally(answers.map(String));
}

async function adopt(fleet: Scenario, ...args: string[]): Promise<z.infer<typeof adoptionSchema>> {
  const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["adopt", "--json", ...args]);
  assert.equal(exitCode, 0, stderr + stdout);
  return adoptionSchema.parse(JSON.parse(stdout));
}

const read = (fleet: Scenario, file: string): string => readFileSync(join(fleet.directory, file), "utf8");

const importFile = (fleet: Scenario) => fleet.importFile(join(fleet.directory, "adopt.prod.json"));

const tokyo = "Tokyo, rack A";
const koln = "Köln";

for (const engine of engines) {
  describe(`a fleet that was made by hand, on ${engine.name}`, () => {
    let world: World;
    let fleet: Scenario;
    let adoption: z.infer<typeof adoptionSchema>;

    before(async () => {
      world = await openWorld(engine, {
        tokens: { [tokyo]: ["metrics", "logs"], [koln]: ["metrics"], "CI deploy": [] },
      });
      ({ fleet } = world);
    });

    after(() => world.close());

    const headersOf = (token: string): HeaderLines => world.made.tokens[token]?.headers ?? [];

    it("gets a site file for each token that may push, and changes nothing in Cloudflare", async () => {
      adoption = await adopt(fleet, "--rotate");
      assert.deepEqual(fleet.takeRequests().writes, []);
      assert.deepEqual(
        adoption.sites.map(({ site, tokenName }) => `${site} ${tokenName}`),
        [`koln ${koln}`, `tokyo-rack-a ${tokyo}`],
      );
      assert.deepEqual(adoption.files, [
        { file: "sites/koln.yaml", outcome: "written" },
        { file: "sites/tokyo-rack-a.yaml", outcome: "written" },
        { file: "adopt.prod.json", outcome: "written" },
      ]);
      assert.match(
        read(fleet, "sites/koln.yaml"),
        /^# yaml-language-server: \$schema=\.\.\/site\.schema\.json\ndescription: Köln\nsignals: \[metrics\]\ntoken:\n {2}secretVersion: 2\n {2}previousSecretExpiresAt: \d{4}-\d\d-\d\dT\d\d:\d\d:00Z\n$/,
      );
      assert.deepEqual(adoption.losses, []);
    });

    it("says the same when it is asked again, and writes nothing twice", async () => {
      const documents = ["sites/koln.yaml", "adopt.prod.json"].map((file) => read(fleet, file));
      const again = await adopt(fleet, "--rotate");
      assert.deepEqual(again.files, [{ file: "adopt.prod.json", outcome: "unchanged" }]);
      assert.deepEqual(again.imports, adoption.imports);
      assert.deepEqual(
        ["sites/koln.yaml", "adopt.prod.json"].map((file) => read(fleet, file)),
        documents,
      );
    });

    it("is taken into the state of a stack that was never up, by reading alone", async () => {
      fleet.takeRequests();
      const { exitCode, text } = await importFile(fleet);
      assert.equal(exitCode, 0, text);
      assert.deepEqual(fleet.takeRequests().writes, []);
    });

    it("is brought into shape by the first up with updates alone, while every push with an old secret arrives", async () => {
      const inputsBefore = inputsIn(fleet, engine);
      fleet.takeRequests();
      const answers = await answersDuring(world.edge, [headersOf(tokyo), headersOf(koln)], async () => {
        const { exitCode, text } = await fleet.up();
        assert.equal(exitCode, 0, text);
        await delay(200);
      });
      // The one on its way when the connector begins to ask for the new application's audience (docs/adopting.md).
      const { "403": late = 0, ...others } = answers;
      assert.ok(late <= 1, `${late} pushes were refused`);
      assert.deepEqual(Object.keys(others), ["204"]);
      assert.ok((answers["204"] ?? 0) > 20, `${answers["204"] ?? 0} pushes were sent`);
      const shards = planPolicyShards([
        siteOf("tokyo-rack-a", ["metrics", "logs"]),
        siteOf("koln", ["metrics"]),
      ]).length;
      assert.deepEqual(tally(fleet.takeRequests().writes), {
        "PUT service_tokens/*": 2,
        // And the one that admits nobody.
        "POST policies": shards + 1,
        // The two on the write paths, which the fleet did not have.
        "POST apps": 2,
        "PUT apps/*": 2,
        "PUT cfd_tunnel/*/configurations": 1,
        "PUT dns_records/*": 2,
      });
      assertPromised(adoption, inputsBefore, inputsIn(fleet, engine));
    });

    it("keeps its client IDs, and has new secrets that work beside the old ones", async () => {
      const { sites, tunnelId } = await fleet.outputs();
      assert.equal(tunnelId, world.made.tunnelId);
      assert.deepEqual(
        Object.entries(sites).map(([name, { clientId }]) => [name, clientId]),
        [
          ["koln", world.made.tokens[koln]?.clientId],
          ["tokyo-rack-a", world.made.tokens[tokyo]?.clientId],
        ],
      );
      for (const site of ["koln", "tokyo-rack-a"]) {
        assert.equal(await pushSample(world.edge, site, await credentialsOf(fleet, site)), 204);
      }
      assert.equal(await pushSample(world.edge, "koln", headersOf(koln)), 204);
      assert.equal(await pushSample(world.edge, "other", headersOf("CI deploy")), 401);
    });

    it("is at rest after that: a second up changes nothing, and there is nothing left to adopt", async () => {
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      assert.deepEqual(fleet.takeRequests().writes, []);
      const { imports, files, sites } = await adopt(fleet, "--rotate");
      assert.deepEqual([imports, files], [[], []]);
      assert.deepEqual(
        sites.map(({ site, adopted }) => [site, adopted]),
        [
          ["koln", true],
          ["tokyo-rack-a", true],
        ],
      );
    });

    it("refuses a second import of the same file", async () => {
      const { exitCode, text } = await importFile(fleet);
      assert.notEqual(exitCode, 0);
      assert.match(text, /already exists/);
    });

    it("cannot lose a site while a left-over policy names its token, and can when that is deleted", async () => {
      assert.deepEqual(
        adoption.leftOver.map(({ id, tokens }) => [id, tokens]),
        [
          [world.made.policies.metrics, 2],
          [world.made.policies.logs, 1],
        ],
      );
      fleet.removeSite("koln");
      const refused = await fleet.up();
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.text, /12139/);
      await world.made.client.zeroTrust.access.policies.delete(world.made.policies.metrics, {
        account_id: fleet.standIn.database.accountId,
      });
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      assert.deepEqual(Object.keys((await fleet.outputs()).sites), ["tokyo-rack-a"]);
    });
  });

  describe(`a fleet whose tunnel checks for audiences already, on ${engine.name}`, () => {
    it("keeps the application that pushes come through, and loses no push", async () => {
      const world = await openWorld(engine, { tokens: { [tokyo]: ["metrics", "logs"] }, checked: true });
      const { fleet, made } = world;
      try {
        const { imports } = await adopt(fleet);
        assert.deepEqual(
          imports.filter(({ name }) => /whole-host|write-paths/.test(name)).map(({ name }) => name),
          ["metrics-write-paths-prom.example.com", "logs-write-paths-loki.example.com"],
        );
        const imported = await importFile(fleet);
        assert.equal(imported.exitCode, 0, imported.text);
        const headers = made.tokens[tokyo]?.headers ?? [];
        const answers = await answersDuring(world.edge, [headers], async () => {
          const { exitCode, text } = await fleet.up();
          assert.equal(exitCode, 0, text);
          await delay(200);
        });
        assert.deepEqual(Object.keys(answers), ["204"]);
        const writing = fleet.standIn.database.applications.get(made.applications.metrics.id);
        assert.ok(writing !== undefined);
        assert.equal(writing.aud, made.applications.metrics.aud);
        assert.deepEqual(
          writing.destinations.map(({ uri }) => uri),
          ["prom.example.com/api/v1/write"],
        );
        assert.equal(fleet.standIn.database.applications.size, 4);
      } finally {
        await world.close();
      }
    });
  });

  describe(`a fleet whose secrets were not rotated, on ${engine.name}`, () => {
    it("has no secret in its outputs when it is not rotated, and works on", async () => {
      const world = await openWorld(engine, { tokens: { [tokyo]: ["metrics"] } });
      const { fleet, made } = world;
      try {
        await adopt(fleet);
        for (const run of [await importFile(fleet), await fleet.up()]) {
          assert.equal(run.exitCode, 0, run.text);
        }
        assert.equal((await fleet.outputs()).sites["tokyo-rack-a"]?.clientSecret, "");
        assert.equal(await pushSample(world.edge, "tokyo", made.tokens[tokyo]?.headers ?? []), 204);
        const { exitCode, stderr } = await sitepassOn(fleet, ["output", "tokyo-rack-a", "--format", "env"]);
        assert.equal(exitCode, 1);
        assert.match(stderr, /^error: sites\/tokyo-rack-a\.yaml: its .*token was adopted/);
      } finally {
        await world.close();
      }
    });
  });
}

const [localEngine] = engines;

describe("sitepass adopt", () => {
  it("refuses to take other services down, and goes on when that is accepted", async () => {
    assert.ok(localEngine !== undefined);
    const world = await openWorld(localEngine, {
      tokens: { [tokyo]: ["metrics", "logs"] },
      otherRoutes: [{ hostname: "grafana.example.com", service: "http://localhost:3000" }],
    });
    const { fleet } = world;
    try {
      const { exitCode, stderr } = await sitepassOn(fleet, ["adopt"]);
      assert.equal(exitCode, 1);
      assert.deepEqual(stderr.split("\n"), [
        'error: tunnel "central-observability": leads grafana.example.com to http://localhost:3000, and `up` replaces its rules by those of this stack. Move that to a tunnel of its own first.',
        "error: --accept-losses: is not given, and 1 thing that may work today would stop with the next `up`. Fix it as said above, or pass it to go on.",
        "",
      ]);
      assert.deepEqual(readdirSync(join(fleet.directory, "sites")), []);
      assert.ok(!existsSync(join(fleet.directory, "adopt.prod.json")));
      const dry = await adopt(fleet, "--accept-losses", "--dry-run");
      assert.deepEqual(
        dry.files.map(({ file }) => file),
        ["sites/tokyo-rack-a.yaml", "adopt.prod.json"],
      );
      assert.deepEqual(readdirSync(join(fleet.directory, "sites")), []);
      const accepted = await sitepassOn(fleet, ["adopt", "--accept-losses"]);
      assert.equal(accepted.exitCode, 0, accepted.stderr);
      assert.match(
        accepted.stdout,
        /Accepted loss tunnel "central-observability": leads grafana\.example\.com/,
      );
      assert.deepEqual(readdirSync(join(fleet.directory, "sites")), ["tokyo-rack-a.yaml"]);
    } finally {
      await world.close();
    }
  });

  it("takes over a record of another type, which the first up then replaces", async () => {
    assert.ok(localEngine !== undefined);
    const world = await openWorld(localEngine, { tokens: { [tokyo]: ["metrics", "logs"] } });
    const { fleet, made } = world;
    const { dnsRecords } = fleet.standIn.database;
    try {
      const [cname] = [...dnsRecords.values()].filter(({ name }) => name === "loki.example.com");
      assert.ok(cname !== undefined);
      await made.client.dns.records.update(cname.id, {
        zone_id: cname.zoneId,
        type: "A",
        name: "loki.example.com",
        content: "203.0.113.9",
        proxied: true,
        ttl: 1,
      });
      const { losses } = await adopt(fleet, "--accept-losses");
      assert.equal(losses.length, 1);
      const imported = await importFile(fleet);
      assert.equal(imported.exitCode, 0, imported.text);
      fleet.takeRequests();
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
      const writes = fleet.takeRequests().writes.filter((write) => write.includes("dns_records"));
      assert.deepEqual(tally(writes), {
        "PUT dns_records/*": 1,
        "DELETE dns_records/*": 1,
        "POST dns_records": 1,
      });
      assert.deepEqual(
        [...dnsRecords.values()].map(({ name, type, content }) => [name, type, content]).sort(),
        [
          ["loki.example.com", "CNAME", `${made.tunnelId}.cfargotunnel.com`],
          ["prom.example.com", "CNAME", `${made.tunnelId}.cfargotunnel.com`],
        ],
      );
    } finally {
      await world.close();
    }
  });

  it("leaves whole files when it is killed while it writes, and goes on from there", async () => {
    assert.ok(localEngine !== undefined);
    const names = Array.from({ length: 200 }, (_, index) => `site-${index + 1}`);
    const fleet = await openScenario(localEngine, {
      sites: {},
      limits: { serviceTokens: 1000 },
      configuration: { serviceTokenLimit: 1000 },
    });
    await fleet.init();
    try {
      await makeByHand(fleet.standIn, {
        tokens: Object.fromEntries(names.map((name) => [name, ["metrics"]])),
      });
      const sites = join(fleet.directory, "sites");
      const written = (): string[] => readdirSync(sites).filter((file) => !file.startsWith("."));
      for (const count of [1, 90]) {
        assert.equal(await killedAt(fleet, () => written().length >= count), "SIGKILL");
        assert.ok(written().length >= count && written().length < names.length, `${written().length} files`);
        const read = orThrow(readSiteFiles(sites));
        assert.deepEqual(
          read.filter(({ values }) => !isDeepStrictEqual(values.signals, ["metrics"])),
          [],
        );
        assert.ok(!existsSync(join(fleet.directory, "adopt.prod.json")));
      }
      const { files, imports } = await adopt(fleet);
      assert.equal(written().length, names.length);
      assert.ok(files.length < names.length);
      assert.equal(
        imports.filter(({ type }) => type.endsWith(":ZeroTrustAccessServiceToken")).length,
        names.length,
      );
    } finally {
      await fleet.close();
    }
  });
});

/** Runs adopt, and kills it as soon as something is so in `sites/`; returns the signal that ended it. */
async function killedAt(fleet: Scenario, isSo: () => boolean): Promise<NodeJS.Signals | null> {
  const program = join(__dirname, "..", "..", "bin", "sitepass.cjs");
  const child = spawn(process.execPath, [program, "adopt", ...fleet.forSitepass.args], {
    // Slowed down, so that it can be killed between two files however busy the machine is.
    env: {
      ...process.env,
      ...fleet.forSitepass.environment,
      NODE_OPTIONS: `--require ${join(__dirname, "..", "support", "slow-links.cjs")}`,
    },
    stdio: "ignore",
  });
  const watcher = watch(join(fleet.directory, "sites"), () => {
    if (isSo()) {
      child.kill("SIGKILL");
    }
  });
  await once(child, "close");
  watcher.close();
  return child.signalCode;
}

type Inputs = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** What the state has as inputs, by URN; only local/engine's file can be read here. */
function inputsIn(fleet: Scenario, engine: Engine): Inputs | undefined {
  return engine.name === "local/engine"
    ? new Map(
        stateSchema.parse(JSON.parse(fleet.storedText())).resources.map(({ urn, inputs }) => [urn, inputs]),
      )
    : undefined;
}

/** What the import of an application brings, and an update then takes out of the state without an effect (docs/facts/provider.md, P66). */
const takenAway = ["autoRedirectToIdentity", "enableBindingCookie", "optionsPreflightBypass"];

/** Every imported object is the resource that the program declares, and changed in what was promised and nothing else. */
function assertPromised(
  { imports }: z.infer<typeof adoptionSchema>,
  earlier: Inputs | undefined,
  later: Inputs | undefined,
): void {
  if (earlier === undefined || later === undefined) {
    return;
  }
  for (const { type, name, parent, changes } of imports) {
    const urn = `urn:pulumi:prod::sitepass::${parent.type}$${type}::${name}`;
    assert.deepEqual(
      changes.map(({ property }) => property).sort(),
      differences(earlier, later, urn).filter((property) => !takenAway.includes(property)),
      urn,
    );
  }
}

function differences(earlier: Inputs, later: Inputs, urn: string): readonly string[] {
  const before = earlier.get(urn);
  const after = later.get(urn);
  assert.ok(before !== undefined && after !== undefined, `${urn} is in the state before and after`);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((property) => JSON.stringify(before[property]) !== JSON.stringify(after[property]))
    .sort();
}

function siteOf(name: string, names: ("metrics" | "logs")[]): Parameters<typeof planPolicyShards>[0][number] {
  return {
    name,
    signals: names,
    token: { duration: "8760h", enabled: true, secretVersion: 1, previousSecretExpiresAt: undefined },
  };
}
