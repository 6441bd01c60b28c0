import type { CloudflareAccess } from "../cloudflare/api-credentials";
import type { Config } from "../fleet/config";
import { listServiceTokens, type ListedToken } from "../cloudflare/list-service-tokens";
import { plural } from "../fleet/plural";
import { waysOutOfTheLimit, type Site } from "../fleet/sites";

/** What the look at the account found. */
export interface PreflightReport {
  /** Why nothing must be declared, one problem a line. */
  readonly problems: readonly string[];
  /** What a person should know, though it stops nothing. */
  readonly warnings: readonly string[];
}

/** A fleet smaller than this has no brake but the one at its last site: a third of three sites is one. */
const smallestBrakedFleet = 10;

const brakeShare = 0.3;

/**
 * Compares the sites with the service tokens that the account has, before anything is declared.
 *
 * One list call. Without the permission for it the comparison is skipped with a warning: the token may still be good
 * enough for what is to be changed.
 *
 * @param ownPrefix prefix of the names of this stack's tokens.
 */
export async function preflight(
  access: CloudflareAccess,
  config: Config,
  sites: readonly Site[],
  ownPrefix: string,
): Promise<PreflightReport> {
  const listed = await listServiceTokens(access, config.accountId);
  if (listed.kind === "forbidden") {
    return {
      problems: [],
      warnings: [
        `CLOUDFLARE_API_TOKEN: may not list the account's service tokens (${listed.reason}), so their number was not checked. Give it the permission "Access: Service Tokens" Edit on the account, or set sitepass:preflight to false.`,
      ],
    };
  }
  if (listed.kind === "failed") {
    const outage = listed.status === undefined || listed.status >= 500;
    return {
      problems: [
        outage
          ? `${listed.problem} To go on without counting tokens, set sitepass:preflight to false.`
          : listed.problem,
      ],
      warnings: [],
    };
  }
  return comparePlan(listed.value, config, sites, ownPrefix);
}

/** What an `up` would do to the account's service tokens, sites by name. */
export interface TokenPlan {
  /** All tokens of the account, other teams' included. */
  readonly existing: number;
  /** Sites of this stack that have a token. */
  readonly fleet: number;
  readonly toCreate: readonly string[];
  /** Sorted. */
  readonly toRemove: readonly string[];
}

export function planTokens(
  tokens: readonly Pick<ListedToken, "name">[],
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
): TokenPlan {
  const declared = new Set(sites.map(({ name }) => ownPrefix + name));
  const present = new Set(tokens.map(({ name }) => name).filter((name) => name.startsWith(ownPrefix)));
  return {
    existing: tokens.length,
    fleet: present.size,
    toCreate: sites.map(({ name }) => name).filter((name) => !present.has(ownPrefix + name)),
    toRemove: [...present]
      .filter((name) => !declared.has(name))
      .map((name) => name.slice(ownPrefix.length))
      .sort(),
  };
}

/** The comparison itself, without the network. */
export function comparePlan(
  tokens: readonly ListedToken[],
  config: Pick<Config, "serviceTokenLimit" | "allowRemovals">,
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
): PreflightReport {
  const plan = planTokens(tokens, sites, ownPrefix);
  const own = tokens.map(({ name }) => name).filter((name) => name.startsWith(ownPrefix));
  return {
    problems: [
      ...limitProblems(plan.existing, plan.toCreate, config.serviceTokenLimit),
      ...brakeProblems(plan.fleet, plan.toRemove, config.allowRemovals),
    ],
    warnings: duplicateWarnings(own, ownPrefix),
  };
}

function limitProblems(existing: number, toCreate: readonly string[], limit: number): string[] {
  const wanted = existing + toCreate.length;
  return toCreate.length === 0 || wanted <= limit
    ? []
    : [
        `sitepass:serviceTokenLimit: is ${limit}, and the account has ${plural(existing, "service token")} and needs ${toCreate.length} more (${some(toCreate)}), ${wanted} in all. ${waysOutOfTheLimit}.`,
      ];
}

/** Stops a wrong checkout or a bad merge from deleting a fleet: deleted tokens cannot be had back. */
function brakeProblems(fleet: number, toRemove: readonly string[], allowed: number): string[] {
  const free = fleet < smallestBrakedFleet ? Math.max(fleet - 1, 0) : Math.floor(fleet * brakeShare);
  return toRemove.length <= free + allowed
    ? []
    : [
        `sitepass:allowRemovals: is ${allowed}, and ${toRemove.length} of ${plural(fleet, "site")} would lose ${toRemove.length === 1 ? "its service token" : "their service tokens"} (${some(toRemove)}), which is more than ${free + allowed === 0 ? "may go" : `the ${free + allowed} that may go`} in one up. Bring their files back, or, if they are to go, set it to ${toRemove.length - free} for this up.`,
      ];
}

/** A lost answer to a committed create leaves a second token of the same name that no state knows. */
function duplicateWarnings(own: readonly string[], ownPrefix: string): string[] {
  const counts = new Map<string, number>();
  for (const name of own) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(
      ([name, count]) =>
        `sites/${name.slice(ownPrefix.length)}: the account has ${count} service tokens named ${name}. All but the one in \`pulumi stack output sites\` are left over from interrupted runs and count against the limit: delete them in the dashboard.`,
    );
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
