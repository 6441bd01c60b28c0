import {
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { lastPush, siteSeries } from "../alarms/alarms";
import type { CentralHost } from "../central-host";
import { ofHost, storesItself } from "../stores/addresses";
import { loki } from "../stores/loki";
import { senderLag } from "./fleet";
import {
  addPairs,
  addRow,
  dashboard,
  dataSources,
  lineRates,
  lines,
  stat,
  timeSeries,
  type BuiltDashboard,
} from "./panels";

/** What the gate lets in of the site, and refuses. */
function atTheGate() {
  const site = `${ofHost},site="$site"`;
  const rate = (name: string) => `rate(sitepass_gate_${name}_total{${site}}[5m])`;
  const beside = (title: string, what: "bytes" | "requests", unit: string) =>
    timeSeries(
      { title, description: "Over ten seconds, beside what one site may send.", unit },
      [`max(sitepass_gate_site_${what}_per_second{${site}})`, "this site"],
      [`max(sitepass_gate_limit_${what}_per_second{${ofHost}})`, "limit"],
    );
  return [
    timeSeries(
      {
        title: "Pushes",
        description:
          "Delivered: the store took them. Rejected: lost. The rest is kept at the site and sent again.",
        unit: "reqps",
      },
      [`sum by (signal) (${rate("delivered")})`, "{{signal}} delivered"],
      [`sum by (signal) (${rate("rejected")})`, "{{signal}} rejected"],
      [
        `sum by (signal) (${rate("requests")} - ${rate("delivered")} - ${rate("rejected")})`,
        "{{signal}} sent back",
      ],
    ),
    timeSeries({ title: "Refused by the gate", description: "By reason.", unit: "reqps" }, [
      `sum by (signal, reason) (${rate("refused")})`,
      "{{signal}}: {{reason}}",
    ]),
    beside("Bytes", "bytes", "Bps"),
    beside("Requests", "requests", "reqps"),
  ];
}

/** What Prometheus holds of the site, and what its collector tells of itself. */
function inPrometheus(siteLabel: string, itself: string) {
  return [
    timeSeries(
      {
        title: "Behind",
        description: "How far the collector is behind with sending, where it pushes its own metrics.",
        unit: "s",
      },
      [senderLag(siteLabel, itself), "behind"],
    ),
    timeSeries(
      {
        title: "Given up by the collector",
        description: "Where it pushes its own metrics.",
        unit: "cps",
      },
      [`sum(rate(prometheus_remote_storage_samples_failed_total{${itself}}[5m]))`, "samples failed"],
      [`sum(rate(prometheus_remote_storage_samples_dropped_total{${itself}}[5m]))`, "samples dropped"],
    ),
    timeSeries(
      { title: "Targets", description: "What the site's collector scrapes." },
      [`count(up{${itself}} == 1)`, "up"],
      [`count(up{${itself}} == 0)`, "down"],
    ),
    timeSeries({ title: "Series", description: "That have a sample of the last five minutes." }, [
      `max(${siteSeries}{${ofHost},${itself}})`,
      "series",
    ]),
  ];
}

/**
 * With tenants the label is the site's own word, and its tenant is not: another site's lines are not shown as this one's. Loki knows the
 * tenant of a line only where it is asked for several (docs/facts/central.md, H17).
 */
const ownTenant = ({ identity, sites }: CentralHost): string =>
  identity === "tenant" && sites.filter(({ signals }) => signals.includes("logs")).length > 1
    ? ',__tenant_id__="$site"'
    : "";

/** One site in depth. */
export function siteDashboard(central: CentralHost): BuiltDashboard {
  const { siteLabel, signals, identity } = central;
  const itself = `${siteLabel}="$site"`;
  const status = `${ofHost},site="$site"`;
  const board = dashboard(
    "site",
    "sitepass: one site",
    "What one site pushes, what is refused, and how its token stands.",
  ).withVariable(
    new QueryVariableBuilder("site")
      .label("Site")
      .datasource(dataSources.prometheus)
      .query(`label_values(site_expected{${ofHost}}, ${siteLabel})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc),
  );
  addRow(board, [
    ...signals.map(({ signal }) =>
      stat(
        {
          title: signal === "metrics" ? "Last sample" : "Last line",
          description: `How long ago the last push of ${signal} arrived.`,
          unit: "s",
        },
        `time() - max(${lastPush}{${ofHost},signal="${signal}",${itself}})`,
        ["green", [120, "yellow"], [300, "red"]],
        "not within a day",
      ),
    ),
    stat(
      { title: "Token days", description: "Days until the token expires.", unit: "none" },
      `(max(sitepass_token_expiry_timestamp_seconds{${status}}) - time()) / 86400`,
      ["red", [14, "orange"], [30, "green"]],
      "not known",
    ),
    stat(
      { title: "Cloudflare saw the token", description: "How long ago.", unit: "s" },
      `time() - max(sitepass_token_last_seen_timestamp_seconds{${status}})`,
      ["green", [86_400, "yellow"], [172_800, "red"]],
      "never",
    ),
    stat(
      { title: "Alarms of status", description: "What sitepass status says of this site." },
      `max(sitepass_site_alarms{${status}})`,
      ["green", [1, "red"]],
      "not known",
    ),
  ]);
  addPairs(board, [
    ...(identity === "off" ? [] : atTheGate()),
    ...(storesItself(central, "metrics") ? inPrometheus(siteLabel, itself) : []),
  ]);
  if (loki.isNeeded(central)) {
    const written = `{${itself}${ownTenant(central)}}`;
    addRow(board, [
      lineRates({ title: "Lines", description: "As they are stored.", unit: "cps" }, [
        `sum(rate(${written}[$__auto]))`,
        "lines",
      ]),
    ]);
    addRow(board, [lines({ title: "Logs", description: "The newest lines." }, written)]);
  }
  return board.build();
}
