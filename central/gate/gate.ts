import type { CentralProgram } from "../central-host";

export const gate: CentralProgram = {
  name: "gate",
  title: "HAProxy, the gate",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "haproxy", args: [], environment: {} }),
  readyPath: undefined,
};
