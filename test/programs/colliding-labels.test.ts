import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { parse, stringify, type TomlTable } from "smol-toml";
import { parseDocument, type Document } from "yaml";
import type { Collector, CollectorSite } from "../../collectors/collector";
import { otelcol } from "../../collectors/otelcol";
import { prometheus } from "../../collectors/prometheus";
import { telegraf } from "../../collectors/telegraf";
import { pinnedProgram } from "../../collectors/testing/programs";
import { installed } from "../../collectors/testing/rendered-files";
import { behindRelay } from "../../collectors/testing/sites";
import { commandWords, unitValues } from "../../collectors/testing/systemd-parser";
import { vmagent } from "../../collectors/vmagent";
import type { Labels } from "../../local/pushes/push-messages";
import { startReceiver } from "../../local/pushes/receiver";
import { freePort, startService } from "../../local/run/processes";

/** A value that vmagent would expand if it were written as it is. */
const zone = "x{{ sensor }}%{HOME}$1";

const siteLabels = { region: "apac", zone };

/** Series of a site's own inputs, with labels that the site has too, and what central is to get. */
const series: readonly { readonly brought: Labels; readonly arrives: Labels }[] = [
  { brought: { sensor: "a" }, arrives: { sensor: "a", ...siteLabels } },
  { brought: { sensor: "b", region: "eu" }, arrives: { sensor: "b", region: "eu", zone } },
  {
    brought: { sensor: "c", provider: "osaka", zone: "z" },
    arrives: { sensor: "c", exported_provider: "osaka", region: "apac", zone: "z" },
  },
  {
    brought: { sensor: "c", provider: "lima", zone: "z" },
    arrives: { sensor: "c", exported_provider: "lima", region: "apac", zone: "z" },
  },
];

interface Subject {
  readonly collector: Collector;
  readonly version: string;
  /** Adds an input of the site's own, and says how the program is started; `port` is for its own page. */
  readonly adapt: (folder: string, target: string, port: number) => readonly string[];
  /** Whether it cannot keep what comes under the site label's name. */
  readonly drops?: true;
}

function edit(path: string, change: (document: Document) => void): void {
  const document = parseDocument(readFileSync(path, "utf8"));
  change(document);
  writeFileSync(path, document.toString());
}

const scrapeOf = (target: string) => [
  {
    job_name: "own",
    scrape_interval: "1s",
    scrape_timeout: "1s",
    static_configs: [{ targets: [target] }],
  },
];

const scraping =
  (file: string) =>
  (change: (folder: string, port: number) => readonly string[]): Subject["adapt"] =>
  (folder, target, port) => {
    edit(join(folder, file), (document) => {
      document.delete("scrape_config_files");
      document.set("scrape_configs", scrapeOf(target));
    });
    return change(folder, port);
  };

