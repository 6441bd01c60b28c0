import type { TokenPlan } from "../../provision/preflight";
import { listApplications } from "../../cloudflare/access-applications";
import { readOrganization } from "../../cloudflare/organization";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";
import { judgeApplications } from "./host-applications";
import { judgePermission } from "./permissions";
import { judgeTokens } from "./token-quota";
import { judgeOrganization } from "./zero-trust";

/** Permissions and quota of service tokens; the plan is undefined when they could not be listed. */
export async function checkTokens({
  stack,
  tokens,
  probe,
}: CheckContext): Promise<{ readonly findings: readonly Finding[]; readonly plan: TokenPlan | undefined }> {
  const { config, sites, ownPrefix } = stack;
  const [read, write] = await Promise.all([tokens, probe("serviceTokens")]);
  const permission = judgePermission({
    name: "Access: Service Tokens",
    neededFor: "service tokens",
    scope: "account",
    read,
    write,
  });
  if (read.kind !== "answered") {
    return { findings: permission, plan: undefined };
  }
  const { plan, findings } = judgeTokens(read.value, config, sites, ownPrefix);
  return { findings: [...permission, ...findings], plan };
}

/** Permissions of applications and policies, and who else is on the push hosts. */
export async function checkApplications({
  stack,
  api,
  probe,
  held,
}: CheckContext): Promise<readonly Finding[]> {
  const { config, ownPrefix } = stack;
  const [read, write] = await Promise.all([listApplications(api, config.accountId), probe("policies")]);
  return [
    ...judgePermission({
      name: "Access: Apps and Policies",
      neededFor: "applications and policies",
      scope: "account",
      read,
      write,
    }),
    ...(read.kind === "answered"
      ? hostFindings(judgeApplications(read.value, config.endpoints, { held: await held, ownPrefix }))
      : []),
  ];
}

/** The organization: optional to read, unless the team name is looked up in it. */
export async function checkZeroTrust({ stack, api }: CheckContext): Promise<readonly Finding[]> {
  const { config, sites } = stack;
  const read = await readOrganization(api, config.accountId);
  const lookedUp = config.publish.kind === "tunnel" && config.teamName === "";
  return [
    ...judgePermission({
      name: "Access: Organizations, Identity Providers, and Groups",
      neededFor: "stacks without sitepass:teamName",
      scope: "account",
      read,
      ...(lookedUp ? {} : { onlyChecks: "the team name and strict service token mode were" }),
    }),
    ...judgeOrganization(read, { config, sites, apiUrl: api.client.baseURL }),
  ];
}

/** Only with alert addresses. */
export async function checkNotifications({ stack, api, probe }: CheckContext): Promise<readonly Finding[]> {
  const { accountId, alertEmails } = stack.config;
  if (alertEmails.length === 0) {
    return [];
  }
  const [read, write] = await Promise.all([
    api.call(`list the notification policies of account ${accountId}`, () =>
      api.client.alerting.policies.list({ account_id: accountId }),
    ),
    probe("notifications"),
  ]);
  return judgePermission({
    name: "Notifications",
    neededFor: "alerts to sitepass:alertEmails",
    scope: "account",
    read,
    write,
  });
}

const hostFindings = (findings: readonly Finding[]): readonly Finding[] =>
  findings.length > 0
    ? findings
    : [findingsOn("host names").ok("no foreign Access application is on the push hosts")];
