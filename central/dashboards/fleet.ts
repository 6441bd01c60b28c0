import { lastPush, siteSeries } from "../alarms/alarms";
import type { CentralHost } from "../central-host";
import { ofHost, storesItself } from "../stores/addresses";
import { vmagent } from "../stores/vmagent";
import {
  addPairs,
  addRow,
  connections,
  dashboard,
  dashboardUids,
  samplesStored,
  stat,
  table,
  timeSeries,
  type BuiltDashboard,
  type Column,
} from "./panels";

/** Seconds after which a site has not pushed for too long. */
const late = ["green", [120, "yellow"], [300, "red"]] as const;

/** What the host knows of a site by `site`, by the fleet's own label. */
const bySite = (siteLabel: string, expr: string): string =>
  `max by (${siteLabel}) (label_replace(${expr}, "${siteLabel}", "$1", "site", "(.+)"))`;

const sumBySite = (siteLabel: string, expr: string): string =>
  `sum by (${siteLabel}) (label_replace(${expr}, "${siteLabel}", "$1", "site", "(.+)"))`;

/** How far behind its own collector's newest sample is what it has sent; of those that tell. */
export const senderLag = (siteLabel: string, matcher: string): string => {
  const behind = [
    "prometheus_remote_storage_highest_timestamp_in_seconds",
    "prometheus_remote_storage_queue_highest_timestamp_seconds",
  ]
    .map((name) => `${name}{${matcher}}`)
    .join(" or ");
  const by = `by (${siteLabel}, job, instance)`;
  return `max by (${siteLabel}) (max ${by} (${behind}) - min ${by} (prometheus_remote_storage_queue_highest_sent_timestamp_seconds{${matcher}} > 0))`;
};

/** Each column of the table of sites. */
function columns(central: CentralHost): readonly Column[] {
  const { siteLabel, identity, signals } = central;
  const pushes = (signal: string) => signals.some((one) => one.signal === signal);
  const age = (signal: string) =>
    `time() - max by (${siteLabel}) (${lastPush}{${ofHost},signal="${signal}"})`;
  const rate = (name: string) => sumBySite(siteLabel, `rate(${name}{${ofHost}}[5m])`);
  const gate = identity !== "off";
  return [
    { title: "Signals", expr: `count by (${siteLabel}) (site_expected{${ofHost}})` },
    ...(pushes("metrics")
      ? [{ title: "Last sample", expr: age("metrics"), unit: "s", decimals: 0, steps: late }]
      : []),
    ...(pushes("logs")
      ? [{ title: "Last line", expr: age("logs"), unit: "s", decimals: 0, steps: late }]
      : []),
    ...(storesItself(central, "metrics")
      ? [
          {
            title: "Behind",
            expr: senderLag(siteLabel, `${siteLabel}!=""`),
            unit: "s",
            decimals: 0,
            steps: ["green", [60, "yellow"], [300, "red"]] as const,
          },
          { title: "Series", expr: `max by (${siteLabel}) (${siteSeries}{${ofHost}})` },
        ]
      : []),
    ...(gate
      ? [
          { title: "Pushes", expr: rate("sitepass_gate_delivered_total"), unit: "reqps", decimals: 2 },
          { title: "Bytes", expr: rate("sitepass_gate_received_bytes_total"), unit: "Bps", decimals: 1 },
          {
            title: "Refused",
            expr: rate("sitepass_gate_refused_total"),
            unit: "reqps",
            decimals: 2,
            steps: ["green", [0.001, "orange"]] as const,
          },
        ]
      : []),
    {
      title: "Token days",
      expr: bySite(siteLabel, `(sitepass_token_expiry_timestamp_seconds{${ofHost}} - time()) / 86400`),
      unit: "none",
      decimals: 0,
      steps: ["red", [14, "orange"], [30, "green"]] as const,
    },
    {
      title: "Alarms",
      expr: bySite(siteLabel, `sitepass_site_alarms{${ofHost}}`),
      steps: ["green", [1, "red"]] as const,
    },
  ];
}

/** The fleet at a glance. */
export function fleetDashboard(central: CentralHost): BuiltDashboard {
  const { siteLabel, signals } = central;
  const onTime = (signal: string) =>
    `count(time() - ${lastPush}{${ofHost},signal="${signal}"} < 210 and on (${siteLabel}) site_expected{${ofHost},signal="${signal}"})`;
  const board = dashboard(
    "fleet",
    "sitepass: the fleet",
    "Every site that is let in: when it pushed last, how much, and how long its token lasts.",
  );
  addRow(board, [
    stat(
      { title: "Sites", description: "Sites that are let in." },
      `count(count by (${siteLabel}) (site_expected{${ofHost}}))`,
      ["blue"],
      "0",
    ),
    ...signals.map(({ signal }) =>
      stat(
        { title: `Silent: ${signal}`, description: `Sites whose ${signal} do not arrive.` },
        `count(site_expected{${ofHost},signal="${signal}"}) - (${onTime(signal)} or vector(0))`,
        ["green", [1, "red"]],
        "0",
      ),
    ),
    stat(
      { title: "Alarms", description: "Alarms that fire, the watchdog aside." },
      'count(ALERTS{alertstate="firing",alertname=~"Sitepass.+",alertname!="SitepassWatchdog"}) or vector(0)',
      ["green", [1, "red"]],
      "0",
    ),
    stat(
      {
        title: "First token to expire",
        description: "Days until a token of a site that is let in expires.",
        unit: "none",
      },
      `(min(sitepass_token_expiry_timestamp_seconds{${ofHost}} and on (stack, site) sitepass_site_enabled{${ofHost}} == 1) - time()) / 86400`,
      ["red", [14, "orange"], [30, "green"]],
      "not known",
    ),
    vmagent.isNeeded(central)
      ? stat(
          {
            title: "Waits for the store",
            description: "What vmagent has taken and not yet delivered.",
            unit: "bytes",
          },
          `sum(vmagent_remotewrite_pending_data_bytes{${ofHost}})`,
          ["green", [10_000_000, "yellow"], [100_000_000, "red"]],
          "0",
        )
      : connections(),
  ]);
  addRow(board, [
    table(
      { title: "Sites", description: "A site without a time has not pushed within a day, or never." },
      {
        label: siteLabel,
        title: "Site",
        link: {
          title: "This site in depth",
          url: `/d/${dashboardUids.site}?var-site=\${__value.raw}`,
        },
      },
      columns(central),
    ),
  ]);
  addPairs(board, [
    timeSeries(
      { title: "Sites that push", description: "By signal." },
      ...signals.map(({ signal }) => [onTime(signal), signal] as const),
    ),
    central.identity === "off"
      ? samplesStored()
      : timeSeries({ title: "Bytes by site", description: "The ten that push most.", unit: "Bps" }, [
          `topk(10, sum by (site) (rate(sitepass_gate_received_bytes_total{${ofHost}}[5m])))`,
          "{{site}}",
        ]),
  ]);
  return board.build();
}
