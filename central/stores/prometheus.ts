import { yamlFile } from "../../collectors/common/config-text";
import { prometheusRules } from "../alarms/prometheus-rules";
import type { CentralHost, CentralProgram, ProgramName } from "../central-host";
import { alertmanager } from "./alertmanager";
import { addressOf, hostLabel, jobOf, listenAddress, storesItself } from "./addresses";
import { alloy } from "./alloy";
import { grafana } from "./grafana";
import { loki } from "./loki";
import { nodeExporter } from "./node-exporter";
import { vmagent } from "./vmagent";

/** The metrics pages of the others: whether each is there in this host, and where its page is. */
const targets: readonly (readonly [
  ProgramName,
  isNeeded: (central: CentralHost) => boolean,
  metricsPath?: string,
])[] = [
  ["prometheus", () => true],
  ["alertmanager", alertmanager.isNeeded],
  ["alloy", alloy.isNeeded],
  ["cloudflared", () => true],
  ["gate", ({ identity }) => identity !== "off"],
  ["gate", ({ identity }) => identity !== "off", "/metrics/sites"],
  ["grafana", grafana.isNeeded],
  ["loki", loki.isNeeded],
  ["node-exporter", nodeExporter.isNeeded],
  ["vmagent", vmagent.isNeeded],
];

const takesPushes = (central: CentralHost): boolean =>
  storesItself(central, "metrics") ||
  // Loki's own rules write how many lines each site sent.
  (central.identity === "off" && loki.isNeeded(central));

const takesOtlp = (central: CentralHost): boolean =>
  central.identity === "off" &&
  storesItself(central, "metrics") &&
  central.signals.some(({ paths }) => paths.some((path) => path.endsWith("/v1/metrics")));

export const prometheus: CentralProgram = {
  name: "prometheus",
  title: "Prometheus",
  isNeeded: () => true,
  files: (central, places) => [
    yamlFile(
      "prometheus/prometheus.yml",
      "Prometheus of the central host. Needs Prometheus 2.54 or later, better 3.",
      {
        global: { scrape_interval: "30s", evaluation_interval: "30s" },
        storage: storesItself(central, "metrics")
          ? { tsdb: { out_of_order_time_window: `${central.windows.outOfOrderTimeWindow}h` } }
          : undefined,
        otlp: takesOtlp(central) ? { promote_resource_attributes: [central.siteLabel] } : undefined,
        rule_files: [`${places.programs.prometheus.files}/rules/*.yml`],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [addressOf(places, "alertmanager")] }] }] },
        scrape_configs: targets
          .filter(([, isNeeded]) => isNeeded(central))
          .map(([name, , metricsPath]) => ({
            job_name: metricsPath === undefined ? jobOf(name) : `${jobOf(name)}-sites`,
            metrics_path: metricsPath,
            static_configs: [
              { targets: [addressOf(places, name)], labels: { [hostLabel]: "central", program: name } },
            ],
          })),
      },
    ),
    ...prometheusRules(central),
  ],
  command: (central, places) => {
    const { files, data } = places.programs.prometheus;
    return {
      program: "prometheus",
      args: [
        `--config.file=${files}/prometheus.yml`,
        `--storage.tsdb.path=${data}`,
        // In the file only since 3.10; the flag works in every release.
        `--storage.tsdb.retention.time=${central.retentionDays.metrics}d`,
        `--web.listen-address=${listenAddress(places.programs.prometheus)}`,
        ...(takesPushes(central) ? ["--web.enable-remote-write-receiver"] : []),
        ...(takesOtlp(central) ? ["--web.enable-otlp-receiver"] : []),
      ],
      environment: {},
    };
  },
  readyPath: "/-/ready",
};
