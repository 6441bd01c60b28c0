import { z } from "zod";
import type { CloudflareAccess } from "./cloudflare-access";
import { loadCloudflareSdk } from "./cloudflare-sdk";
import { deepestMessage } from "./deepest-message";

/** What a listing says of a service token; secrets are never part of it. */
export interface ListedToken {
  readonly id: string;
  readonly name: string;
}

export type TokenListing =
  | { readonly kind: "listed"; readonly tokens: readonly ListedToken[] }
  /** The API token is good but may not list; `reason` is Cloudflare's own word for it. */
  | { readonly kind: "forbidden"; readonly reason: string }
  /** Anything else; `problem` is a whole message for people. */
  | { readonly kind: "failed"; readonly problem: string };

const listSchema = z.object({
  success: z.literal(true),
  result: z.array(z.object({ id: z.string(), name: z.string().catch("") })),
  result_info: z.object({ per_page: z.number().optional() }).nullish(),
});

const errorsSchema = z.array(z.object({ code: z.number(), message: z.string() }));

/** The most that a list call returns; a default account holds 50 tokens, so this is one call. */
const pageSize = 1000;

/**
 * Lists every service token of an account.
 *
 * Pages are counted by hand because the SDK's iterator always asks for one page more than there is
 * (cloudflare-typescript 7.3.0, core/pagination.ts, V4PagePaginationArray).
 */
export async function listServiceTokens(access: CloudflareAccess, accountId: string): Promise<TokenListing> {
  const address = access.baseUrl ?? "api.cloudflare.com";
  if (access.baseUrl !== undefined && !URL.canParse(access.baseUrl)) {
    return failed(
      `CLOUDFLARE_BASE_URL: is "${access.baseUrl}", which is no address. Unset it for Cloudflare's own API.`,
    );
  }
  const { APIConnectionError, APIError, Cloudflare } = loadCloudflareSdk();
  const client = new Cloudflare({
    apiToken: access.apiToken,
    ...(access.baseUrl === undefined ? {} : { baseURL: access.baseUrl }),
    timeout: 30_000,
  });
  // By ID, so that a token that moves to the next page while another one is deleted is not counted twice.
  const tokens = new Map<string, ListedToken>();
  try {
    for (let page = 1; ; page += 1) {
      const answer = await client.zeroTrust.access.serviceTokens
        .list({ account_id: accountId, page, per_page: pageSize })
        // The answer itself: the SDK takes anything with status 200 for an empty list.
        .asResponse();
      const body = listSchema.safeParse(await answer.json().catch(() => undefined));
      if (!body.success) {
        return failed(
          `${address}: answered the question for the account's service tokens with something else (${answer.headers.get("content-type") ?? "no content type"}). Check CLOUDFLARE_BASE_URL, and whether a proxy stands in between.`,
        );
      }
      const { result, result_info: info } = body.data;
      const known = tokens.size;
      for (const { id, name } of result) {
        tokens.set(id, { id, name });
      }
      // A server may give fewer a page than it was asked for; result_info says how many it gives.
      if (tokens.size === known || result.length < (info?.per_page ?? pageSize)) {
        return { kind: "listed", tokens: [...tokens.values()] };
      }
    }
  } catch (error) {
    if (error instanceof APIConnectionError) {
      return failed(
        `${address}: cannot be reached (${deepestMessage(error)}). Check the network, and CLOUDFLARE_BASE_URL if it is set.`,
      );
    }
    if (!(error instanceof APIError)) {
      throw error;
    }
    const { data: said = [] } = errorsSchema.safeParse(error.errors);
    const reason = [
      `HTTP ${String(error.status)}`,
      ...said.map(({ code, message }) => `${code} ${message}`),
    ].join(", ");
    return error.status === 403
      ? { kind: "forbidden", reason }
      : failed(
          `Cloudflare: refused to list the service tokens of account ${accountId} (${reason}). ${adviceFor(Number(error.status))}`,
        );
  }
}

const failed = (problem: string): TokenListing => ({ kind: "failed", problem });

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
      return "Try again; if it stays, look at cloudflarestatus.com, or set sitepass:preflight to false.";
  }
}
