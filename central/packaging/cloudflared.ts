import type { CentralProgram } from "../central-host";

/**
 * The connector. Where its tunnel leads is configured at Cloudflare, by the stack, so that it has no file of its own but the token,
 * and any number of them can run with the same one.
 */
export const cloudflared: CentralProgram = {
  name: "cloudflared",
  title: "cloudflared",
  isNeeded: ({ secrets }) => secrets.has("tunnel-token"),
  files: () => [],
  command: (_central, { programs: { cloudflared: place }, credentials }) => ({
    program: "cloudflared",
    args: [
      "tunnel",
      "--no-autoupdate",
      "--metrics",
      `${place.bind}:${place.ports.http}`,
      "run",
      "--token-file",
      `${credentials}/tunnel-token`,
    ],
    environment: {},
  }),
  // 200 with at least one connection to Cloudflare (docs/facts/edge.md).
  readyPath: "/ready",
};
