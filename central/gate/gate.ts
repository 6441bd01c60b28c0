import type { CentralProgram } from "../central-host";
import { haproxyConfig, sendAgain } from "./haproxy-config";
import { gateLua } from "./gate-lua";
import { siteMapText } from "./site-map";
import { masterSocket } from "./runtime-socket";

/**
 * HAProxy between cloudflared and the stores: it lets in what Access vouches for, and tells the store which site pushed, whatever the
 * push says. The keys of Access are no rendered files: see access-keys.ts.
 */
export const gate: CentralProgram = {
  name: "gate",
  title: "HAProxy, the gate",
  isNeeded: ({ identity }) => identity !== "off",
  files: (central, places) =>
    [
      { path: "gate/haproxy.cfg", content: haproxyConfig(central, places) },
      { path: "gate/gate.lua", content: gateLua(central.limits) },
      { path: "gate/sites.map", content: siteMapText(central.sites) },
      { path: "gate/send-again.http", content: sendAgain },
    ].map((file) => ({ ...file, mode: 0o644 as const })),
  command: (_, { run, programs }) => ({
    program: "haproxy",
    // As a master with workers: a reload replaces the worker, and the sockets stay open.
    args: ["-W", "-S", `${masterSocket(run)},mode,600`, "-f", `${programs.gate.files}/haproxy.cfg`],
    environment: {},
  }),
  readyPath: "/ready",
};
