import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify, type TomlTable } from "smol-toml";
import type { Document } from "yaml";
import { findProgram, goModules } from "../../local/programs/programs";
import { versionOf } from "../../local/run/processes";
import { counterSum } from "../../local/run/site-prometheus";
import {
  edited,
  editedYaml,
  environmentIn,
  execArguments,
  lineText,
  textOf,
  type Run,
  type Subject,
} from "./subject";

const address = ({ port }: Run): string => `127.0.0.1:${port}`;

function scrapeItself(document: Document, run: Run): void {
  document.setIn(["global", "scrape_interval"], "1s");
  document.set("scrape_configs", [{ job_name: "itself", static_configs: [{ targets: [address(run)] }] }]);
}

/** Prometheus in agent mode, scraping itself each second. */
function prometheus(title: string, version: string, program: string | undefined): Subject {
  return {
    title,
    collector: "prometheus",
    signal: "metrics",
    release: { version, mode: "agent" },
    program,
    adapt: (files, run) =>
      editedYaml(files, "prometheus/prometheus.yml", (document) => {
        document.setIn(["global", "scrape_timeout"], "1s");
        document.delete("scrape_config_files");
        scrapeItself(document, run);
      }),
    args: (_files, run) => [
      version.startsWith("2.") ? "--enable-feature=agent" : "--agent",
      `--config.file=${run.directory}/prometheus/prometheus.yml`,
      `--storage.agent.path=${run.directory}/data`,
      `--web.listen-address=${address(run)}`,
    ],
    readyUrl: (run) => `http://${address(run)}/-/ready`,
    metricsUrl: (run) => `http://${address(run)}/metrics`,
    admitsLoss: (_text, metrics) => counterSum(metrics, "prometheus_remote_storage_samples_failed_total") > 0,
  };
}

/** vmagent, scraping itself each second. */
const vmagent: Subject = {
  title: "vmagent of July 2025",
  collector: "vmagent",
  signal: "metrics",
  // This release is refused by itself, because it logs its headers; what is rendered for later ones runs with it too.
  release: { version: "1.150.0", mode: "server" },
  program: findProgram("vmagent", "vmagent"),
  adapt: (files, run) =>
    editedYaml(files, "vmagent/scrape.yml", (document) => {
      scrapeItself(document, run);
    }),
  args: (files, run) =>
    execArguments(textOf(files, "systemd/sitepass-vmagent.service"))
      .filter((argument) => !/^-(?:httpListenAddr|remoteWrite\.tmpDataPath)=/.test(argument))
      .concat(`-httpListenAddr=${address(run)}`, `-remoteWrite.tmpDataPath=${run.directory}/data`),
  environment: (files) => {
    const file = files.find(({ path }) => path.endsWith(".env"));
    return file === undefined ? {} : environmentIn(file.content);
  },
  readyUrl: (run) => `http://${address(run)}/-/ready`,
  metricsUrl: (run) => `http://${address(run)}/metrics`,
  admitsLoss: (_text, metrics) => counterSum(metrics, "vmagent_remotewrite_packets_dropped_total") > 0,
};

const pushAddress = ({ otherPort }: Run): string => `127.0.0.1:${otherPort}`;
const otelcolInputs = "otelcol/inputs.d/sitepass.yaml";

const otelcol: Omit<Subject, "signal" | "adapt" | "admitsLoss"> = {
  title: "OpenTelemetry Collector 0.165.0",
  collector: "otelcol",
  release: { version: goModules.otelcol.version, mode: "server" },
  program: findProgram("otelcol", "otelcol"),
  args: (_files, { directory }) => [
    `--config=${directory}/otelcol/config.yaml`,
    `--config=${directory}/${otelcolInputs}`,
  ],
  readyUrl: (run) => `http://${address(run)}/metrics`,
  metricsUrl: (run) => `http://${address(run)}/metrics`,
};

