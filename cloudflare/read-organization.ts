import { z } from "zod";
import type { CallResult } from "./client";
import type { CloudflareApi } from "./cloudflare-api";

/** An account's Zero Trust organization. */
export interface Organization {
  /** `<team>.cloudflareaccess.com`; empty when Cloudflare does not say. */
  readonly authDomain: string;
  /** Undefined when Cloudflare does not say. */
  readonly strictServiceTokens: boolean | undefined;
  /** What happens to service tokens that nobody uses and no policy names; undefined when nothing does. */
  readonly inactivity: { readonly days: number; readonly action: string } | undefined;
}

const organizationSchema = z
  .object({
    auth_domain: z.string().catch(""),
    strict_service_token_auth: z.boolean().optional().catch(undefined),
    service_token_inactivity: z
      .object({ enabled: z.boolean(), inactivity_threshold_days: z.number(), action: z.string() })
      .nullish()
      .catch(undefined),
  })
  .transform(
    ({ auth_domain, strict_service_token_auth, service_token_inactivity: inactivity }): Organization => ({
      authDomain: auth_domain,
      strictServiceTokens: strict_service_token_auth,
      inactivity:
        inactivity?.enabled === true
          ? { days: inactivity.inactivity_threshold_days, action: inactivity.action }
          : undefined,
    }),
  );

/** Reads an account's organization; one without Zero Trust is a failure. Undefined when the answer is none. */
export function readOrganization(
  api: CloudflareApi,
  accountId: string,
): Promise<CallResult<Organization | undefined>> {
  return api.call(`read the Zero Trust organization of account ${accountId}`, async () => {
    const found: unknown = await api.client.zeroTrust.organizations.list({ account_id: accountId });
    return organizationSchema.safeParse(found).data;
  });
}
