import type { CentralProgram } from "../central-host";

export const vmagent: CentralProgram = {
  name: "vmagent",
  title: "vmagent",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "vmagent", args: [], environment: {} }),
  readyPath: undefined,
};
