import { z } from "zod";
import type { Problem } from "../fleet/problem";
import { exportAnother, type CallResult, type CloudflareApi } from "./client";

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

/**
 * What is wrong with the API token as a whole, when it is; asked where calls were refused as they are for a missing permission.
 */
export async function wholeTokenProblem(api: CloudflareApi, accountId: string): Promise<Problem | undefined> {
  const verified = await verifyApiToken(api, accountId);
  const subject = "CLOUDFLARE_API_TOKEN";
  switch (verified.kind) {
    case "forbidden":
      return { subject, says: `is not valid (${verified.reason})`, todo: exportAnother };
    case "failed":
      return verified.problem.subject === subject ? verified.problem : undefined;
    case "answered":
      return tokenStatusProblem(verified.value?.status);
  }
}

/** What is wrong with an API token of this status, which is still one of Cloudflare's. */
export function tokenStatusProblem(status: string | undefined): Problem | undefined {
  const subject = "CLOUDFLARE_API_TOKEN";
  switch (status) {
    case "disabled":
      return { subject, says: "is disabled", todo: "Enable it in the dashboard" };
    case "expired":
      return { subject, says: "is expired", todo: "Create another one in the dashboard" };
    default:
      return undefined;
  }
}
