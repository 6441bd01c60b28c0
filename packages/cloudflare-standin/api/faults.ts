import { z } from "zod";
import { ApiError } from "./errors";

/** Something that goes wrong with the next matching requests. */
export interface Fault {
  /** What is hit; an empty match hits everything. A string `path` is a prefix of the path below `/client/v4`. */
  readonly match: { readonly method?: string; readonly path?: RegExp | string };
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
}

/** A fault as JSON, for the route of the standalone server: the path is the source of a regular expression. */
export const faultBody = z.strictObject({
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
  times: z.int().min(1).exactOptional(),
  status: z.int().min(400).max(599).exactOptional(),
  code: z.int().exactOptional(),
  message: z.string().exactOptional(),
  retryAfterSeconds: z.number().min(0).exactOptional(),
  shouldRetry: z.boolean().exactOptional(),
  latencyMs: z.number().min(0).exactOptional(),
  lostAnswer: z.boolean().exactOptional(),
});

/** The faults still to come, in the order they were injected. */
export class Faults {
  readonly #pending: { readonly fault: Fault; left: number }[] = [];

  inject(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  /** The first fault that matches, used up once. */
  take(method: string, path: string): Fault | undefined {
    const index = this.#pending.findIndex(({ fault }) => hits(fault, method, path));
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

/** The error a fault with a status answers. */
export function faultError(fault: Fault, status: number): ApiError {
  const { code = status, message = "injected fault", retryAfterSeconds } = fault;
  const shouldRetry = fault.shouldRetry ?? (retryAfterSeconds === undefined ? false : undefined);
  return new ApiError(status, [{ code, message }], {
    "retry-after": retryAfterSeconds?.toString(),
    "x-should-retry": shouldRetry?.toString(),
  });
}
