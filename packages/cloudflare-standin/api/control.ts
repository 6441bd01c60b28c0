import { Hono } from "hono";
import { z } from "zod";
import { ApiError, apiError } from "./envelope";
import { parseBody } from "./strict-input";

/** Something that goes wrong with the next matching requests. */
export interface Fault {
  /** What is hit; an empty match hits everything. A string `path` is a prefix of the path below `/client/v4`. */
  readonly match: { readonly method?: string; readonly path?: RegExp | string };
  /** How many matching requests pass before the first is hit; default none. */
  readonly skip?: number;
  /** How many requests are hit; default 1. */
  readonly times?: number;
  /** Answers with this HTTP status instead of doing anything. */
  readonly status?: number;
  /** Of the error entry; default the status. */
  readonly code?: number;
  readonly message?: string;
  /** Sends `retry-after`, and leaves `x-should-retry` out so that clients follow it. */
  readonly retryAfterSeconds?: number;
  /** Sends `x-should-retry`; default false, or nothing when there is a `retryAfterSeconds`. */
  readonly shouldRetry?: boolean;
  /** Waits first, in milliseconds. */
  readonly latencyMs?: number;
  /** Does what was asked, then cuts the connection without an answer. */
  readonly lostAnswer?: boolean;
  /**
   * Answers with this HTML page and `status`, or 200, instead of doing anything: what a proxy on the way, or an edge that
   * is down, puts in place of the API's JSON (TF#6422 shows what the provider makes of it). Retries are not forbidden.
   */
  readonly html?: string;
  /**
   * Gives no answer until the client has hung up, as one that was killed does: "before" without doing what was asked, and
   * "after" having done it.
   */
  readonly hold?: "before" | "after";
  /** Called when a request is hit, or when it is held; in a process only. */
  readonly onHit?: (request: Pick<RequestRecord, "method" | "path">) => void;
}

/** The faults still to come, in the order they were injected. */
export class Faults {
  readonly #pending: { readonly fault: Fault; toSkip: number; left: number }[] = [];

  inject(fault: Fault): void {
    this.#pending.push({ fault, toSkip: fault.skip ?? 0, left: fault.times ?? 1 });
  }

  /** The first fault that matches and lets nothing more pass, used up once. */
  take(method: string, path: string): Fault | undefined {
    const index = this.#pending.findIndex((pending) => {
      if (!hits(pending.fault, method, path)) {
        return false;
      }
      pending.toSkip -= 1;
      return pending.toSkip < 0;
    });
    const found = this.#pending[index];
    if (found === undefined) {
      return undefined;
    }
    found.left -= 1;
    if (found.left <= 0) {
      this.#pending.splice(index, 1);
    }
    return found.fault;
  }
}

function hits({ match }: Fault, method: string, path: string): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== method) {
    return false;
  }
  // `search`, unlike `test`, keeps no position in a global expression between calls.
  return (
    match.path === undefined ||
    (typeof match.path === "string" ? path.startsWith(match.path) : path.search(match.path) !== -1)
  );
}

/** The error that a fault with a status answers. */
export function faultError(fault: Fault, status: number): ApiError {
  const { code = status, message = "injected fault", retryAfterSeconds } = fault;
  const shouldRetry = fault.shouldRetry ?? (retryAfterSeconds === undefined ? false : undefined);
  return new ApiError(status, [{ code, message }], {
    "retry-after": retryAfterSeconds?.toString(),
    "x-should-retry": shouldRetry?.toString(),
  });
}

/** One request that reached the API. */
export interface RequestRecord {
  readonly method: string;
  /** Below `/client/v4`, without the query. */
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
  /** What was answered, or would have been had the answer not been lost. */
  readonly status: number;
}

/** What can be turned on and off in a running stand-in, by name. */
export type Switches = Readonly<Record<string, (on: boolean) => Promise<void>>>;

/** What the control routes work on. */
export interface Controls {
  readonly faults: Faults;
  readonly requests: RequestRecord[];
  readonly switches: Switches;
}

/** A fault as JSON: the path is the source of a regular expression. */
const faultBody = z.strictObject({
  match: z.strictObject({
    method: z.string().exactOptional(),
    path: z
      .string()
      .transform((source, context) => {
        try {
          return new RegExp(source);
        } catch {
          context.addIssue({ code: "custom", message: `not a regular expression: ${source}` });
          return z.NEVER;
        }
      })
      .exactOptional(),
  }),
  skip: z.int().min(0).exactOptional(),
  times: z.int().min(1).exactOptional(),
  status: z.int().min(400).max(599).exactOptional(),
  code: z.int().exactOptional(),
  message: z.string().exactOptional(),
  retryAfterSeconds: z.number().min(0).exactOptional(),
  shouldRetry: z.boolean().exactOptional(),
  latencyMs: z.number().min(0).exactOptional(),
  lostAnswer: z.boolean().exactOptional(),
  html: z.string().exactOptional(),
  hold: z.enum(["before", "after"]).exactOptional(),
});

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Faults, switches and the request log over HTTP, for a stand-in that runs in another process. Cloudflare has none of it.
 *
 * There is no token, so a page in a browser must not get in: a name that was rebound to 127.0.0.1 shows in `Host`, and
 * every cross-site request that writes has an `Origin`.
 */
export function controlApp({ faults, requests, switches }: Controls): Hono {
  const app = new Hono();
  app.use("*", async (c, next) => {
    const host = (c.req.header("host") ?? new URL(c.req.url).host).replace(/:\d+$/, "");
    if (!loopbackHosts.has(host) || c.req.header("origin") !== undefined) {
      throw apiError(403, 403, `refused: ${host} is not a loopback host, or a browser asks`);
    }
    await next();
  });
  app.post("/faults", async (c) => {
    faults.inject(parseBody(faultBody, await c.req.text(), "POST"));
    return c.json({ injected: true });
  });
  app.post("/switches", async (c) => {
    const wanted = Object.entries(parseBody(z.record(z.string(), z.boolean()), await c.req.text(), "POST"));
    const known = Object.keys(switches);
    const unknown = wanted.find(([name]) => !known.includes(name));
    if (unknown !== undefined) {
      const [name] = unknown;
      throw apiError(400, 400, `no switch is called ${name}; there are: ${known.join(", ") || "none"}`);
    }
    for (const [name, on] of wanted) {
      await switches[name]?.(on);
    }
    return c.json({ switched: true });
  });
  app.get("/requests", (c) => c.json(requests));
  app.delete("/requests", (c) => {
    requests.length = 0;
    return c.json({ cleared: true });
  });
  return app;
}
