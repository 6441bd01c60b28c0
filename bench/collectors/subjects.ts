import { agentVersion, findProgram } from "../../local/programs/programs";
import { versionOf } from "../../local/run/service-process";
import { otelcolLogs, otelcolMetrics } from "./otelcol-subjects";
import { prometheusSubject } from "./prometheus-subject";
import type { Subject } from "./subject";
import { telegrafLogs, telegrafMetrics } from "./telegraf-subjects";
import { vmagentSubject } from "./vmagent-subject";

/** Every collector that may be had on a machine: Debian 12's Prometheus, and what `npm run agents` builds. */
export const subjects: readonly Subject[] = [
  prometheusSubject(
    "Prometheus 2.42 (Debian 12)",
    "2.42.0",
    versionOf("prometheus")?.includes("2.42.0") === true ? "prometheus" : undefined,
  ),
  prometheusSubject("Prometheus 3.10", agentVersion("prometheus"), findProgram("prometheus", "prometheus")),
  vmagentSubject,
  otelcolMetrics,
  otelcolLogs,
  telegrafMetrics,
  telegrafLogs,
];