const subjects: readonly Subject[] = [
  {
    collector: prometheus,
    version: "3.10.0",
    adapt: scraping("prometheus/prometheus.yml")((folder, port) => [
      "--agent",
      `--config.file=${folder}/prometheus/prometheus.yml`,
      `--storage.agent.path=${folder}/state`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]),
  },
  {
    collector: vmagent,
    version: "1.150.0",
    adapt: scraping("vmagent/scrape.yml")((folder, port) => {
      const [command = ""] = unitValues(
        readFileSync(join(folder, "systemd/sitepass-vmagent.service"), "utf8"),
        "ExecStart",
      );
      return commandWords(command)
        .slice(1)
        .filter((word) => !/^-(?:httpListenAddr|remoteWrite\.tmpDataPath)=/.test(word))
        .concat(`-httpListenAddr=127.0.0.1:${port}`, `-remoteWrite.tmpDataPath=${folder}/state`);
    }),
  },
  {
    collector: otelcol,
    version: "0.165.0",
    drops: true,
    adapt: (folder, target, port) => {
      edit(join(folder, "otelcol/inputs.d/sitepass.yaml"), (document) => {
        document.deleteIn(["receivers", "otlp"]);
        document.setIn(["receivers", "prometheus/self", "config", "scrape_configs"], scrapeOf(target));
        document.setIn(["service", "pipelines", "metrics", "receivers"], ["prometheus/self"]);
        document.setIn(
          ["service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus", "port"],
          port,
        );
      });
      const config = join(folder, "otelcol/config.yaml");
      writeFileSync(
        config,
        readFileSync(config, "utf8").replaceAll("/var/lib/otelcol-contrib", `${folder}/state`),
      );
      return [`--config=${config}`, `--config=${folder}/otelcol/inputs.d/sitepass.yaml`];
    },
  },
  {
    collector: telegraf,
    version: "1.39.3",
    adapt: (folder) => {
      // Of the measurement named prometheus, names of fields are names of metrics.
      const mock = series.map(({ brought }) => ({
        metric_name: "prometheus",
        constant: [{ name: "own", value: 1 }],
        tags: { ...brought },
      }));
      writeFileSync(join(folder, "telegraf/inputs.d/sitepass.conf"), stringify({ inputs: { mock } }));
      const config = join(folder, "telegraf/telegraf.conf");
      const document = parse(readFileSync(config, "utf8"));
      const agent: TomlTable = { ...(document.agent as TomlTable), interval: "1s", flush_interval: "1s" };
      writeFileSync(config, stringify({ ...document, agent }));
      return ["--config", config, "--config-directory", `${folder}/telegraf/inputs.d`];
    },
  },
];

/** Labels that say which collector and which target a series came from. */
const ofTheWay: ReadonlySet<string> = new Set([
  "__name__",
  "host",
  "instance",
  "job",
  "otel_scope_name",
  "otel_scope_version",
]);

describe("labels of the site that data bring too", () => {
  for (const { collector, version, adapt, drops } of subjects) {
    const { program, skip } = pinnedProgram(
      collector.name === "prometheus" ? "prometheus" : (collector.name as "vmagent" | "otelcol" | "telegraf"),
    );

    it(`make the same series with ${collector.title}`, { skip }, async (context) => {
      const receiver = await startReceiver();
      const text = series
        .map(({ brought }) => {
          const labels = Object.entries(brought).map(([name, value]) => `${name}="${value}"`);
          return `own{${labels.join(",")}} 1\n`;
        })
        .join("");
      const target = await listenOnLoopback((_, response) => {
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
      }, 0);
      const site: CollectorSite = {
        name: "tokyo",
        siteLabel: "provider",
        labels: siteLabels,
        endpoints: { metrics: { base: receiver.url, paths: ["/api/v1/write"] } },
      };
      const folder = installed(context, (directory) =>
        collector.render(site, { ...behindRelay, directory }, { version, mode: "agent" }),
      );
      const args = adapt(folder, new URL(target.url).host, await freePort());
      const service = await startService(program, args, undefined);
      try {
        const arrived = () =>
          receiver.samples
            .map(({ labels }) => labels)
            .filter(({ __name__ }) => __name__ === "own")
            .map((labels) =>
              Object.fromEntries(Object.entries(labels).filter(([name]) => !ofTheWay.has(name))),
            );
        const wanted = new Set(
          series
            .map(({ arrives: { exported_provider, ...others } }) => ({
              ...others,
              provider: "tokyo",
              ...(exported_provider === undefined || drops ? {} : { exported_provider }),
            }))
            // Two that differ in what is dropped alone are one.
            .filter((one, index, all) => all.findIndex((other) => isDeepStrictEqual(one, other)) === index),
        );
        const deadline = Date.now() + 30_000;
        while (arrived().length < wanted.size && Date.now() < deadline) {
          await delay(100);
        }
        assert.deepEqual(new Set(arrived()), wanted, service.text());
      } finally {
        await service.close();
        await target.close();
        await receiver.close();
      }
    });
  }
});
