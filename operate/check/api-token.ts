import { problemText } from "../../fleet/problem";
import { z } from "zod";
import type { CallResult, CloudflareApi } from "../../cloudflare/client";
import { plural } from "../../fleet/wording";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("API token");

const dayMilliseconds = 86_400_000;

/** An API token that expires sooner than this is worth a warning. */
const soonDays = 30;

const verifiedSchema = z.object({
  status: z.string(),
  expires_on: z.string().nullish().catch(undefined),
});

type Verified = z.infer<typeof verifiedSchema>;

/**
 * Asks whether the API token is valid. A user's token is verified below `/user`, an account's below its account, and each
 * is refused by the other's call (counterscale#268, cloudflare-kubernetes-gateway#284): the second is asked when the first refuses.
 */
export async function verifyApiToken(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<Verified | undefined>> {
  const verify = (call: () => PromiseLike<unknown>) =>
    api.call("verify the API token", async () => verifiedSchema.safeParse(await call()).data);
  const ofUser = await verify(() => api.client.user.tokens.verify());
  if (ofUser.kind === "answered" || (ofUser.kind === "failed" && ofUser.status === undefined)) {
    return ofUser;
  }
  const ofAccount = await verify(() => api.client.accounts.tokens.verify({ account_id: accountId }));
  return ofAccount.kind === "answered" ? ofAccount : ofUser;
}

/** @returns `usable` false when asking anything else with this token would only repeat the same refusal. */
export function judgeApiToken(
  verified: CallResult<Verified | undefined>,
  now: Date,
): { readonly usable: boolean; readonly finding: Finding } {
  const nothingElse = "Nothing else at Cloudflare was looked at.";
  if (verified.kind !== "answered") {
    const unknown = verified.kind === "failed" && (verified.status === undefined || verified.status >= 500);
    return {
      usable: false,
      finding: problem(
        unknown || (verified.kind === "failed" && verified.status === 429)
          ? `${problemText(verified.problem)} ${nothingElse}`
          : `CLOUDFLARE_API_TOKEN: is not valid (${verified.kind === "forbidden" ? verified.reason : `HTTP ${verified.status}`}). Export a token that is whole, not expired and not revoked. ${nothingElse}`,
      ),
    };
  }
  const { status, expires_on: expiresOn } = verified.value ?? { status: "unknown" };
  if (status === "disabled" || status === "expired") {
    return {
      usable: false,
      finding: problem(
        `CLOUDFLARE_API_TOKEN: is ${status}. ${status === "expired" ? "Create another one" : "Enable it"} in the dashboard. ${nothingElse}`,
      ),
    };
  }
  if (status !== "active") {
    return {
      usable: true,
      finding: warning(
        `CLOUDFLARE_API_TOKEN: whether it is active cannot be told (its status is "${status}"). Look at it in the dashboard.`,
      ),
    };
  }
  const left = (Date.parse(expiresOn ?? "") - now.getTime()) / dayMilliseconds;
  if (Number.isNaN(left)) {
    return { usable: true, finding: ok("the API token is active and does not expire") };
  }
  const days = plural(Math.floor(left), "day");
  return {
    usable: true,
    finding:
      left < soonDays
        ? warning(
            `CLOUDFLARE_API_TOKEN: expires in ${days} (${expiresOn}), and up and every other command with it. Create another one in time.`,
          )
        : ok(`the API token is active for another ${days}`),
  };
}
