import { yamlFile, type YamlObject } from "../../collectors/common/config-text";
import { prometheusRules } from "../alarms/prometheus-rules";
import type { CentralHost, CentralProgram, Places, ProgramName } from "../central-host";
import { connectorPath, connectorsOf, type ConnectorPlace } from "../several-stacks";
import { alertmanager } from "./alertmanager";
import { addressOf, hostLabel, jobOf, listenAddress, storesItself } from "./addresses";
import { alloy } from "./alloy";
import { grafana } from "./grafana";
import { loki } from "./loki";
import { nodeExporter } from "./node-exporter";
import { vmagent } from "./vmagent";

interface Page {
  readonly of: ProgramName;
  readonly job: string;
  /** Whose address it is at, where another program hands it on. */
  readonly at?: ProgramName;
  /** Default: /metrics. */
  readonly path?: string;
}

const pageOf = (name: ProgramName): Page => ({ of: name, job: jobOf(name) });

/** The metrics pages of this host. */
function pagesOf(central: CentralHost): readonly Page[] {
  const hasGate = central.identity !== "off";
  return [
    pageOf("prometheus"),
    ...[alertmanager, alloy, grafana, loki, nodeExporter, vmagent]
      .filter(({ isNeeded }) => isNeeded(central))
      .map(({ name }) => pageOf(name)),
    // By the gate, so that Prometheus shares no network with cloudflared.
    {
      ...pageOf("cloudflared"),
      ...(hasGate ? ({ at: "gate", path: "/metrics/connector" } as const) : {}),
    },
    ...(hasGate
      ? [pageOf("gate"), { of: "gate", job: `${jobOf("gate")}-sites`, path: "/metrics/sites" } as const]
      : []),
  ];
}

/** One of several connectors: told apart by its stack, since the gate shows all of them. */
const connectorTarget = ({ identity }: CentralHost, places: Places, one: ConnectorPlace): YamlObject => ({
  targets: [identity === "off" ? `${one.host}:${one.port}` : addressOf(places, "gate")],
  labels: {
    [hostLabel]: "central",
    program: "cloudflared",
    stack: one.stack ?? "",
    ...(identity === "off" ? {} : { __metrics_path__: connectorPath(one) }),
  },
});

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
        scrape_configs: pagesOf(central).map(({ of, job, at = of, path }) => ({
          job_name: job,
          metrics_path: path,
          static_configs:
            of === "cloudflared" && central.stacks !== undefined
              ? connectorsOf(central, places).map((one) => connectorTarget(central, places, one))
              : [{ targets: [addressOf(places, at)], labels: { [hostLabel]: "central", program: of } }],
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
