import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pMap from "p-map";
import { LineFeed } from "../../bench/collectors/collector-process";
import { refreshAccessKeys } from "../../central/gate/access-keys";
import { updateSiteMap } from "../../central/gate/site-map";
import { exampleHost } from "../../central/testing/central-hosts";
import { bufferOf } from "../../collectors/buffers";
import { relayEndpoint } from "../../collectors/relay/relay";
import { orThrow } from "../../fleet/problem";
import { missingPrograms } from "../../local/central/running-host";
import {
  readServed,
  serveStack,
  type ServedStack,
  type ServedStackOptions,
} from "../../local/central/served-stack";
import { findProgram, goModules } from "../../local/programs/programs";
import { lokiBody, lokiHeaders } from "../../local/pushes/push-messages";
import { queryByLabel } from "../../local/run/origins";
import { runProcess } from "../../local/run/processes";
import { relayAbsent, startRelayProgram } from "../../local/run/relay-program";
import { probeMetric, startPrometheus, startScrapeTarget } from "../../local/run/site-prometheus";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { send, valuesOf, type ReceivedAnswer } from "cloudflare-standin/edge/http-messages";
import type { SignalName } from "../../fleet/signals";
import { credentialsOf, pushSample } from "../support/data-path";
import { localEngine } from "../support/engines";
import { hostilePushes, type HostilePush } from "../support/hostile-pushes";
import { startRendered, subjectFor } from "../support/rendered-collector";
import { openScenario, tally, type Scenario } from "../support/scenario";
import { openVerifyWorld } from "../support/verify-world";

const hosts = { metrics: "prom.example.com", logs: "loki.example.com" } as const;
const pusher = "nagoya";
const victim = "tokyo";

/** What was pushed by hostile pushes, in each store's language. */
const hostileData = {
  metrics: "hostile",
  logs: '{service_name=~".+"} |= "hostile_"',
} as const;

/** How the attempts are answered by kind; 503 is what collectors keep and send again. */
const answers = {
  "remote write 1.0: 204": 21,
  "remote write 1.0: 401": 3,
  "remote write 1.0: 404": 3,
  "remote write 2.0: 503": 12,
  "remote write 2.0 that says that it is 1.0: 204": 1,
  "Loki JSON: 204": 8,
  "Loki JSON: 401": 1,
};

/** Loki refuses a stream that names a label twice, which Alloy keeps the last of; and what an OTLP push is answered differs. */
const answersOf = {
  tenant: { ...answers, "Loki protobuf: 204": 7, "Loki protobuf: 400": 1, "OTLP logs: 204": 7 },
  label: { ...answers, "Loki protobuf: 204": 8, "OTLP logs: 200": 7 },
};

const absence = (missing: ReturnType<typeof missingPrograms>) =>
  missing.length > 0 && `not on this machine: ${missing.map(({ title }) => title).join(", ")}`;

