import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  VizLegendOptionsBuilder,
  LegendDisplayMode,
  LegendPlacement,
  VizTooltipOptionsBuilder,
  TooltipDisplayMode,
  SortOrder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DynamicConfigValue,
  type Panel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as LogsPanel } from "@grafana/grafana-foundation-sdk/logs";
import { DataqueryBuilder as LokiQuery } from "@grafana/grafana-foundation-sdk/loki";
import {
  DataqueryBuilder as PrometheusQuery,
  PromQueryFormat,
} from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatPanel } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TablePanel } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeriesPanel } from "@grafana/grafana-foundation-sdk/timeseries";
import { ofHost } from "../stores/addresses";

/** Fixed, so that dashboards find them, also those that people make. */
export const dataSources = {
  prometheus: { type: "prometheus", uid: "sitepass-prometheus" },
  loki: { type: "loki", uid: "sitepass-loki" },
} as const;

type Color = "green" | "yellow" | "orange" | "red" | "blue";

/** From which value on something has which color; the first holds from the lowest on. */
export type Steps = readonly [lowest: Color, ...above: readonly (readonly [from: number, color: Color])[]];

const thresholdSteps = ([lowest, ...above]: Steps) => [
  { value: null, color: lowest },
  ...above.map(([value, color]) => ({ value, color })),
];

const thresholds = (steps: Steps) =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(thresholdSteps(steps));

/** A line in a picture: what it shows, and its name by the labels of each series. */
type Line = readonly [expr: string, legend: string];

interface Picture {
  readonly title: string;
  readonly description: string;
  readonly unit?: string;
}

/** A to Z; no panel asks more. */
const refId = (index: number): string => String.fromCharCode("A".charCodeAt(0) + index);

const panelHeight = 8;
const statHeight = 4;

/** Values over time. */
export const timeSeries = ({ title, description, unit = "short" }: Picture, ...lines: readonly Line[]) =>
  new TimeSeriesPanel()
    .title(title)
    .description(description)
    .datasource(dataSources.prometheus)
    .unit(unit)
    .min(0)
    .height(panelHeight)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(
      lines.map(([expr, legend], index) =>
        new PrometheusQuery()
          .datasource(dataSources.prometheus)
          .refId(refId(index))
          .expr(expr)
          .legendFormat(legend)
          .range(),
      ),
    );

/** One number now. */
export const stat = (
  { title, description, unit = "short" }: Picture,
  expr: string,
  steps: Steps,
  noValue: string,
) =>
  new StatPanel()
    .title(title)
    .description(description)
    .datasource(dataSources.prometheus)
    .unit(unit)
    .height(statHeight)
    .thresholds(thresholds(steps))
    .noValue(noValue)
    .targets([new PrometheusQuery().datasource(dataSources.prometheus).refId("A").expr(expr).instant()]);

/** How well the tunnel's connector is connected. */
export const connections = () =>
  stat(
    {
      title: "Connections to Cloudflare",
      description: "Of the tunnel's connector; four when all is well.",
    },
    `sum(cloudflared_tunnel_ha_connections{${ofHost}})`,
    ["red", [1, "yellow"], [4, "green"]],
    "none",
  );

/** What Prometheus takes in. */
export const samplesStored = () =>
  timeSeries({ title: "Samples stored", description: "Of all sites and the host itself.", unit: "cps" }, [
    `sum by (type) (rate(prometheus_tsdb_head_samples_appended_total{${ofHost}}[5m]))`,
    "{{type}}",
  ]);

export interface Column {
  readonly title: string;
  /** One value for each row's key. */
  readonly expr: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly steps?: Steps;
}

