import { z } from "zod";
import { failure, success, type Problem, type Result } from "../fleet/problem";
import type { CloudflareApi } from "./client";

const organizationSchema = z
  .object({
    auth_domain: z.string().catch(""),
    strict_service_token_auth: z.boolean().optional().catch(undefined),
    service_token_inactivity: z
      .object({ enabled: z.boolean(), inactivity_threshold_days: z.number(), action: z.string() })
      .nullish()
      .catch(undefined),
  })
  .transform(({ auth_domain, strict_service_token_auth, service_token_inactivity: inactivity }) => ({
    /** `<team>.cloudflareaccess.com`; empty when Cloudflare does not say. */
    authDomain: auth_domain,
    /** Undefined when Cloudflare does not say. */
    strictServiceTokens: strict_service_token_auth,
    /** What happens to service tokens that nobody uses and no policy names; undefined when nothing does. */
    inactivity:
      inactivity?.enabled === true
        ? { days: inactivity.inactivity_threshold_days, action: inactivity.action }
        : undefined,
  }));

/** An account's Zero Trust organization. */
export type Organization = Readonly<z.infer<typeof organizationSchema>>;

/** Reads an account's organization; one without Zero Trust is a failure. Undefined when the answer is something else. */
export function readOrganization(api: CloudflareApi, accountId: string) {
  return api.call(
    `read the Zero Trust organization of account ${accountId}`,
    async () =>
      organizationSchema.safeParse(await api.client.zeroTrust.organizations.list({ account_id: accountId }))
        .data,
  );
}

const teamDomainSuffix = ".cloudflareaccess.com";

/** The team name in an organization's domain, or why it is not known. */
export function teamNameOf(authDomain: string): Result<string> {
  return authDomain.endsWith(teamDomainSuffix) && authDomain !== teamDomainSuffix
    ? success(authDomain.slice(0, -teamDomainSuffix.length))
    : failure({
        subject: "sitepass:teamName",
        says: `is not set, and the organization's domain is "${authDomain}"`,
        todo: `Set it to the part before ${teamDomainSuffix}`,
      });
}

/** Said when the team name is to be looked up and the organization cannot be read. */
export function unreadableTeamName(reason: string): Problem {
  return {
    subject: "sitepass:teamName",
    says: `is not set, and the account's organization cannot be read (${reason})`,
    todo: `Set it to the part before ${teamDomainSuffix}, or give the API token the permission "Access: Organizations, Identity Providers, and Groups" Read; an account without Zero Trust has to be set up once in the dashboard`,
  };
}
