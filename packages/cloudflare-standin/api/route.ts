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
  /** For lists that show less to an API token without the permission, where others refuse it. */
  readonly holds: (permission: Permission) => boolean;
  readonly query: Query;
  readonly body: Body;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One imitated route, ready to be served. */
export interface Route {
  readonly method: Method;
  /** Below `/client/v4`; parameters are `:account`, `:zone` and `:id`. */
  readonly path: string;
  /** None means that any valid API token will do. */
  readonly permission: Permission | undefined;
  readonly answer: (call: Call<URLSearchParams, string>) => Reply;
}

/** The input of a route without query parameters and body. A body of `{}` passes, as some clients send it with every POST. */
export const noInput = { query: z.strictObject({}), body: z.strictObject({}).optional() };

/** Declares a route. Strict schemas parse query and body before the handler sees them. */
export function route<Query extends z.ZodType, Body extends z.ZodType>(
  method: Method,
  path: string,
  permission: Permission | undefined,
  input: { readonly query: Query; readonly body: Body },
  handle: (call: Call<z.output<Query>, z.output<Body>>) => Reply,
): Route {
  return {
    method,
    path,
    permission,
    answer: (call) =>
      handle({
        ...call,
        query: parseQuery(input.query, call.query),
        body: parseBody(input.body, call.body, method),
      }),
  };
}
