import { APIConnectionError, APIError, Cloudflare } from "cloudflare";
import type { CloudflareAccess } from "./cloudflare-access";

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

/** The most that a list call returns; a default account holds 50 tokens, so this is one call. */
const pageSize = 1000;

/**
 * Lists every service token of an account.
 *
 * Pages are counted by hand because the SDK's iterator always asks for one page more than there is
 * (cloudflare-typescript 7.3.0, core/pagination.ts, V4PagePaginationArray).
 */
export async function listServiceTokens(access: CloudflareAccess, accountId: string): Promise<TokenListing> {
  const client = new Cloudflare({
    apiToken: access.apiToken,
    ...(access.baseUrl === undefined ? {} : { baseURL: access.baseUrl }),
    timeout: 30_000,
  });
  // By ID, so that a token that moves to the next page while another one is deleted is not counted twice.
  const tokens = new Map<string, ListedToken>();
  try {
    for (let page = 1; ; page += 1) {
      const answer = await client.zeroTrust.access.serviceTokens.list({
        account_id: accountId,
        page,
        per_page: pageSize,
      });
      const known = tokens.size;
      const found = answer.getPaginatedItems();
      for (const { id = "", name = "" } of found) {
        tokens.set(id, { id, name });
      }
      // A server may give fewer a page than it was asked for; result_info says how many it gives.
      if (tokens.size === known || found.length < (answer.result_info.per_page ?? pageSize)) {
        return { kind: "listed", tokens: [...tokens.values()] };
      }
    }
  } catch (error) {
    if (error instanceof APIConnectionError) {
      return {
        kind: "failed",
        problem: `${access.baseUrl ?? "api.cloudflare.com"}: cannot be reached (${causeOf(error)}). Check the network, and CLOUDFLARE_BASE_URL if it is set.`,
      };
    }
    if (!(error instanceof APIError)) {
      throw error;
    }
    const reason = `HTTP ${String(error.status)}${error.errors.map(({ code, message }) => `, ${String(code)} ${String(message)}`).join("")}`;
    return error.status === 403
      ? { kind: "forbidden", reason }
      : {
          kind: "failed",
          problem: `Cloudflare: refused to list the service tokens of account ${accountId} (${reason}). ${adviceFor(Number(error.status))}`,
        };
  }
}

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

function causeOf(error: Error): string {
  return error.cause instanceof Error ? causeOf(error.cause) : error.message;
}
