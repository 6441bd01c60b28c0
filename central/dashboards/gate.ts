import type { CentralHost } from "../central-host";
import { ofHost, storesItself } from "../stores/addresses";
import { alloy } from "../stores/alloy";
import { loki } from "../stores/loki";
import { vmagent } from "../stores/vmagent";
import {
  addPairs,
  addRow,
  connections,
  dashboard,
  samplesStored,
  stat,
  timeSeries,
  type BuiltDashboard,
} from "./panels";

const rate = (name: string): string => `rate(${name}{${ofHost}}[5m])`;

/** The numbers on top. */
const now = () => [
  stat(
    { title: "Keys of Access", description: "How long ago they were fetched.", unit: "s" },
    `time() - min(sitepass_gate_keys_refreshed_timestamp_seconds{${ofHost}})`,
    ["green", [129_600, "yellow"], [259_200, "red"]],
    "not known",
  ),
  stat(
    { title: "Keys", description: "That assertions are checked with; Access signs with one of two." },
    `max(sitepass_gate_keys{${ofHost}})`,
    ["red", [1, "green"]],
    "not known",
  ),
  connections(),
  stat(
    { title: "Under way", description: "Pushes that are being handed on." },
    `sum(sitepass_gate_in_flight{${ofHost}})`,
    ["blue"],
    "0",
  ),
  stat(
    { title: "Stores away", description: "Which the gate does not reach." },
    `count(haproxy_server_status{${ofHost},server="store",state="DOWN"} == 1) or vector(0)`,
    ["green", [1, "red"]],
    "0",
  ),
  stat(
    { title: "Unknown clients", description: "In the last hour: the map of sites is behind." },
    `sum(increase(sitepass_gate_refused_total{${ofHost},reason="unknown-client"}[1h])) or vector(0)`,
    ["green", [1, "orange"]],
    "0",
  ),
];

const pushes = () => [
  timeSeries(
    {
      title: "Pushes",
      description: "By signal. What is neither delivered nor rejected is kept at the site and sent again.",
      unit: "reqps",
    },
    [`sum by (signal) (${rate("sitepass_gate_requests_total")})`, "{{signal}} let in"],
    [`sum by (signal) (${rate("sitepass_gate_delivered_total")})`, "{{signal}} delivered"],
    [`sum by (signal) (${rate("sitepass_gate_rejected_total")})`, "{{signal}} rejected"],
  ),
  timeSeries({ title: "Refused", description: "By reason.", unit: "reqps" }, [
    `sum by (reason) (${rate("sitepass_gate_refused_total")})`,
    "{{reason}}",
  ]),
  timeSeries({ title: "Requests by site", description: "The ten that push most.", unit: "reqps" }, [
    `topk(10, sum by (site) (${rate("sitepass_gate_requests_total")}))`,
    "{{site}}",
  ]),
  timeSeries({ title: "Refused by site", description: "The ten that are refused most.", unit: "reqps" }, [
    `topk(10, sum by (site) (${rate("sitepass_gate_refused_total")}))`,
    "{{site}}",
  ]),
  timeSeries({ title: "Answers of the stores", description: "By class.", unit: "reqps" }, [
    `sum by (proxy, code) (${rate("haproxy_backend_http_responses_total")}) > 0`,
    "{{proxy}} {{code}}",
  ]),
  timeSeries(
    { title: "Time to answer", description: "Average of the last 1,024 requests of each store.", unit: "s" },
    [`max by (proxy) (haproxy_backend_response_time_average_seconds{${ofHost}})`, "{{proxy}}"],
  ),
];

/** What stands behind the gate. */
const behind = (central: CentralHost) => [
  ...(vmagent.isNeeded(central)
    ? [
        timeSeries({ title: "Waits in vmagent", description: "On disk and in memory.", unit: "bytes" }, [
          `sum(vmagent_remotewrite_pending_data_bytes{${ofHost}})`,
          "bytes",
        ]),
        timeSeries(
          {
            title: "vmagent's requests",
            description: "By answer. 400: what they held is lost.",
            unit: "reqps",
          },
          [`sum by (status_code) (${rate("vmagent_remotewrite_requests_total")})`, "{{status_code}}"],
        ),
      ]
    : []),
  ...(storesItself(central, "metrics")
    ? [
        samplesStored(),
        timeSeries({ title: "Series in memory", description: "Of all sites and the host itself." }, [
          `max(prometheus_tsdb_head_series{${ofHost}})`,
          "series",
        ]),
      ]
    : []),
  ...(loki.isNeeded(central)
    ? [
        timeSeries({ title: "Lines taken", description: "By Loki.", unit: "cps" }, [
          `sum by (tenant) (${rate("loki_distributor_lines_received_total")})`,
          "{{tenant}}",
        ]),
        timeSeries(
          { title: "Lines refused", description: "By Loki, and given up by Alloy.", unit: "cps" },
          [`sum by (reason) (${rate("loki_discarded_samples_total")})`, "Loki: {{reason}}"],
          ...(alloy.isNeeded(central)
            ? [
                [
                  `sum by (reason) (${rate("loki_write_dropped_entries_total")})`,
                  "Alloy: {{reason}}",
                ] as const,
              ]
            : []),
        ),
      ]
    : []),
  timeSeries({ title: "Disk left", description: "By mount point.", unit: "percentunit" }, [
    `min by (mountpoint) (node_filesystem_avail_bytes{${ofHost}} / node_filesystem_size_bytes{${ofHost}})`,
    "{{mountpoint}}",
  ]),
  timeSeries({ title: "Programs", description: "1 while a program answers." }, [
    `min by (program) (up{${ofHost}})`,
    "{{program}}",
  ]),
];

/** The gate, and what stands behind it. */
export function gateDashboard(central: CentralHost): BuiltDashboard {
  const board = dashboard(
    "gate",
    "sitepass: the gate",
    "What the gate lets in and refuses, and how the stores behind it answer.",
  );
  addRow(board, now());
  addPairs(board, [...pushes(), ...behind(central)]);
  return board.build();
}