/** The rendered files with ports and folders of the measurement's own. */
const adaptOtelcol: Subject["adapt"] = (files, run) =>
  edited(
    editedYaml(files, otelcolInputs, (document) => {
      document.setIn(["receivers", "otlp", "protocols"], { http: { endpoint: pushAddress(run) } });
      document.setIn(
        ["service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus", "port"],
        run.port,
      );
      // The module proxy has no release of this receiver.
      document.deleteIn(["receivers", "journald"]);
      document.deleteIn(["service", "pipelines", "logs/journal"]);
      const scrape = ["receivers", "prometheus/self", "config", "scrape_configs", 0];
      if (document.hasIn(scrape)) {
        document.setIn([...scrape, "scrape_interval"], "1s");
        document.setIn([...scrape, "static_configs", 0, "targets", 0], address(run));
      }
    }),
    "otelcol/config.yaml",
    (text) => text.replaceAll("/var/lib/otelcol-contrib", `${run.directory}/data`),
  );

/** The OpenTelemetry Collector's metrics, by scraping itself each second. */
const otelcolMetrics: Subject = {
  ...otelcol,
  signal: "metrics",
  adapt: adaptOtelcol,
  admitsLoss: (text) => /Dropping data|dropping|Permanent error/i.test(text),
};

/** The OpenTelemetry Collector's logs, of what a program pushes to it. */
const otelcolLogs: Subject = {
  ...otelcol,
  signal: "logs",
  adapt: adaptOtelcol,
  admitsLoss: (text, metrics) =>
    counterSum(metrics, "otelcol_exporter_send_failed_log_records(?:_total)?") > 0 ||
    text.includes("Dropping data"),
  feed: async (run, line) => {
    const record = { timeUnixNano: `${Date.now()}000000`, body: { stringValue: lineText(line) } };
    const answer = await fetch(`http://${pushAddress(run)}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }),
    });
    if (!answer.ok) {
      throw new Error(`HTTP ${answer.status}`);
    }
  },
};

const telegrafInputs = "telegraf/inputs.d/sitepass.conf";
const logFile = ({ directory }: Run): string => join(directory, "fed.log");

const tailedLines = {
  initial_read_offset: "beginning",
  name_override: "log",
  data_format: "value",
  data_type: "string",
};

const telegraf: Omit<Subject, "signal"> = {
  title: "Telegraf 1.39.3",
  collector: "telegraf",
  release: { version: goModules.telegraf.version, mode: "server" },
  program: findProgram("telegraf", "telegraf"),
  adapt: (files, run) =>
    edited(
      edited(files, telegrafInputs, () =>
        stringify({
          inputs: {
            mock: [{ metric_name: "prometheus", constant: [{ name: "up", value: 1 }] }],
            tail: [{ ...tailedLines, files: [logFile(run)] }],
          },
        }),
      ),
      "telegraf/telegraf.conf",
      (text) => {
        const document = parse(text);
        const agent: TomlTable = { ...(document.agent as TomlTable), interval: "1s", flush_interval: "5s" };
        return stringify({ ...document, agent });
      },
    ),
  args: (_files, { directory }) => [
    ...["--config", `${directory}/telegraf/telegraf.conf`],
    ...["--config-directory", `${directory}/telegraf/inputs.d`],
  ],
  // It has no page of its own: that it runs shows in what it pushes.
  readyUrl: () => undefined,
  metricsUrl: () => undefined,
  admitsLoss: (text) => /buffer|dropped|overflow/i.test(text),
};

const telegrafMetrics: Subject = { ...telegraf, signal: "metrics" };

const telegrafLogs: Subject = {
  ...telegraf,
  signal: "logs",
  feed: (run, line) => appendFile(logFile(run), `${lineText(line)}\n`),
};

/** Every collector that can be measured: Debian 12's Prometheus, and what `npm run programs` builds. */
export const subjects: readonly Subject[] = [
  prometheus(
    "Prometheus 2.42 (Debian 12)",
    "2.42.0",
    versionOf("prometheus")?.includes("2.42.0") === true ? "prometheus" : undefined,
  ),
  prometheus("Prometheus 3.10", goModules.prometheus.version, findProgram("prometheus", "prometheus")),
  vmagent,
  otelcolMetrics,
  otelcolLogs,
  telegrafMetrics,
  telegrafLogs,
];
