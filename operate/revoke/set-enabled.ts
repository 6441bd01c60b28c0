import { problemText } from "../../fleet/problem";
import { readToken } from "../../cloudflare/service-tokens";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { CloudflareApi } from "../../cloudflare/client";

/** What the API token needs to change a token, as the dashboard names it. */
const permission = "Access: Service Tokens, Edit";

/** "already" when Cloudflare had the token so; otherwise what it was asked for, and said to be so when asked again. */
export type EnabledOutcome =
  | { readonly kind: "changed" | "already"; readonly problem?: undefined }
  | { readonly kind: "failed"; readonly problem: string };

/**
 * Turns a token on or off at Cloudflare, at once, and reads it again: an answer alone is not taken for success.
 *
 * Name and duration are sent along as they are: that fields which a PUT leaves out stay is documented nowhere (the SDK
 * only calls them optional), and the provider sends them too. The secret's version is not: what Cloudflare makes of one
 * that is not its own is not known, and at worst it rotates.
 */
export async function setEnabled(
  api: CloudflareApi,
  accountId: string,
  token: AccountToken,
  enabled: boolean,
): Promise<EnabledOutcome> {
  if (token.enabled === enabled) {
    return { kind: "already" };
  }
  const doing = `${enabled ? "enable" : "disable"} the service token ${token.name}`;
  const result = await api.call(doing, () =>
    api.client.zeroTrust.access.serviceTokens.update(token.id, {
      account_id: accountId,
      name: token.name,
      ...(token.duration === undefined ? {} : { duration: token.duration }),
      enabled,
    }),
  );
  if (result.kind === "forbidden") {
    return failed(
      `CLOUDFLARE_API_TOKEN: may not ${doing} (${result.reason}). Give it the permission "${permission}".`,
    );
  }
  if (result.kind === "failed") {
    return failed(problemText(result.problem));
  }
  const now = await readToken(api, accountId, token);
  return now.kind === "answered" && now.value.enabled === enabled
    ? { kind: "changed" }
    : failed(
        `Cloudflare: took the order to ${doing}, and ${now.kind === "answered" ? "does not show it as done" : "could not be asked afterwards"}. Look at it in the dashboard (Zero Trust > Access controls > Service credentials), and run this again.`,
      );
}

const failed = (problem: string): EnabledOutcome => ({ kind: "failed", problem });
