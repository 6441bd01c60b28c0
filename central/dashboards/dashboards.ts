import type { RenderedFile } from "../../collectors/collector";
import type { CentralHost } from "../central-host";
import { fleetDashboard } from "./fleet";
import { gateDashboard } from "./gate";
import type { BuiltDashboard } from "./panels";
import { siteDashboard } from "./site";

/** The dashboards of a central host, as Grafana reads them. */
export const dashboardFiles = (central: CentralHost): readonly RenderedFile[] => {
  const boards: readonly (readonly [name: string, BuiltDashboard])[] = [
    ["fleet", fleetDashboard(central)],
    ["site", siteDashboard(central)],
    ...(central.identity === "off" ? [] : [["gate", gateDashboard(central)] as const]),
  ];
  return boards.map(([name, board]) => ({
    path: `grafana/dashboards/${name}.json`,
    mode: 0o644,
    content: `${JSON.stringify(board, null, 2)}\n`,
  }));
};
