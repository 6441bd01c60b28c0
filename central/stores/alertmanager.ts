import type { CentralProgram } from "../central-host";

export const alertmanager: CentralProgram = {
  name: "alertmanager",
  title: "Alertmanager",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "alertmanager", args: [], environment: {} }),
  readyPath: undefined,
};
