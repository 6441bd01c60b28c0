import { z } from "zod";
import type { CallResult } from "./client";
import type { CloudflareApi } from "./cloudflare-api";
import { optionalTime } from "./optional-time";

/** What Cloudflare says of one token, at this moment. What it leaves out is undefined. */
export interface TokenState {
  readonly enabled: boolean | undefined;
  /** Null when it says that there is none. */
  readonly expiresAt: string | null | undefined;
  readonly updatedAt: string | undefined;
}

const stateSchema = z
  .object({
    enabled: z.boolean().optional().catch(undefined),
    expires_at: optionalTime,
    updated_at: optionalTime,
  })
  .transform(({ enabled, expires_at, updated_at }): TokenState => ({
    enabled,
    expiresAt: expires_at,
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
    return stateSchema.catch({ enabled: undefined, expiresAt: undefined, updatedAt: undefined }).parse(found);
  });
}