describe("npm run central", { skip: absence(missingPrograms(exampleHost({ identity: "tenant" }))) }, () => {
  it("runs a host from the shipped stack, tells where to look and what arrived, and ends by itself", async () => {
    const args = ["--import", "tsx", join("local", "central", "main.ts"), "--for", "3"];
    const environment = { NO_COLOR: "1" };
    const { exitCode, stdout, stderr } = await runProcess(process.execPath, args, {
      cwd: join(__dirname, "..", ".."),
      environment,
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /│ gate +│ http:\/\/127\.0\.0\.1:\d+ +│ HAProxy version/);
    for (const name of ["vmagent", "prometheus", "loki"] as const) {
      const { title } = goModules[name];
      assert.match(stdout, new RegExp(`│ ${name} +│ \\S+ +│ ${title} `));
    }
    assert.match(stdout, /\/alerts +what is silent, refused, or about to expire/);
    assert.match(stdout, /│ tokyo +│ [1-9]\d* +│ [1-9]\d* +│\n└/);
    assert.doesNotMatch(stdout, /cfast_/);
  });
});

for (const identity of ["tenant", "label"] as const) {
  const skip = absence(missingPrograms(exampleHost({ identity })));

  describe(`a central host of real programs, with identity ${identity}`, { skip }, () => {
    let home: string;
    let fleet: Scenario;
    let edge: Edge;
    let served: ServedStack;
    let options: ServedStackOptions;
    const closers: (() => Promise<void>)[] = [];

    before(async () => {
      home = mkdtempSync(join(tmpdir(), "sitepass-host-"));
      fleet = await openScenario(localEngine, {
        sites: { nagoya: "", osaka: "signals: [logs]\n", tokyo: "" },
        configuration: { identity },
      });
      closers.push(() => fleet.close());
      await up();
      edge = await startEdge({ database: fleet.standIn.database });
      closers.push(() => edge.close());
      const hostHome = join(home, "host");
      mkdirSync(hostHome, { mode: 0o700 });
      const { args } = fleet.forSitepass;
      options = {
        home: hostHome,
        directory: fleet.directory,
        stackName: "prod",
        statePath: args[args.indexOf("--state") + 1] ?? "",
        standIn: fleet.standIn,
        edge,
      };
      served = await serveStack(options);
      closers.push(() => served.close());
    });
    after(async () => {
      for (const close of closers.reverse()) {
        await close();
      }
      rmSync(home, { recursive: true, force: true });
    });

    const up = async (): Promise<void> => {
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
    };

    const pushTo = async (
      site: string,
      { signal, path, headers, body }: Pick<HostilePush, "signal" | "path" | "headers" | "body">,
    ): Promise<ReceivedAnswer> =>
      send(edge.url, {
        host: hosts[signal],
        path,
        headers: [...(await credentialsOf(fleet, site)), ...headers],
        body,
      });

    /** What a store has, asked until there is as much: it shows a little later what it took. */
    const stored = async (signal: SignalName, selector: string, least: number) => {
      for (let tries = 0; ; tries += 1) {
        const found = await served.stored(signal, selector);
        const sum = [...found.values()].reduce((total, count) => total + count, 0);
        if (sum >= least || tries > 40) {
          return Object.fromEntries(found);
        }
        await delay(250);
      }
    };

    /** Under which names there are series, asked until there are some. */
    const written = async (selector: string): Promise<readonly string[]> => {
      for (let tries = 0; ; tries += 1) {
        const url = `${served.host.url("prometheus")}/api/v1/query`;
        const found = await queryByLabel(url, "provider", `count by (provider) (${selector})`);
        if (found.size > 0 || tries > 80) {
          return [...found.keys()];
        }
        await delay(250);
      }
    };

    const pushLine = (site: string, text: string, labels = {}): Promise<ReceivedAnswer> =>
      pushTo(site, {
        signal: "logs",
        path: "/loki/api/v1/push",
        headers: lokiHeaders("json"),
        body: lokiBody(
          [{ labels: { job: "x", ...labels }, lines: [{ timestamp: `${Date.now()}000000`, line: text }] }],
          "json",
        ),
      });

    it("takes what sites push, under their names", async () => {
      assert.equal(await pushSample(edge, pusher, await credentialsOf(fleet, pusher)), 204);
      assert.equal(await pushSample(edge, victim, await credentialsOf(fleet, victim)), 204);
      for (const site of [pusher, "osaka", victim]) {
        assert.equal((await pushLine(site, "honest")).status, 204);
      }
      assert.deepEqual(await stored("metrics", "pushed", 2), { nagoya: 1, tokyo: 1 });
      assert.deepEqual(await stored("logs", '{job="x"} |= "honest"', 3), { nagoya: 1, osaka: 1, tokyo: 1 });
    });

    it("has nobody write under another's name, in 64 attempts", async () => {
      const pushes = hostilePushes({ own: pusher, other: victim, siteLabel: "provider" });
      const found: string[] = [];
      for (const push of pushes) {
        const { status } = await pushTo(pusher, push);
        found.push(`${push.what.split(",")[0] ?? ""}: ${status}`);
      }
      assert.deepEqual(tally(found), answersOf[identity]);
      assert.deepEqual(await stored("metrics", hostileData.metrics, 21), { nagoya: 21 });
      const lines = identity === "label" ? 23 : 22;
      assert.deepEqual(await stored("logs", hostileData.logs, lines), { nagoya: lines });
    });

    it("has real collectors write as the site whose token they have, whatever name they were rendered for", async (t) => {
      const pass = (await fleet.outputs()).sites[victim];
      assert.ok(pass !== undefined);
      const paths = { metrics: ["/api/v1/write"], logs: ["/loki/api/v1/push", "/otlp/v1/logs"] } as const;
      const here = (["prometheus", "vmagent", "otelcol", "telegraf"] as const)
        .flatMap((name) => (["metrics", "logs"] as const).map((signal) => ({ name, signal })))
        .filter(({ name, signal }) => bufferOf(name, signal) !== undefined)
        .map(({ name, signal }) => subjectFor(name, signal))
        .filter(({ program }) => program !== undefined);
      const found = await pMap(here, async (subject) => {
        const { collector: name, signal, feed } = subject;
        const base = await edge.hostUrl(hosts[signal]);
        const site = {
          // Another's.
          name: pusher,
          siteLabel: "provider",
          labels: { collector: name },
          endpoints: { [signal]: { base, paths: paths[signal] } },
        };
        const { run } = await startRendered(t, subject, site, pass);
        const lines = feed === undefined ? undefined : new LineFeed(feed, run);
        const names =
          signal === "metrics"
            ? await written(`{collector="${name}"}`)
            : // Loki keeps what OTLP says of a resource as structured metadata.
              Object.keys(await stored("logs", `{service_name=~".+"} | collector="${name}"`, 1));
        lines?.stop();
        return [`${name}, ${signal}`, names] as const;
      });
      const everyone = here.map(({ collector, signal }) => [`${collector}, ${signal}`, [victim]]);
      assert.deepEqual(Object.fromEntries(found), Object.fromEntries(everyone));
    });

    it("keeps a new site waiting until the map knows it, and a site from what it may not push", async () => {
      fleet.putSite("fukuoka", "");
      await up();
      const before = await pushLine("fukuoka", "new");
      assert.equal(before.status, 503);
      assert.deepEqual(valuesOf(before.headers, "retry-after"), ["10"]);
      assert.deepEqual(valuesOf(before.headers, "x-sitepass-gate"), ["unknown-client"]);
      const { sites } = await readServed(options);
      const update = () => updateSiteMap(options.home, served.host.places.run, sites);
      assert.deepEqual(orThrow(await update()), { sites: 4, changed: true, gate: "updated" });
      assert.equal((await pushLine("fukuoka", "new")).status, 204);
      assert.deepEqual(orThrow(await update()), { sites: 4, changed: false, gate: "unchanged" });
    });

    it("is found good by verify", async () => {
      const world = await openVerifyWorld(fleet);
      assert.deepEqual(await world.problems({ edge }), []);
    });

    const nginx = relayAbsent("nginx");
    const prometheus = findProgram("prometheus", "prometheus") ?? "";

    it(
      "loses nothing of a real collector behind its relay while the gate and Prometheus are killed and Access changes its keys",
      { skip: nginx },
      async () => {
        const target = await startScrapeTarget();
        closers.push(() => target.close());
        const pass = (await fleet.outputs()).sites[pusher];
        assert.ok(pass !== undefined);
        const paths = ["/api/v1/write"] as const;
        const relay = await startRelayProgram("nginx", {
          endpoints: {
            metrics: { base: await edge.hostUrl(hosts.metrics), hostname: hosts.metrics, paths },
          },
          credentials: pass,
        });
        closers.push(() => relay.close());
        const collector = await startPrometheus({
          directory: join(home, "collector"),
          program: prometheus,
          version: goModules.prometheus.version,
          site: {
            name: pusher,
            siteLabel: "provider",
            labels: {},
            endpoints: { metrics: relayEndpoint(relay.port, "metrics", paths) },
          },
          credentials: undefined,
          target: { address: target.address, path: target.pathFor(pusher) },
        });
        closers.push(() => collector.close());
        const arrived = async (): Promise<number> =>
          (await served.stored("metrics", probeMetric)).get(pusher) ?? 0;
        const grows = async (): Promise<void> => {
          const before = await arrived();
          while ((await arrived()) <= before) {
            await delay(250);
          }
        };
        await grows();
        for (const name of ["gate", "prometheus"] as const) {
          const start = await served.host.kill(name);
          await delay(1500);
          await start();
        }
        await edge.rotateSigningKeys();
        await delay(1500);
        const url = new URL("/cdn-cgi/access/certs", edge.url);
        const { run, textfiles } = served.host.places;
        const refresh = () =>
          refreshAccessKeys(options.home, run, "example-team", {
            url,
            textfiles,
          });
        assert.deepEqual(orThrow(await refresh()), { changed: true, keys: 2, gate: "reloaded" });
        await grows();
        const scrapes = target.scrapesBy(pusher);
        for (let tries = 0; (await arrived()) < scrapes && tries < 80; tries += 1) {
          await delay(250);
        }
        assert.ok((await arrived()) >= scrapes, `${scrapes} scrapes, and ${await arrived()} samples arrived`);
        assert.equal(await collector.counter("prometheus_remote_storage_samples_failed_total"), 0);
      },
    );
  });
}
