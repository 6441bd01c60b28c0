import type { CentralProgram } from "../central-host";

export const alloy: CentralProgram = {
  name: "alloy",
  title: "Grafana Alloy",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "alloy", args: [], environment: {} }),
  readyPath: undefined,
};
