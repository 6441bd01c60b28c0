import { z } from "zod";
import { optionalTime, type CallResult, type CloudflareApi } from "./client";

/** An Access service token as a listing shows it; secrets are never part of it. */
export interface AccountToken {
  /** What policies name it by. */
  readonly id: string;
  /** What a collector sends, and what a stack's outputs know it by. */
  readonly clientId: string;
  /** Not unique: Cloudflare allows several tokens of one name. */
  readonly name: string;
  /** A Go duration, or `forever`. */
  readonly duration: string | undefined;
  /** Undefined when Cloudflare does not say. */
  readonly enabled: boolean | undefined;
  /** RFC 3339, like the other times. */
  readonly createdAt: string | undefined;
  /**
   * Undefined when Cloudflare does not say; null when it says that there is none, and for a token that lasts forever,
   * whatever date it shows (docs/facts/cloudflare.md, C7).
   */
  readonly expiresAt: string | null | undefined;
  /** Null for a token that was never used; undefined when Cloudflare does not say. */
  readonly lastSeenAt: string | null | undefined;
}

/** What the API token needs for it, as the dashboard names it. */
export const readTokens = "Access: Service Tokens, Read";

/**
 * The last four fields are in the OpenAPI document, not all of them in the SDK (cloudflare 7.3.0 service-tokens.d.ts;
 * hexdocs.pm/cloudflare, Cloudflare.AccessServiceToken): taken where they come, and never required.
 */
const tokenSchema = z
  .object({
    id: z.string(),
    client_id: z.string().catch(""),
    name: z.string().catch(""),
    duration: z.string().optional().catch(undefined),
    enabled: z.boolean().optional().catch(undefined),
    created_at: optionalTime,
    expires_at: optionalTime,
    last_seen_at: optionalTime,
  })
  .transform(
    ({ id, client_id, name, duration, enabled, created_at, expires_at, last_seen_at }): AccountToken => ({
      id,
      clientId: client_id,
      name,
      duration,
      enabled,
      createdAt: created_at ?? undefined,
      expiresAt: duration === "forever" ? null : expires_at,
      lastSeenAt: last_seen_at,
    }),
  );

/** Lists every service token of an account: one call for up to 1,000. */
export function listTokens(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<readonly AccountToken[]>> {
  return api.list(
    { doing: `list the service tokens of account ${accountId}`, what: "the account's service tokens" },
    tokenSchema,
    (page) => api.client.zeroTrust.access.serviceTokens.list({ account_id: accountId, ...page }),
  );
}

/** What Cloudflare says of one token, at this moment. What it leaves out is undefined. */
export interface TokenState {
  readonly enabled: boolean | undefined;
  readonly updatedAt: string | undefined;
}

const stateSchema = z
  .object({
    enabled: z.boolean().optional().catch(undefined),
    updated_at: optionalTime,
  })
  .transform(({ enabled, updated_at }): TokenState => ({
    enabled,
    updatedAt: updated_at ?? undefined,
  }));

/** Reads one service token. */
export function readToken(
  api: CloudflareApi,
  accountId: string,
  token: { readonly id: string; readonly name: string },
): Promise<CallResult<TokenState>> {
  return api.call(`read the service token ${token.name}`, async () => {
    const found: unknown = await api.client.zeroTrust.access.serviceTokens.get(token.id, {
      account_id: accountId,
    });
    return stateSchema.catch({ enabled: undefined, updatedAt: undefined }).parse(found);
  });
}
