import { agentVersion, findProgram } from "../../local/programs/programs";
import { lineText } from "./arrivals";
import { counterSum } from "../../local/run/counter-sum";
import { edited, editedYaml } from "./rendered";
import type { Place, Subject } from "./subject";

const metricsAddress = ({ port }: Place): string => `127.0.0.1:${port}`;
const inputAddress = ({ otherPort }: Place): string => `127.0.0.1:${otherPort}`;
const inputs = "otelcol/inputs.d/sitepass.yaml";

const base: Omit<Subject, "signal" | "adapt" | "admitsLoss"> = {
  title: "OpenTelemetry Collector 0.165.0",
  collector: "otelcol",
  release: { version: agentVersion("otelcol"), mode: "server" },
  program: findProgram("otelcol", "otelcol"),
  args: (_files, { directory }) => [
    `--config=${directory}/otelcol/config.yaml`,
    `--config=${directory}/${inputs}`,
  ],
  readyUrl: (place) => `http://${metricsAddress(place)}/metrics`,
  metricsUrl: (place) => `http://${metricsAddress(place)}/metrics`,
};

/** The rendered files with ports and folders of the measurement's own. */
const adapt: Subject["adapt"] = (files, place) =>
  edited(
    editedYaml(files, inputs, (document) => {
      document.setIn(["receivers", "otlp", "protocols"], { http: { endpoint: inputAddress(place) } });
      document.setIn(
        ["service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus", "port"],
        place.port,
      );
      // A receiver that is in no module that a registry has.
      document.deleteIn(["receivers", "journald"]);
      document.deleteIn(["service", "pipelines", "logs/journal"]);
      const scrape = ["receivers", "prometheus/self", "config", "scrape_configs", 0];
      if (document.hasIn(scrape)) {
        document.setIn([...scrape, "scrape_interval"], "1s");
        document.setIn([...scrape, "static_configs", 0, "targets", 0], metricsAddress(place));
      }
    }),
    "otelcol/config.yaml",
    (text) => text.replaceAll("/var/lib/otelcol-contrib", `${place.directory}/data`),
  );

/** The OpenTelemetry Collector's metrics, by scraping itself each second. */
export const otelcolMetrics: Subject = {
  ...base,
  signal: "metrics",
  adapt,
  admitsLoss: (text) => /Dropping data|dropping|Permanent error/i.test(text),
};

/** The OpenTelemetry Collector's logs, of what a program pushes to it. */
export const otelcolLogs: Subject = {
  ...base,
  signal: "logs",
  adapt,
  admitsLoss: (text, metrics) =>
    counterSum(metrics, "otelcol_exporter_send_failed_log_records(?:_total)?") > 0 ||
    text.includes("Dropping data"),
  feed: async (place, line) => {
    const answer = await fetch(`http://${inputAddress(place)}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        resourceLogs: [
          {
            scopeLogs: [
              {
                logRecords: [{ timeUnixNano: `${Date.now()}000000`, body: { stringValue: lineText(line) } }],
              },
            ],
          },
        ],
      }),
    });
    if (!answer.ok) {
      throw new Error(`HTTP ${answer.status}`);
    }
  },
};
