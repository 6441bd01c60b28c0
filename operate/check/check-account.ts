import type { TokenPlan } from "../../provision/preflight";
import { listTokens } from "../../cloudflare/service-tokens";
import type { CloudflareApi } from "../../cloudflare/client";
import type { OpenStack } from "../../stack/open-stack";
import { judgeApiToken, verifyApiToken } from "./api-token";
import { checkApplications, checkNotifications, checkTokens, checkZeroTrust } from "./check-access";
import type { CheckContext } from "./check-context";
import { checkZone } from "./check-zone";
import { inOrder, type Finding } from "./finding";
import { readHeldObjects } from "./held-objects";
import { probeWrite } from "./write-probes";

export interface AccountCheck {
  readonly findings: readonly Finding[];
  /** Undefined when the account's tokens could not be listed. */
  readonly plan: TokenPlan | undefined;
}

export interface CheckOptions {
  /** Send no request that is not a read, not even one that can change nothing. */
  readonly readsOnly: boolean;
  readonly now: Date;
}

/**
 * Looks at everything in Cloudflare that an `up` of the stack needs or would meet, and changes nothing. One failure does not
 * keep the others from being looked at, except an API token that is not valid.
 */
export async function checkAccount(
  stack: OpenStack,
  api: CloudflareApi,
  { readsOnly, now }: CheckOptions,
): Promise<AccountCheck> {
  const { accountId } = stack.config;
  const { usable, finding } = judgeApiToken(await verifyApiToken(api, accountId), now);
  if (!usable) {
    return { findings: [finding], plan: undefined };
  }
  const context: CheckContext = {
    stack,
    api,
    tokens: listTokens(api, accountId),
    held: readHeldObjects(stack),
    probe: (name, zoneId = "") =>
      readsOnly ? Promise.resolve({ kind: "not asked" }) : probeWrite(api, name, { accountId, zoneId }),
  };
  const [tokens, , ...others] = await Promise.all([
    checkTokens(context),
    context.held,
    checkApplications(context),
    checkZone(context),
    checkNotifications(context),
    checkZeroTrust(context),
  ]);
  return { findings: inOrder([finding, ...tokens.findings, ...others.flat()]), plan: tokens.plan };
}
