import { z } from "zod";
import { listPolicies } from "../../cloudflare/access-policies";
import { unseenProblems, type CallResult } from "../../cloudflare/client";
import { readOrganization, teamNameOf, type Organization } from "../../cloudflare/organization";
import type { Config } from "../../fleet/config";
import type { Site } from "../../fleet/sites";
import { plural } from "../../fleet/wording";
import { comparePlan, planTokens, type TokenPlan } from "../../provision/preflight";
import { permissionFinding } from "./api-token";
import { lostRotationProblem } from "../../stack/stack-resources";
import { deleteLeftOver, notHeld, ownerOf, type Ownership } from "../ownership";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("Zero Trust");

/** The organization: optional to read, unless the team name is looked up in it. */
export async function checkOrganization({ stack, api }: CheckContext): Promise<readonly Finding[]> {
  const { config, sites } = stack;
  const read = await readOrganization(api, config.accountId);
  const lookedUp = config.publish.kind === "tunnel" && config.teamName === "";
  return [
    permissionFinding(
      "organization",
      read,
      undefined,
      lookedUp ? undefined : "the team name and strict service token mode were",
    ),
    ...organizationFindings(read, { config, sites, apiUrl: api.client.baseURL }),
  ];
}

interface OrganizationContext {
  readonly config: Pick<Config, "accountId" | "teamName" | "publish">;
  readonly sites: readonly Pick<Site, "token">[];
  /** Address of the API, for the call that is shown. */
  readonly apiUrl: string;
}

/** Whether Zero Trust is set up, as the configuration says, and in strict mode; nothing of what could not be read. */
export function organizationFindings(
  read: CallResult<Organization | undefined>,
  context: OrganizationContext,
): readonly Finding[] {
  if (read.kind !== "answered") {
    return [];
  }
  if (read.value === undefined) {
    const says = "the organization cannot be read (Cloudflare answered with something else)";
    return [warning({ subject: "Zero Trust", says, todo: "Look in the dashboard" })];
  }
  return [
    teamFinding(read.value, context.config),
    strictFinding(read.value, context),
    ...inactivityFindings(read.value, context.sites),
  ];
}

/** cloudflared checks assertions against the team's keys, and refuses every push with a wrong team name. */
function teamFinding(
  { authDomain }: Organization,
  { teamName, publish }: OrganizationContext["config"],
): Finding {
  const subject = "sitepass:teamName";
  const actual = teamNameOf(authDomain);
  if (!actual.ok) {
    const [unknown] = actual.problems;
    return publish.kind === "tunnel" && teamName === "" && unknown !== undefined
      ? problem(unknown)
      : warning({
          subject,
          says: `cannot be compared, because the organization's domain is "${authDomain}"`,
          todo: "Look in the dashboard",
        });
  }
  return teamName === "" || teamName === actual.value
    ? ok(`Zero Trust is set up, and the team name is ${actual.value}`)
    : problem({
        subject,
        says: `is "${teamName}", and the account's is "${actual.value}": cloudflared would refuse every push`,
        todo: `Set it to ${actual.value}, or leave it out`,
      });
}

/** The call is the changelog's (cloudflare-docs, changelog/access/2026-10-02-strict-service-token-authentication). */
function strictFinding(
  { strictServiceTokens }: Organization,
  { config: { accountId }, apiUrl }: OrganizationContext,
): Finding {
  if (strictServiceTokens === true) {
    return ok("strict service token mode is on");
  }
  const call = `printf 'Authorization: Bearer %s' "$CLOUDFLARE_API_TOKEN" | curl -X PATCH -H @- --json '{"strict_service_token_auth":true}' ${apiUrl}/accounts/${accountId}/access/organizations`;
  return warning({
    subject: "Zero Trust",
    says: `strict service token mode is ${strictServiceTokens === false ? "off" : "not told"}: a session cookie outlives a rotation or a revocation`,
    todo: `Turn it on for the whole account, if no other application lives on such cookies, with an API token that has "Access: Organizations, Identity Providers, and Groups" Edit: \`${call}\``,
  });
}

