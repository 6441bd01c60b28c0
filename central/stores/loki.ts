import type { CentralProgram } from "../central-host";

export const loki: CentralProgram = {
  name: "loki",
  title: "Loki",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "loki", args: [], environment: {} }),
  readyPath: undefined,
};
