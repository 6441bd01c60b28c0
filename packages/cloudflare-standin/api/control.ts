import { Hono } from "hono";
import { z } from "zod";
import type { AppState } from "./app";
import { ApiError } from "./errors";
import { faultBody } from "./faults";
import { parseBody } from "./strict-input";

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** What can be turned on and off in a running stand-in, by name. */
export type Switches = Readonly<Record<string, (on: boolean) => Promise<void>>>;

/**
 * Faults, switches and the request log over HTTP, for a stand-in that runs in another process. Nothing of it is Cloudflare's.
 *
 * There is no token, so a page in a browser must not get in: a name that was rebound to 127.0.0.1 shows in `Host`, and
 * every cross-site request that writes has an `Origin`.
 */
export function controlApp(state: Pick<AppState, "faults" | "requests" | "switches">): Hono {
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
  app.post("/switches", async (c) => {
    const wanted = Object.entries(parseBody(z.record(z.string(), z.boolean()), await c.req.text(), "POST"));
    const known = Object.keys(state.switches);
    for (const [name] of wanted) {
      if (!known.includes(name)) {
        throw new ApiError(400, [
          { code: 400, message: `no switch is called ${name}; there are: ${known.join(", ") || "none"}` },
        ]);
      }
    }
    for (const [name, on] of wanted) {
      await state.switches[name]?.(on);
    }
    return c.json({ switched: true });
  });
  app.get("/requests", (c) => c.json(state.requests));
  app.delete("/requests", (c) => {
    state.requests.length = 0;
    return c.json({ cleared: true });
  });
  return app;
}
