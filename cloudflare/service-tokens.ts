import { z } from "zod";
import { optionalTime, type CloudflareApi } from "./client";

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
  .transform((found) => ({
    /** What policies name it by. */
    id: found.id,
    /** What a collector sends, and what a stack's outputs know it by. */
    clientId: found.client_id,
    /** Not unique: Cloudflare allows several tokens of one name. */
    name: found.name,
    /** A Go duration, or `forever`. */
    duration: found.duration,
    enabled: found.enabled,
    /** RFC 3339, like the other times. */
    createdAt: found.created_at ?? undefined,
    /**
     * Null when Cloudflare says that there is none, and for a token that lasts forever, whatever date it shows
     * (docs/facts/cloudflare.md, C7).
     */
    expiresAt: found.duration === "forever" ? null : found.expires_at,
    /** Null for a token that was never used. */
    lastSeenAt: found.last_seen_at,
  }));

/** An Access service token as a listing shows it, without its secret. What Cloudflare does not say is undefined. */
export type AccountToken = Readonly<z.infer<typeof tokenSchema>>;

/** Lists every service token of an account: one call for up to 1,000. */
export function listTokens(api: CloudflareApi, accountId: string) {
  return api.list(
    { doing: `list the service tokens of account ${accountId}`, what: "the account's service tokens" },
    tokenSchema,
    (page) => api.client.zeroTrust.access.serviceTokens.list({ account_id: accountId, ...page }),
  );
}

const stateSchema = z
  .object({
    enabled: z.boolean().optional().catch(undefined),
    updated_at: optionalTime,
  })
  .catch({ enabled: undefined, updated_at: undefined })
  .transform(({ enabled, updated_at }) => ({
    enabled,
    updatedAt: updated_at ?? undefined,
  }));

/** Reads one service token. */
export function readToken(api: CloudflareApi, accountId: string, token: Pick<AccountToken, "id" | "name">) {
  return api.call(`read the service token ${token.name}`, async () =>
    stateSchema.parse(
      await api.client.zeroTrust.access.serviceTokens.get(token.id, { account_id: accountId }),
    ),
  );
}
