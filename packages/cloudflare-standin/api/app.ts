import { setTimeout as delay } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context } from "hono";
import { controlApp, type Switches } from "./control";
import { failure, success } from "./envelope";
import {
  ApiError,
  authenticationError,
  couldNotRoute,
  invalidAccessToken,
  invalidApiToken,
  notImitated,
  zoneOutOfScope,
} from "./errors";
import { faultError, type Faults } from "./faults";
import { isPermitted } from "./permissions";
import type { RateLimit } from "./rate-limit";
import type { Backend, Route } from "./route";
import { routes } from "./routes";

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

/** What the app needs beside the account itself. */
export interface AppState extends Backend {
  /** API tokens and the permissions each holds. */
  readonly apiTokens: ReadonlyMap<string, ReadonlySet<string>>;
  readonly faults: Faults;
  readonly rateLimit: RateLimit;
  readonly requests: RequestRecord[];
  /** Called after each request that may have changed the database. */
  readonly changed: () => void;
  readonly switches: Switches;
}

const prefix = "/client/v4";

/** The API as a Hono app: `app.request()` needs no socket. */
export function createApp(state: AppState): Hono {
  const app = new Hono();
  app.use(`${prefix}/*`, async (c, next) => {
    const { method } = c.req;
    const path = pathBelowPrefix(c.req.path);
    const fault = state.faults.take(method, path);
    if (fault?.latencyMs !== undefined) {
      await delay(fault.latencyMs);
    }
    if (fault?.status === undefined) {
      await next();
    } else {
      c.res = failure(faultError(fault, fault.status));
    }
    state.requests.push({ method, path, query: new URL(c.req.url).search.slice(1), status: c.res.status });
    if (fault?.lostAnswer === true) {
      cutConnection(c.env);
      c.res = RESPONSE_ALREADY_SENT;
    }
  });
  app.use(`${prefix}/*`, async (c, next) => {
    state.rateLimit.count();
    if (!state.apiTokens.has(bearerToken(c.req.header("authorization")))) {
      throw c.req.path.endsWith("/tokens/verify") ? invalidApiToken() : invalidAccessToken();
    }
    await next();
  });
  for (const route of routes) {
    app.on(route.method, prefix + route.path, (c) => serve(c, route, state));
  }
  app.route("/__standin", controlApp(state));
  app.notFound((c) => failure(notImitated(c.req.method, pathBelowPrefix(c.req.path))));
  app.onError((error, c) => {
    if (error instanceof ApiError) {
      return failure(error);
    }
    // A bug of the stand-in: shown where it can be seen, and never as one of Cloudflare's answers.
    console.error(error);
    return failure(
      new ApiError(500, [{ code: 500, message: `The stand-in failed at ${c.req.method} ${c.req.path}` }]),
    );
  });
  return app;
}

async function serve(c: Context, route: Route, state: AppState): Promise<Response> {
  const apiToken = bearerToken(c.req.header("authorization"));
  const { account, zone: zoneId = "", id = "" } = c.req.param();
  for (const identifier of [account, zoneId]) {
    if (identifier !== undefined && identifier !== "" && !/^[0-9a-f]{32}$/.test(identifier)) {
      throw couldNotRoute(pathBelowPrefix(c.req.path));
    }
  }
  if (account !== undefined && account !== state.database.accountId) {
    throw authenticationError();
  }
  const held = state.apiTokens.get(apiToken);
  if (route.permission !== undefined && held !== undefined && !isPermitted(held, route.permission)) {
    throw authenticationError();
  }
  if (zoneId !== "" && !state.database.zones.has(zoneId)) {
    throw zoneOutOfScope();
  }
  const query = new URL(c.req.url).searchParams;
  const reply = route.answer({ ...state, id, zoneId, apiToken, query, body: await c.req.text() });
  if (route.method !== "GET") {
    state.changed();
  }
  return success(reply);
}

function bearerToken(authorization = ""): string {
  return /^Bearer (\S+)$/.exec(authorization)?.[1] ?? "";
}

function pathBelowPrefix(path: string): string {
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

function cutConnection(env: unknown): void {
  if (!hasSocket(env)) {
    throw new Error("a lost answer needs a socket: use startStandIn, not app.request");
  }
  env.incoming.socket.destroy();
}

function hasSocket(env: unknown): env is HttpBindings {
  return typeof env === "object" && env !== null && "incoming" in env;
}