/** A token that a policy names is never inactive (cloudflare-docs, service-tokens); a site that is shut out is in no policy. */
function inactivityFindings(
  { inactivity }: Organization,
  sites: OrganizationContext["sites"],
): readonly Finding[] {
  const shutOut = sites.filter(({ token }) => !token.enabled).length;
  if (inactivity?.action !== "delete" || shutOut === 0) {
    return [];
  }
  const theyAre = `${plural(shutOut, "site")} that ${shutOut === 1 ? "is" : "are"} shut out`;
  const says = `deletes service tokens that were not used for ${plural(inactivity.days, "day")}, and ${theyAre} cannot use theirs`;
  const todo = "Let them in in time, or set the action to disable in the dashboard";
  return [warning({ subject: "Zero Trust", says, todo })];
}

/** What `up` would do to the account's service tokens; the plan is undefined when they could not be listed. */
export async function checkTokens({
  stack,
  tokens,
  probe,
  ownership,
}: CheckContext): Promise<{ readonly findings: readonly Finding[]; readonly plan: TokenPlan | undefined }> {
  const { config, sites, elsewhere, ownPrefix } = stack;
  const [read, write] = await Promise.all([tokens, probe("serviceTokens")]);
  const permission = permissionFinding("serviceTokens", read, write);
  if (read.kind !== "answered") {
    return { findings: [permission], plan: undefined };
  }
  const on = findingsOn("service tokens");
  const { objects } = await ownership;
  const held = objects.kind === "known" ? objects.tokens : undefined;
  const known = { held, unseen: read.unseen, elsewhere };
  const { existing, fleet, toCreate, toRemove } = planTokens(read.value, sites, ownPrefix, known);
  const { problems, warnings } = comparePlan(read.value, config, sites, ownPrefix, known);
  const after = existing + toCreate.length - toRemove.length;
  return {
    plan: { existing, fleet, toCreate, toRemove },
    findings: [
      permission,
      on.ok(
        `the account has ${plural(existing, "service token")}, ${fleet} of them this stack's; up makes ${toCreate.length} and removes ${toRemove.length}, which leaves ${after} of ${config.serviceTokenLimit}`,
      ),
      ...unseenProblems(read, "service tokens").map(on.warning),
      ...problems.map(on.problem),
      ...(objects.kind === "known"
        ? sites
            .flatMap((site) => lostRotationProblem(site, objects.versions.get(site.name)) ?? [])
            .map(on.problem)
        : []),
      ...warnings.map(on.warning),
    ],
  };
}

/**
 * Reusable policies that an interrupted run left behind: another is made beside one, and Cloudflare deletes no token that
 * it still names (error 12139). Whether they may be listed is said with the applications.
 */
export async function checkPolicies({ stack, api, ownership }: CheckContext): Promise<readonly Finding[]> {
  const [read, own] = await Promise.all([listPolicies(api, stack.config.accountId), ownership]);
  const found = read.kind === "answered" ? read.value : [];
  return found.flatMap(({ id, name }) =>
    leftOverFinding(own, id, name, `Access policy "${name}"`, ". Cloudflare deletes no token that it names"),
  );
}

function leftOverFinding(
  own: Ownership,
  id: string,
  name: string,
  subject: string,
  more = "",
): readonly Finding[] {
  return ownerOf(own, id, name) === "left over"
    ? [warning({ subject, says: notHeld(id), todo: deleteLeftOver + more })]
    : [];
}

const notificationSchema = z.array(z.object({ id: z.string(), name: z.string() }));

/** Only with alert addresses. */
export async function checkNotifications(context: CheckContext): Promise<readonly Finding[]> {
  const { stack, api, probe } = context;
  const { accountId, alertEmails } = stack.config;
  if (alertEmails.length === 0) {
    return [];
  }
  const [read, write, own] = await Promise.all([
    api.call(`list the notification policies of account ${accountId}`, () =>
      api.client.alerting.policies.list({ account_id: accountId }),
    ),
    probe("notifications"),
    context.ownership,
  ]);
  const { data: found = [] } = notificationSchema.safeParse(
    read.kind === "answered" ? read.value.result : [],
  );
  return [
    permissionFinding("notifications", read, write),
    ...found.flatMap(({ id, name }) => leftOverFinding(own, id, name, `notification policy "${name}"`)),
  ];
}
