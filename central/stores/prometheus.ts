import type { CentralProgram } from "../central-host";

export const prometheus: CentralProgram = {
  name: "prometheus",
  title: "Prometheus",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "prometheus", args: [], environment: {} }),
  readyPath: undefined,
};
