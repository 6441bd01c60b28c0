import { setTimeout as delay } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context } from "hono";
import { accessApplicationRoutes } from "./access-applications";
import { accessPolicyRoutes } from "./access-policies";
import { apiTokenRoutes } from "./api-token";
import { controlApp, faultError, type Controls, type Fault } from "./control";
import { dnsRecordRoutes } from "./dns-records";
import { ApiError, apiError, failure, success } from "./envelope";
import type { RateLimit } from "./limits";
import { notificationPolicyRoutes } from "./notification-policies";
import { organizationRoutes } from "./organization";
import { isPermitted, type Permission } from "./permissions";
import type { Backend, Route } from "./route";
import { serviceTokenRoutes } from "./service-tokens";
import { tunnelConfigurationRoutes } from "./tunnel-configurations";
import { tunnelRoutes } from "./tunnels";
import { zoneRoutes } from "./zones";

/** What the app needs beside the account itself. */
interface AppState extends Backend, Controls {
  /** API tokens and the permissions each holds. */
  readonly apiTokens: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rateLimit: RateLimit;
  /** Called after each request that may have changed the database. */
  readonly changed: () => void;
}

/** Every route that is imitated. Anything else is answered with 501. */
export const routes: readonly Route[] = [
  ...accessApplicationRoutes,
  ...accessPolicyRoutes,
  ...apiTokenRoutes,
  ...dnsRecordRoutes,
  ...notificationPolicyRoutes,
  ...organizationRoutes,
  ...serviceTokenRoutes,
  ...tunnelConfigurationRoutes,
  ...tunnelRoutes,
  ...zoneRoutes,
];

const prefix = "/client/v4";

/** The API as a Hono app: `app.request()` needs no socket. */
export function createApp(state: AppState): Hono {
  const app = new Hono();
  app.use(`${prefix}/*`, async (c, next) => {
    const { method } = c.req;
    const path = pathBelowPrefix(c.req.path);
    const fault = state.faults.take(method, path);
    if (fault?.hold === undefined) {
      fault?.onHit?.({ method, path });
    }
    if (fault?.latencyMs !== undefined) {
      await delay(fault.latencyMs);
    }
    if (fault?.hold === "before") {
      await heldUntilGone(c.env, fault, { method, path });
      c.res = RESPONSE_ALREADY_SENT;
      return;
    }
    if (fault?.html !== undefined) {
      c.res = new Response(fault.html, {
        status: fault.status ?? 200,
        headers: { "content-type": "text/html; charset=UTF-8" },
      });
    } else if (fault?.status !== undefined) {
      c.res = failure(faultError(fault, fault.status));
    } else {
      await next();
    }
    state.requests.push({ method, path, query: new URL(c.req.url).search.slice(1), status: c.res.status });
    if (fault?.hold === "after") {
      await heldUntilGone(c.env, fault, { method, path });
      c.res = RESPONSE_ALREADY_SENT;
    } else if (fault?.lostAnswer === true) {
      socketOf(c.env).destroy();
      c.res = RESPONSE_ALREADY_SENT;
    }
  });
  app.use(`${prefix}/*`, async (c, next) => {
    state.rateLimit.count();
    if (!state.apiTokens.has(bearerToken(c.req.header("authorization")))) {
      // No API token, or an unknown one: public test fixtures quote the second answer, sendmebits/ghostmail-ios#2 the first.
      throw c.req.path.endsWith("/tokens/verify")
        ? apiError(401, 1000, "Invalid API Token")
        : apiError(403, 9109, "Invalid access token");
    }
    await next();
  });
  for (const route of routes) {
    app.on(route.method, prefix + route.path, (c) => serve(c, route, state));
  }
  app.route("/__standin", controlApp(state));
  // 501 on purpose, so that nobody takes it for an answer that Cloudflare would give.
  app.notFound((c) =>
    failure(
      apiError(501, 501, `The stand-in does not imitate ${c.req.method} ${pathBelowPrefix(c.req.path)}`),
    ),
  );
  app.onError((error, c) => {
    if (error instanceof ApiError) {
      return failure(error);
    }
    // A bug of the stand-in: shown where it can be seen, and never as one of Cloudflare's answers.
    console.error(error);
    return failure(apiError(500, 500, `The stand-in failed at ${c.req.method} ${c.req.path}`));
  });
  return app;
}

/**
 * Checks account, zone and permission, then asks the route.
 *
 * Codes: 7003 for a malformed ID is general knowledge, not verified. For a missing permission or another account public
 * logs show 10000 and 9109; 10000 is what they show below `/accounts/{id}`, and which route answers which is a gap. That
 * an unknown zone is answered like a forbidden one (9109) is a gap too.
 */
async function serve(c: Context, route: Route, state: AppState): Promise<Response> {
  const apiToken = bearerToken(c.req.header("authorization"));
  const { account, zone: zoneId = "", id = "" } = c.req.param();
  for (const identifier of [account, zoneId]) {
    if (identifier !== undefined && identifier !== "" && !/^[0-9a-f]{32}$/.test(identifier)) {
      const message = `Could not route to ${pathBelowPrefix(c.req.path)}, perhaps your object identifier is invalid?`;
      throw apiError(404, 7003, message);
    }
  }
  const held = state.apiTokens.get(apiToken);
  const isForbidden =
    route.permission !== undefined && held !== undefined && !isPermitted(held, route.permission);
  if (isForbidden || (account !== undefined && account !== state.database.accountId)) {
    throw apiError(403, 10000, "Authentication error");
  }
  if (zoneId !== "" && !state.database.zones.has(zoneId)) {
    throw apiError(403, 9109, "Unauthorized to access requested resource");
  }
  const query = new URL(c.req.url).searchParams;
  const holds = (needed: Permission): boolean => held !== undefined && isPermitted(held, needed);
  const reply = route.answer({ ...state, id, zoneId, apiToken, holds, query, body: await c.req.text() });
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

/** Resolves when the client has hung up. */
async function heldUntilGone(
  env: unknown,
  { onHit }: Fault,
  request: Parameters<NonNullable<Fault["onHit"]>>[0],
): Promise<void> {
  const socket = socketOf(env);
  const gone = new Promise((resolve) => socket.once("close", resolve));
  onHit?.(request);
  if (!socket.destroyed) {
    await gone;
  }
}

function socketOf(env: unknown): HttpBindings["incoming"]["socket"] {
  if (!hasSocket(env)) {
    throw new Error("a lost or held answer needs a socket: use startStandIn, not app.request");
  }
  return env.incoming.socket;
}

function hasSocket(env: unknown): env is HttpBindings {
  return typeof env === "object" && env !== null && "incoming" in env;
}
