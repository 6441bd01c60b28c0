import type { CentralProgram } from "../central-host";
import { connectorsOf, tokenName } from "../several-stacks";

/**
 * The connector of one of several stacks, or of the only one. Where its tunnel leads is configured at Cloudflare, by the stack, so that it
 * has no file of its own but the token, and any number of them can run with the same one.
 */
export const connectorOf = (stack: string | undefined): CentralProgram => ({
  name: "cloudflared",
  ...(stack === undefined ? {} : { stack }),
  title: stack === undefined ? "cloudflared" : `cloudflared of stack ${stack}`,
  isNeeded: ({ secrets }) => secrets.has(tokenName(stack)),
  files: () => [],
  command: (central, places) => {
    const { cloudflared: place } = places.programs;
    const port = connectorsOf(central, places).find((one) => one.stack === stack)?.port ?? place.ports.http;
    return {
      program: "cloudflared",
      args: [
        "tunnel",
        "--no-autoupdate",
        "--metrics",
        `${place.bind}:${port}`,
        "run",
        "--token-file",
        `${places.credentials}/${tokenName(stack)}`,
      ],
      environment: {},
    };
  },
  // 200 with at least one connection to Cloudflare (docs/facts/edge.md).
  readyPath: "/ready",
});

export const cloudflared = connectorOf(undefined);
