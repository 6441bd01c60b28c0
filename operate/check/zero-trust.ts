import type { CallResult } from "../../cloudflare/client";
import type { Config } from "../../fleet/config";
import { plural } from "../../fleet/wording";
import type { Site } from "../../fleet/sites";
import type { Organization } from "../../cloudflare/organization";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("Zero Trust");

const domainSuffix = ".cloudflareaccess.com";

export interface ZeroTrustContext {
  readonly config: Pick<Config, "accountId" | "teamName" | "publish">;
  readonly sites: readonly Pick<Site, "token">[];
  /** Address of the API, for the call that is shown. */
  readonly apiUrl: string;
}

/** Whether Zero Trust is set up, as the configuration says, and in strict mode. What the API token may not read is not judged. */
export function judgeOrganization(
  read: CallResult<Organization | undefined>,
  context: ZeroTrustContext,
): readonly Finding[] {
  if (read.kind !== "answered") {
    // Said with the permissions.
    return [];
  }
  if (read.value === undefined) {
    return [
      warning(
        "Zero Trust: the organization cannot be read (Cloudflare answered with something else). Look in the dashboard.",
      ),
    ];
  }
  return [
    ...teamFindings(read.value, context.config),
    strictFinding(read.value, context),
    ...inactivityFindings(read.value, context.sites),
  ];
}

/** cloudflared checks assertions against the team's keys, and refuses every push with a wrong team name. */
function teamFindings(
  { authDomain }: Organization,
  { teamName, publish }: ZeroTrustContext["config"],
): readonly Finding[] {
  if (!authDomain.endsWith(domainSuffix) || authDomain === domainSuffix) {
    return publish.kind === "tunnel" && teamName === ""
      ? [
          problem(
            `sitepass:teamName: is not set, and the organization's domain is "${authDomain}". Set it to the part before ${domainSuffix}.`,
          ),
        ]
      : [
          warning(
            `sitepass:teamName: cannot be compared, for the organization's domain is "${authDomain}". Look in the dashboard.`,
          ),
        ];
  }
  const actual = authDomain.slice(0, -domainSuffix.length);
  return teamName === "" || teamName === actual
    ? [ok(`Zero Trust is set up, and the team name is ${actual}`)]
    : [
        problem(
          `sitepass:teamName: is "${teamName}", and the account's is "${actual}": cloudflared would refuse every push. Set it to ${actual}, or leave it out.`,
        ),
      ];
}

/** The call is the changelog's (cloudflare-docs, changelog/access/2026-10-02-strict-service-token-authentication). */
function strictFinding(
  { strictServiceTokens }: Organization,
  { config: { accountId }, apiUrl }: ZeroTrustContext,
): Finding {
  if (strictServiceTokens === true) {
    return ok("strict service token mode is on");
  }
  const call = `printf 'Authorization: Bearer %s' "$CLOUDFLARE_API_TOKEN" | curl -X PATCH -H @- --json '{"strict_service_token_auth":true}' ${apiUrl}/accounts/${accountId}/access/organizations`;
  return warning(
    `Zero Trust: strict service token mode is ${strictServiceTokens === false ? "off" : "not told"}: a session cookie outlives a rotation or a revocation. Turn it on for the whole account, if no other application lives on such cookies, with an API token that has "Access: Organizations, Identity Providers, and Groups" Edit: ${call}`,
  );
}

/** A token that a policy names is never inactive (cloudflare-docs, service-tokens); a site that is shut out is in no policy. */
function inactivityFindings(
  { inactivity }: Organization,
  sites: ZeroTrustContext["sites"],
): readonly Finding[] {
  const shutOut = sites.filter(({ token }) => !token.enabled).length;
  return inactivity?.action !== "delete" || shutOut === 0
    ? []
    : [
        warning(
          `Zero Trust: deletes service tokens that were not used for ${plural(inactivity.days, "day")}, and ${plural(shutOut, "site")} that ${shutOut === 1 ? "is" : "are"} shut out cannot use theirs. Let them in in time, or set the action to disable in the dashboard.`,
        ),
      ];
}
