import { z } from "zod";
import type { Database } from "./database";
import type { Reply } from "./envelope";
import type { Limits } from "./limits";
import type { Permission } from "./permissions";
import { parseBody, parseQuery } from "./strict-input";

/** What the handlers of all products work on. */
export interface Backend {
  readonly database: Database;
  readonly limits: Limits;
  readonly now: () => Date;
  /** Every secret handed out is added here, so that tests can look for it where it must not be. */
  readonly issuedSecrets: Set<string>;
}

/** A request whose account, zone, permission, query and body have been checked. */
export interface Call<Query, Body> extends Backend {
  /** The last ID of the path; empty where the path has none. */
  readonly id: string;
  /** The zone's ID, known to exist; empty on account routes. */
  readonly zoneId: string;
  /** The bearer token, known to be valid. */
  readonly apiToken: string;
  readonly query: Query;
  readonly body: Body;
}

/** A request as it came in. */
export interface RawCall extends Backend {
  readonly id: string;
  readonly zoneId: string;
  readonly apiToken: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Definition<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: Method;
  /** Below `/client/v4`; parameters are `:account`, `:zone` and `:id`. */
  readonly path: string;
  /** None means that any valid token will do. */
  readonly permission: Permission | undefined;
  readonly query: Query;
  readonly body: Body;
  readonly handle: (call: Call<z.output<Query>, z.output<Body>>) => Reply;
}

/** One imitated route, ready to be served. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly permission: Permission | undefined;
  readonly answer: (call: RawCall) => Reply;
}

/** A route without query parameters. */
export const noQuery = z.strictObject({});
/** A route without a body; `{}` passes, as some clients send it with every POST. */
export const noBody = z.strictObject({}).optional();

/** Declares a route. Query and body are parsed by strict schemas before the handler sees them. */
export function route<Query extends z.ZodType, Body extends z.ZodType>(
  definition: Definition<Query, Body>,
): Route {
  const { method, path, permission, query, body, handle } = definition;
  return {
    method,
    path,
    permission,
    answer: (call) =>
      handle({
        ...call,
        query: parseQuery(query, call.query),
        body: parseBody(body, call.body, method),
      }),
  };
}
