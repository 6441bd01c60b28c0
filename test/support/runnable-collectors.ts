import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import { parseDocument, type Document } from "yaml";
import type { Collector } from "../../collectors/collector";
import { otelcol } from "../../collectors/otelcol";
import { prometheus } from "../../collectors/prometheus";
import { telegraf } from "../../collectors/telegraf";
import { commandWords, unitValues } from "../../collectors/testing/systemd-parser";
import { vmagent } from "../../collectors/vmagent";
import type { GoModuleName } from "../../local/programs/programs";
import type { Labels } from "../../local/pushes/push-messages";

/** A collector whose real program can be had, run on rendered metrics' files with an input of a test's own. */
export interface RunnableCollector {
  readonly collector: Collector;
  readonly program: GoModuleName;
  readonly version: string;
  /** Adds an input of the site's own, and says how the program is started; `port` is for its own page. */
  readonly adapt: (folder: string, input: TestInput, port: number) => readonly string[];
  /** Whether it cannot keep what comes under the site label's name. */
  readonly drops?: true;
}

/** Series named `own`, at an address that is scraped; where a program scrapes nothing, it is told of them. */
export interface TestInput {
  readonly target: string;
  readonly series: readonly Labels[];
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
  (change: (folder: string, port: number) => readonly string[]): RunnableCollector["adapt"] =>
  (folder, { target }, port) => {
    edit(join(folder, file), (document) => {
      document.delete("scrape_config_files");
      document.set("scrape_configs", scrapeOf(target));
    });
    return change(folder, port);
  };

export const runnableCollectors: readonly RunnableCollector[] = [
  {
    collector: prometheus,
    program: "prometheus",
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
    program: "vmagent",
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
    program: "otelcol",
    version: "0.165.0",
    drops: true,
    adapt: (folder, { target }, port) => {
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
    program: "telegraf",
    version: "1.39.3",
    adapt: (folder, { series }) => {
      // Of the measurement named prometheus, names of fields are names of metrics.
      const mock = series.map((labels) => ({
        metric_name: "prometheus",
        constant: [{ name: "own", value: 1 }],
        tags: { ...labels },
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
