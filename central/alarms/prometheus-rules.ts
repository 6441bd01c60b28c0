import type { RenderedFile } from "../../collectors/collector";
import { yamlFile, type YamlObject } from "../../collectors/common/config-text";
import type { CentralHost } from "../central-host";
import { distinctSites } from "../several-stacks";
import { hostLabel, ofHost, storesItself } from "../stores/addresses";
import { alarmGroups, grew, lastPush, siteSeries, type Alarm } from "./alarms";
import { siteLines } from "./loki-rules";

const own = { [hostLabel]: "central" } as const;

const alertRule = ({ name, expr, for: lasting, severity, scope, summary, next }: Alarm): YamlObject => ({
  alert: name,
  expr,
  for: lasting,
  labels: {
    severity,
    ...(scope === "one site" && { about: scope }),
    ...(scope !== undefined && scope !== "one site" && { cuts_off: scope }),
  },
  annotations: { summary, next },
});

/** A series for every site that is let in and every signal that it pushes: what is expected has to be told, silence has no series. */
const expected = ({ sites, signals, siteLabel }: CentralHost): readonly YamlObject[] =>
  distinctSites(sites)
    .filter(({ enabled }) => enabled)
    .flatMap((site) =>
      signals
        .filter(({ signal }) => site.signals.includes(signal))
        .map(({ signal }) => ({
          record: "site_expected",
          expr: "vector(1)",
          labels: { [siteLabel]: site.name, signal, ...own },
        })),
    );

/** When each site's pushes arrived last. */
function arrivals(central: CentralHost): readonly YamlObject[] {
  const { siteLabel, identity } = central;
  const before = `last_over_time(${lastPush}{${ofHost}}[1d])`;
  const record = (now: string) => ({
    record: lastPush,
    expr: `${now} or on (${siteLabel}, signal) ${before}`,
    labels: own,
  });
  if (identity !== "off") {
    const delivered = grew(`sitepass_gate_delivered_total{${ofHost}}`, "90s");
    return [
      record(
        `sum by (${siteLabel}, signal) (label_replace(${delivered}, "${siteLabel}", "$1", "site", "(.+)")) * 0 + time()`,
      ),
    ];
  }
  const newest = `label_replace(max by (${siteLabel}) (timestamp({${siteLabel}!="",${hostLabel}=""})), "signal", "metrics", "", "")`;
  const lines = `(sum by (${siteLabel}, signal) (${siteLines}{${ofHost}}) > 0) * 0 + time()`;
  const now = [
    ...(storesItself(central, "metrics") ? [newest] : []),
    ...(storesItself(central, "logs") ? [lines] : []),
  ];
  return now.length === 0 ? [] : [record(now.join(" or "))];
}

/** Looks at every series there is, and so it runs less often. */
const counts = (central: CentralHost): readonly YamlObject[] =>
  storesItself(central, "metrics")
    ? [
        {
          record: siteSeries,
          expr: `count by (${central.siteLabel}) ({${central.siteLabel}!="",${hostLabel}=""})`,
          labels: own,
        },
      ]
    : [];

/** The rules of the central host's Prometheus: which sites there are lies in a file of its own, the only one that a new site changes. */
export function prometheusRules(central: CentralHost): readonly RenderedFile[] {
  const groups = [
    { name: "sitepass-arrivals", rules: arrivals(central) },
    { name: "sitepass-counts", interval: "1m", rules: counts(central) },
    ...Object.entries(alarmGroups(central)).map(([name, alarms]) => ({
      name: `sitepass-${name}`,
      rules: alarms.map(alertRule),
    })),
  ];
  return [
    yamlFile("prometheus/rules/sites.yml", "The sites that are expected to push, by signal.", {
      groups: [{ name: "sitepass-sites", rules: expected(central) }],
    }),
    yamlFile("prometheus/rules/alarms.yml", "The alarms of the central host.", {
      groups: groups.filter(({ rules }) => rules.length > 0),
    }),
  ];
}
