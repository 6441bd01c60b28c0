import type { Cloudflare } from "cloudflare";
import type { z } from "zod";
import type { CloudflareAccess } from "./api-credentials";
import {
  callCloudflare,
  listCloudflare,
  openClient,
  type CallName,
  type CallResult,
  type PageCall,
} from "./client";
import { UserError } from "../fleet/problem";
import { pacedFetch } from "./request-pace";

/** Cloudflare's API as the day-2 commands use it: the official SDK, paced, and with failures in words. */
export interface CloudflareApi {
  readonly client: Cloudflare;
  /** Makes one call; how it ended is for the caller to judge. */
  readonly call: <T>(doing: string, call: () => PromiseLike<T>) => Promise<CallResult<T>>;
  /** Lists everything there is, page by page, each entry checked against the schema. */
  readonly list: <T extends { readonly id: string }>(
    name: CallName,
    entry: z.ZodType<T>,
    pageOf: PageCall,
    perPage?: number,
  ) => Promise<CallResult<readonly T[]>>;
  /** How many requests were made so far, retries included. */
  readonly requestCount: () => number;
}

/** @throws UserError when the API's address is none. */
export function openCloudflareApi(access: CloudflareAccess): CloudflareApi {
  const pace = pacedFetch();
  const { client, problem } = openClient(access, pace.fetch);
  if (client === undefined) {
    throw new UserError([problem]);
  }
  return {
    client,
    call: (doing, call) => callCloudflare(access, { doing }, call),
    list: (name, entry, pageOf, perPage) => listCloudflare(access, name, entry, pageOf, perPage),
    requestCount: pace.count,
  };
}

/**
 * The value of a call that must succeed.
 *
 * @param permission that the API token needs for it, as the dashboard names it.
 * @throws UserError with what Cloudflare said, and the missing permission where it refused.
 */
export function answered<T>(result: CallResult<T>, doing: string, permission: string): T {
  switch (result.kind) {
    case "answered":
      return result.value;
    case "forbidden":
      throw new UserError([
        `CLOUDFLARE_API_TOKEN: may not ${doing} (${result.reason}). Give it the permission "${permission}".`,
      ]);
    case "failed":
      throw new UserError([result.problem]);
  }
}
