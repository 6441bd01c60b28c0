import type { Cloudflare } from "cloudflare";
import { z } from "zod";
import type { CloudflareAccess } from "./api-credentials";
import { loadCloudflareSdk } from "./cloudflare-sdk";
import { deepestMessage } from "../fleet/deepest-message";

/** What came of asking Cloudflare. */
export type CallResult<T> =
  | { readonly kind: "answered"; readonly value: T }
  /** The API token is good but may not; `reason` is Cloudflare's own word for it. */
  | { readonly kind: "forbidden"; readonly reason: string }
  /** Anything else; `problem` is a whole message for people, `status` the HTTP status where there was an answer. */
  | { readonly kind: "failed"; readonly problem: string; readonly status: number | undefined };

/** How a call is named in messages. */
export interface CallName {
  /** After "refused to", such as `list the service tokens of account 0123`. */
  readonly doing: string;
  /** After "the question for", such as `the account's service tokens`. */
  readonly what: string;
}

/** A client of Cloudflare's API, or why there can be none. */
export type OpenedClient =
  | { readonly client: Cloudflare; readonly problem?: undefined }
  | { readonly client?: undefined; readonly problem: string };

export type Fetch = typeof globalThis.fetch;

/** Opens the official SDK on the API that Pulumi's provider would use. */
export function openClient(access: CloudflareAccess, fetch?: Fetch): OpenedClient {
  if (access.baseUrl !== undefined && !URL.canParse(access.baseUrl)) {
    return {
      problem: `CLOUDFLARE_BASE_URL: is "${access.baseUrl}", which is no address. Unset it for Cloudflare's own API.`,
    };
  }
  const { Cloudflare } = loadCloudflareSdk();
  return {
    client: new Cloudflare({
      apiToken: access.apiToken,
      ...(access.baseUrl === undefined ? {} : { baseURL: access.baseUrl }),
      ...(fetch === undefined ? {} : { fetch }),
      timeout: 30_000,
    }),
  };
}

/** Makes a call and sorts out how it ended; what is no answer of Cloudflare's at all is thrown. */
export async function callCloudflare<T>(
  access: CloudflareAccess,
  { doing }: Pick<CallName, "doing">,
  call: () => PromiseLike<T>,
): Promise<CallResult<T>> {
  const { APIConnectionError, APIError } = loadCloudflareSdk();
  try {
    return { kind: "answered", value: await call() };
  } catch (error) {
    if (error instanceof WrongAnswer) {
      return failed(error.message);
    }
    if (error instanceof APIConnectionError) {
      return failed(
        `${addressOf(access)}: cannot be reached (${deepestMessage(error)}). Check the network, and CLOUDFLARE_BASE_URL if it is set.`,
      );
    }
    if (!(error instanceof APIError)) {
      throw error;
    }
    const { data: said = [] } = errorsSchema.safeParse(error.errors);
    const status = Number(error.status);
    const reason = [`HTTP ${status}`, ...said.map(({ code, message }) => `${code} ${message}`)].join(", ");
    if (said.some(({ code }) => code === notEnabled)) {
      return failed(
        `sitepass:accountId: is an account without Zero Trust (${reason}). Set Zero Trust up once in the dashboard, with a team name and a plan.`,
        status,
      );
    }
    return status === 403
      ? { kind: "forbidden", reason }
      : failed(`Cloudflare: refused to ${doing} (${reason}). ${adviceFor(status)}`, status);
  }
}

/** access.api.error.not_enabled; with which HTTP status it comes is not known, so it is told by its code. */
const notEnabled = 9999;

const errorsSchema = z.array(z.object({ code: z.number(), message: z.string() }));

/** The most that a list call of Access returns; a default account holds 50 tokens, so this is one call. */
const pageSize = 1000;

/** A page of a list, asked for with the SDK; `asResponse` because the SDK takes anything with status 200 for an empty list. */
export type PageCall = (query: { readonly page: number; readonly per_page: number }) => {
  asResponse(): Promise<Response>;
};

/**
 * Lists everything there is, entry by entry checked against a schema.
 *
 * Pages are counted by hand because the SDK's iterator always asks for one page more than there is
 * (cloudflare-typescript 7.3.0, core/pagination.ts, V4PagePaginationArray).
 *
 * @param perPage the most that this list gives a page; default 1,000.
 */
export function listCloudflare<T extends { readonly id: string }>(
  access: CloudflareAccess,
  name: CallName,
  entry: z.ZodType<T>,
  pageOf: PageCall,
  perPage = pageSize,
): Promise<CallResult<readonly T[]>> {
  const listSchema = z.object({
    success: z.literal(true),
    result: z.array(entry),
    result_info: z.object({ per_page: z.number().optional() }).nullish(),
  });
  return callCloudflare(access, name, async () => {
    // By ID, so that an entry that moves to the next page while another one is deleted is not counted twice.
    const entries = new Map<string, T>();
    for (let page = 1; ; page += 1) {
      const answer = await pageOf({ page, per_page: perPage }).asResponse();
      const body = listSchema.safeParse(await answer.json().catch(() => undefined));
      if (!body.success) {
        throw new WrongAnswer(
          `${addressOf(access)}: answered the question for ${name.what} with something else (${answer.headers.get("content-type") ?? "no content type"}). Check CLOUDFLARE_BASE_URL, and whether a proxy stands in between.`,
        );
      }
      const { result, result_info: info } = body.data;
      const known = entries.size;
      for (const found of result) {
        entries.set(found.id, found);
      }
      // A server may give fewer a page than it was asked for; result_info says how many it gives.
      if (entries.size === known || result.length < (info?.per_page ?? perPage)) {
        return [...entries.values()];
      }
    }
  });
}

/** The answer is not what Cloudflare's API says; the message is for people. */
class WrongAnswer extends Error {}

const addressOf = ({ baseUrl }: CloudflareAccess): string => baseUrl ?? "api.cloudflare.com";

const failed = (problem: string, status?: number): CallResult<never> => ({ kind: "failed", problem, status });

function adviceFor(status: number): string {
  switch (status) {
    case 400:
    case 401:
      return "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.";
    case 404:
      return "Check sitepass:accountId.";
    case 429:
      return "The account's 1,200 calls per five minutes are used up: wait five minutes.";
    default:
      return "Try again; if it stays, look at cloudflarestatus.com.";
  }
}
