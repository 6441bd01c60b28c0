import { Hono } from "hono";
import type { AppState } from "./app";
import { ApiError } from "./errors";
import { faultBody } from "./faults";
import { parseBody } from "./strict-input";

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Faults and the request log over HTTP, for a stand-in that runs in another process. Nothing of it is Cloudflare's.
 *
 * There is no token, so a page in a browser must not get in: a name that was rebound to 127.0.0.1 shows in `Host`, and
 * every cross-site request that writes has an `Origin`.
 */
export function controlApp(state: Pick<AppState, "faults" | "requests">): Hono {
  const app = new Hono();
  app.use("*", async (c, next) => {
    const host = (c.req.header("host") ?? new URL(c.req.url).host).replace(/:\d+$/, "");
    if (!loopbackHosts.has(host) || c.req.header("origin") !== undefined) {
      throw new ApiError(403, [
        { code: 403, message: `refused: ${host} is not a loopback host, or a browser asks` },
      ]);
    }
    await next();
  });
  app.post("/faults", async (c) => {
    state.faults.inject(parseBody(faultBody, await c.req.text(), "POST"));
    return c.json({ injected: true });
  });
  app.get("/requests", (c) => c.json(state.requests));
  app.delete("/requests", (c) => {
    state.requests.length = 0;
    return c.json({ cleared: true });
  });
  return app;
}
