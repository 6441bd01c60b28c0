import type { CentralHost, CentralProgram } from "./central-host";
import { gate } from "./gate/gate";
import { cloudflared, connectorOf } from "./packaging/cloudflared";
import { alertmanager } from "./stores/alertmanager";
import { alloy } from "./stores/alloy";
import { grafana } from "./stores/grafana";
import { loki } from "./stores/loki";
import { nodeExporter } from "./stores/node-exporter";
import { prometheus } from "./stores/prometheus";
import { vmagent } from "./stores/vmagent";

/** Every program of a central host, in the order in which it is started. */
export const centralPrograms: readonly CentralProgram[] = [
  nodeExporter,
  alertmanager,
  prometheus,
  loki,
  vmagent,
  alloy,
  grafana,
  gate,
  cloudflared,
];

/** Those that a central host runs, in the same order; of several stacks each has a connector of its own. */
export const programsOf = (central: CentralHost): readonly CentralProgram[] =>
  centralPrograms
    .flatMap((program) =>
      program.name === "cloudflared" && central.stacks !== undefined
        ? central.stacks.map(({ name }) => connectorOf(name))
        : [program],
    )
    .filter((program) => program.isNeeded(central));
