import { z } from "zod";
import type { CallResult, CloudflareApi } from "./client";

const tokenSchema = z
  .object({ status: z.string(), expires_on: z.string().nullish().catch(undefined) })
  .transform(({ status, expires_on }) => ({
    /** `active`, `disabled` or `expired`. */
    status,
    /** RFC 3339; undefined for a token that does not expire. */
    expiresAt: expires_on ?? undefined,
  }));

/** What Cloudflare says of the API token that asks. */
export type ApiTokenState = Readonly<z.infer<typeof tokenSchema>>;

/**
 * Asks whether the API token is valid. A user's token is verified below `/user`, an account's below its account, and each
 * is refused by the other's call (counterscale#268, cloudflare-kubernetes-gateway#284): the second is asked when the first
 * refuses. Undefined when the answer is something else.
 */
export async function verifyApiToken(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<ApiTokenState | undefined>> {
  const verify = (call: () => PromiseLike<unknown>) =>
    api.call("verify the API token", async () => tokenSchema.safeParse(await call()).data);
  const ofUser = await verify(() => api.client.user.tokens.verify());
  if (ofUser.kind === "answered" || (ofUser.kind === "failed" && ofUser.status === undefined)) {
    return ofUser;
  }
  const ofAccount = await verify(() => api.client.accounts.tokens.verify({ account_id: accountId }));
  return ofAccount.kind === "answered" ? ofAccount : ofUser;
}
