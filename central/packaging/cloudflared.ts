import type { CentralProgram } from "../central-host";

export const cloudflared: CentralProgram = {
  name: "cloudflared",
  title: "cloudflared",
  isNeeded: () => true,
  files: () => [],
  command: () => ({ program: "cloudflared", args: [], environment: {} }),
  readyPath: undefined,
};
