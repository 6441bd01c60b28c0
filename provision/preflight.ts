import type { ApiCredentials } from "../cloudflare/api-credentials";
import { openCloudflareApi, unseenProblems } from "../cloudflare/client";
import { listTokens, type AccountToken } from "../cloudflare/service-tokens";
import type { Config } from "../fleet/config";
import type { Problem } from "../fleet/problem";
import { waysOutOfTheLimit, type Site } from "../fleet/sites";
import { plural, someOf } from "../fleet/wording";

/** What the look at the account found. */
export interface PreflightReport {
  /** Why nothing must be declared. */
  readonly problems: readonly Problem[];
  /** What a person should know, though it stops nothing. */
  readonly warnings: readonly Problem[];
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
 * @throws UserError when the API's address is not a URL.
 */
export async function preflight(
  credentials: ApiCredentials,
  config: Config,
  sites: readonly Site[],
  ownPrefix: string,
): Promise<PreflightReport> {
  const listed = await listTokens(openCloudflareApi(credentials), config.accountId);
  switch (listed.kind) {
    case "answered": {
      const { problems, warnings } = comparePlan(listed.value, config, sites, ownPrefix, listed.unseen);
      return { problems, warnings: [...unseenProblems(listed, "service tokens"), ...warnings] };
    }
    case "forbidden":
      return {
        problems: [],
        warnings: [
          {
            subject: "CLOUDFLARE_API_TOKEN",
            says: `may not list the account's service tokens (${listed.reason}), so their number was not checked`,
            todo: 'Give it the permission "Access: Service Tokens" Edit on the account, or set sitepass:preflight to false',
          },
        ],
      };
    case "failed": {
      const { problem, status } = listed;
      const outage = status === undefined || status >= 500;
      const todo = `${problem.todo}. To go on without counting tokens, set sitepass:preflight to false`;
      return { problems: [outage ? { ...problem, todo } : problem], warnings: [] };
    }
  }
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

/** @param unseen how many more tokens the account has than the API token is shown. */
export function planTokens(
  tokens: readonly Pick<AccountToken, "name">[],
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
  unseen = 0,
): TokenPlan {
  const declared = new Set(sites.map(({ name }) => ownPrefix + name));
  const present = new Set(tokens.map(({ name }) => name).filter((name) => name.startsWith(ownPrefix)));
  return {
    existing: tokens.length + unseen,
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
  tokens: readonly Pick<AccountToken, "name">[],
  config: Pick<Config, "serviceTokenLimit" | "allowRemovals">,
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
  unseen = 0,
): PreflightReport {
  const plan = planTokens(tokens, sites, ownPrefix, unseen);
  const own = tokens.map(({ name }) => name).filter((name) => name.startsWith(ownPrefix));
  return {
    problems: [
      ...limitProblems(plan.existing, plan.toCreate, config.serviceTokenLimit),
      ...brakeProblems(plan.fleet, plan.toRemove, config.allowRemovals),
    ],
    warnings: duplicateWarnings(own, ownPrefix),
  };
}

function limitProblems(existing: number, toCreate: readonly string[], limit: number): Problem[] {
  const wanted = existing + toCreate.length;
  return toCreate.length === 0 || wanted <= limit
    ? []
    : [
        {
          subject: "sitepass:serviceTokenLimit",
          says: `is ${limit}, and the account has ${plural(existing, "service token")} and needs ${toCreate.length} more (${someOf(toCreate)}), ${wanted} in all`,
          todo: waysOutOfTheLimit,
        },
      ];
}

/** Stops a wrong checkout or a bad merge from deleting a fleet: deleted tokens cannot be brought back. */
function brakeProblems(fleet: number, toRemove: readonly string[], allowed: number): Problem[] {
  const free = fleet < smallestBrakedFleet ? Math.max(fleet - 1, 0) : Math.floor(fleet * brakeShare);
  if (toRemove.length <= free + allowed) {
    return [];
  }
  const lost = toRemove.length === 1 ? "its service token" : "their service tokens";
  const limit = free + allowed === 0 ? "may go" : `the ${free + allowed} that may go`;
  return [
    {
      subject: "sitepass:allowRemovals",
      says: `is ${allowed}, and ${toRemove.length} of ${plural(fleet, "site")} would lose ${lost} (${someOf(toRemove)}), which is more than ${limit} in one up`,
      todo: `Bring their files back, or, if they are to go, set it to ${toRemove.length - free} for this up`,
    },
  ];
}

/** A lost answer to a committed create leaves a second token of the same name that no state knows. */
function duplicateWarnings(own: readonly string[], ownPrefix: string): Problem[] {
  const counts = new Map<string, number>();
  for (const name of own) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => ({
      subject: `sites/${name.slice(ownPrefix.length)}`,
      says: `the account has ${count} service tokens named ${name}`,
      todo: "All but the one in `pulumi stack output sites` are left over from interrupted runs and count against the limit: delete them in the dashboard",
    }));
}
