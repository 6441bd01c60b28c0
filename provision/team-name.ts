import { getZeroTrustOrganization } from "@pulumi/cloudflare";
import { z } from "zod";
import type { Config } from "../fleet/config";
import { briefMessage } from "../fleet/brief-message";

const domainSuffix = ".cloudflareaccess.com";

/** What is used of the answer; the SDK's types promise more than a provider has to give. */
const answerSchema = z.object({ authDomain: z.string() });

/** The team name, or why it is not known, one problem a line. */
export type TeamNameLookup =
  | { readonly teamName: string; readonly problems: readonly [] }
  | { readonly teamName?: undefined; readonly problems: readonly string[] };

/**
 * The Zero Trust team name: as configured, else from the account's organization.
 *
 * cloudflared accepts an empty team name in an ingress rule and then refuses every push, so an empty one never gets
 * that far (cloudflared 2026.8.2, ingress/ingress.go).
 */
export async function lookUpTeamName(config: Config): Promise<TeamNameLookup> {
  if (config.teamName !== "") {
    return { teamName: config.teamName, problems: [] };
  }
  let authDomain: string;
  try {
    ({ authDomain } = answerSchema.parse(await getZeroTrustOrganization({ accountId: config.accountId })));
  } catch (error) {
    return {
      problems: [
        `sitepass:teamName: is not set, and the account's organization cannot be read (${briefMessage(error)}). Set it to the part before ${domainSuffix}, or give the API token the permission "Access: Organizations, Identity Providers, and Groups" Read; an account without Zero Trust has to be set up once in the dashboard.`,
      ],
    };
  }
  return authDomain.endsWith(domainSuffix) && authDomain !== domainSuffix
    ? { teamName: authDomain.slice(0, -domainSuffix.length), problems: [] }
    : {
        problems: [
          `sitepass:teamName: is not set, and the organization's domain is "${authDomain}". Set it to the part before ${domainSuffix}.`,
        ],
      };
}
