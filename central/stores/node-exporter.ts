import type { CentralProgram } from "../central-host";

export const nodeExporter: CentralProgram = {
  name: "node-exporter",
  title: "node_exporter",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "node_exporter", args: [], environment: {} }),
  readyPath: undefined,
};
