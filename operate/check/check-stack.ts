import { verifyApiToken } from "../../cloudflare/api-token";
import { isRefusal, type CloudflareApi } from "../../cloudflare/client";
import { listRecords } from "../../cloudflare/dns-records";
import { listTokens } from "../../cloudflare/service-tokens";
import { findZone } from "../../cloudflare/zones";
import { attempt, type Problem, type Result } from "../../fleet/problem";
import { plural } from "../../fleet/wording";
import type { TokenPlan } from "../../provision/preflight";
import type { OpenStack } from "../../stack/open-stack";
import { shardsOfProject } from "../../stack/project-stacks";
import { apiTokenFinding, otherCredentials, probeWrite } from "./api-token";
import { readOwnership } from "../ownership";
import { shardInFileProblem } from "../shards/project-fleet";
import type { CheckContext } from "./check-context";
import { findingsOn, inOrder, type Finding } from "./finding";
import { checkHostNames } from "./host-names";
import { checkNotifications, checkOrganization, checkPolicies, checkTokens } from "./zero-trust";
import { checkTunnel } from "./tunnel";
import { checkZone } from "./zone";

export interface CheckOptions {
  /** Look at configuration and sites alone. */
  readonly offline: boolean;
  /** Send no request that is not a read, not even one that can change nothing. */
  readonly readsOnly: boolean;
  readonly now: Date;
}

export interface StackCheck {
  readonly findings: readonly Finding[];
  /** Undefined when the account's tokens could not be listed. */
  readonly plan: TokenPlan | undefined;
}

/**
 * Looks at everything that an `up` of the stack needs or would run into: configuration and sites, and what is in Cloudflare.
 * Changes nothing.
 *
 * @param opened the stack; one that can be opened has a valid configuration and valid sites, and without those nothing else
 * can be looked at.
 */
export async function checkStack(opened: Result<OpenStack>, options: CheckOptions): Promise<StackCheck> {
  const { ok, problem } = findingsOn("configuration");
  if (!opened.ok) {
    return { findings: opened.problems.map(problem), plan: undefined };
  }
  const { sites, stackName } = opened.value;
  const shutOut = sites.filter(({ token }) => !token.enabled).length;
  const valid = ok(
    `Pulumi.${stackName}.yaml and ${plural(sites.length, "site")}${shutOut === 0 ? "" : ` (${shutOut} shut out)`} are valid`,
  );
  const offline = [valid, ...shardProblems(opened.value).map(problem)];
  if (options.offline) {
    return { findings: offline, plan: undefined };
  }
  const api = await attempt(opened.value.cloudflareApi);
  const { findings, plan } = api.ok
    ? await checkAccount(opened.value, api.value, options)
    : { findings: api.problems.map(findingsOn("API token").problem), plan: undefined };
  return { findings: [...offline, ...findings], plan };
}

/**
 * Files that say a shard which no stack of the project is: nothing declares such a site, or only until its move ends. No `up`
 * can tell, because each knows its own stack's file alone.
 */
function shardProblems({ directory, stackName, config, sites, elsewhere }: OpenStack): Problem[] {
  const stacks = [
    ...shardsOfProject(directory).filter((one) => one.stackName !== stackName),
    { stackName, shard: config.shard },
  ].sort((a, b) => (a.stackName < b.stackName ? -1 : 1));
  const known = new Set(stacks.map(({ shard }) => shard));
  return [...sites, ...elsewhere]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ file, shard, movingTo }) => [
      ...(known.has(shard) ? [] : [shardInFileProblem(stacks, file, "shard", shard)]),
      ...(movingTo === undefined || known.has(movingTo)
        ? []
        : [shardInFileProblem(stacks, file, "movingTo", movingTo)]),
    ]);
}

/** One failure does not keep the others from being looked at, except an API token that is not valid. */
export async function checkAccount(
  stack: OpenStack,
  api: CloudflareApi,
  { readsOnly, now }: Pick<CheckOptions, "readsOnly" | "now">,
): Promise<StackCheck> {
  const { accountId, endpoints } = stack.config;
  const verified = await verifyApiToken(api, accountId);
  // Where the question about the API token itself is refused for no reason of the token's, any other answer tells that it is taken.
  const isUntold =
    verified.kind === "forbidden" || (verified.kind === "failed" && isRefusal(verified.problem));
  const listed = isUntold ? listTokens(api, accountId) : undefined;
  const { usable, finding } = apiTokenFinding(verified, now, (await listed)?.kind === "answered");
  const others = otherCredentials(stack.raw, process.env);
  if (!usable) {
    return { findings: [finding, ...others], plan: undefined };
  }
  const zone = findZone(api, stack.config);
  const context: CheckContext = {
    stack,
    api,
    tokens: listed ?? listTokens(api, accountId),
    zone,
    records: zone.then(async (found) => {
      const zoneId = found.kind === "answered" ? found.value?.id : undefined;
      return zoneId === undefined
        ? []
        : Promise.all(endpoints.map(({ hostname }) => listRecords(api, zoneId, hostname)));
    }),
    ownership: readOwnership(stack),
    probe: (permission, zoneId = "") =>
      readsOnly ? Promise.resolve({ kind: "not asked" }) : probeWrite(api, permission, { accountId, zoneId }),
  };
  const [tokens, ...products] = await Promise.all([
    checkTokens(context),
    checkHostNames(context),
    checkZone(context),
    checkTunnel(context),
    checkPolicies(context),
    checkNotifications(context),
    checkOrganization(context),
  ]);
  return {
    findings: inOrder([finding, ...others, ...tokens.findings, ...products.flat()]),
    plan: tokens.plan,
  };
}
