import type { CentralProgram } from "../central-host";

export const grafana: CentralProgram = {
  name: "grafana",
  title: "Grafana",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "grafana", args: [], environment: {} }),
  readyPath: undefined,
};