/** One row for each value of a label. */
export function table(
  { title, description }: Picture,
  key: {
    readonly label: string;
    readonly title: string;
    readonly link?: { readonly title: string; readonly url: string };
  },
  columns: readonly Column[],
) {
  const properties = ({ unit, decimals, steps }: Column): DynamicConfigValue[] => [
    ...(unit === undefined ? [] : [{ id: "unit", value: unit }]),
    ...(decimals === undefined ? [] : [{ id: "decimals", value: decimals }]),
    ...(steps === undefined
      ? []
      : [
          { id: "thresholds", value: { mode: "absolute", steps: thresholdSteps(steps) } },
          { id: "custom.cellOptions", value: { type: "color-background", mode: "basic" } },
        ]),
  ];
  const panel = new TablePanel()
    .title(title)
    .description(description)
    .datasource(dataSources.prometheus)
    .height(16)
    .filterable(true)
    .targets(
      columns.map(({ expr }, index) =>
        new PrometheusQuery()
          .datasource(dataSources.prometheus)
          .refId(refId(index))
          .expr(expr)
          .format(PromQueryFormat.Table)
          .instant(),
      ),
    )
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(
          [key.label, ...columns.map((_, index) => `Value #${refId(index)}`)].map((name, index) => [
            name,
            index,
          ]),
        ),
        renameByName: Object.fromEntries<string>([
          [key.label, key.title],
          ...columns.map(({ title: name }, index): [string, string] => [`Value #${refId(index)}`, name]),
        ]),
      },
    });
  for (const column of columns) {
    panel.overrideByName(column.title, properties(column));
  }
  return key.link === undefined
    ? panel
    : panel.overrideByName(key.title, [{ id: "links", value: [{ ...key.link, targetBlank: false }] }]);
}

/** Lines of logs. */
export const lines = ({ title, description }: Picture, expr: string) =>
  new LogsPanel()
    .title(title)
    .description(description)
    .datasource(dataSources.loki)
    .height(12)
    .showTime(true)
    .wrapLogMessage(true)
    .targets([new LokiQuery().datasource(dataSources.loki).refId("A").expr(expr).maxLines(500)]);

/** How many lines, over time. */
export const lineRates = ({ title, description, unit = "short" }: Picture, ...of: readonly Line[]) =>
  timeSeries({ title, description, unit })
    .datasource(dataSources.loki)
    .targets(
      of.map(([expr, legend], index) =>
        new LokiQuery()
          .datasource(dataSources.loki)
          .refId(refId(index))
          .expr(expr)
          .legendFormat(legend)
          .range(true),
      ),
    );

export const dashboardUids = {
  fleet: "sitepass-fleet",
  site: "sitepass-site",
  gate: "sitepass-gate",
} as const;

/** Columns of a dashboard. */
const columnsOfAll = 24;

interface WidePanel extends Builder<Panel> {
  readonly span: (width: number) => unknown;
}

/** Panels beside each other, over the whole width. */
export function addRow(board: Board, panels: readonly WidePanel[]): void {
  const width = Math.floor(columnsOfAll / panels.length);
  for (const [index, panel] of panels.entries()) {
    panel.span(index < columnsOfAll % panels.length ? width + 1 : width);
    board.withPanel(panel);
  }
}

/** Panels in rows of two. */
export function addPairs(board: Board, panels: readonly WidePanel[]): void {
  for (let index = 0; index < panels.length; index += 2) {
    addRow(board, panels.slice(index, index + 2));
  }
}

/** An empty dashboard that leads to the others of sitepass. */
export const dashboard = (name: keyof typeof dashboardUids, title: string, description: string) =>
  // What the SDK would have instead, every Grafana before 12 refuses.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  new DashboardBuilder(title)
    .uid(dashboardUids[name])
    .description(description)
    .tags(["sitepass"])
    .readonly()
    .timezone("browser")
    .refresh("1m")
    .time({ from: "now-6h", to: "now" })
    .link(
      new DashboardLinkBuilder("sitepass")
        .type(DashboardLinkType.Dashboards)
        .tags(["sitepass"])
        .keepTime(true)
        .includeVars(false),
    );

type Board = ReturnType<typeof dashboard>;

/** As Grafana reads it. */
export type BuiltDashboard = ReturnType<Board["build"]>;
