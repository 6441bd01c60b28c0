import type { ApiCredentials } from "../cloudflare/api-credentials";
import { openCloudflareApi, unseenProblems } from "../cloudflare/client";
import { listTokens, type AccountToken } from "../cloudflare/service-tokens";
import type { Config } from "../fleet/config";
import { shardText } from "../fleet/names";
import type { Problem } from "../fleet/problem";
import { waysOutOfTheLimit, type Fleet, type Site, type SiteElsewhere } from "../fleet/sites";
import { plural, someOf } from "../fleet/wording";
import { resourceTypes } from "./declared-objects";

/** What the look at the account found. */
export interface PreflightReport {
  /** Why nothing must be declared. */
  readonly problems: readonly Problem[];
  /** What a person should know, though it stops nothing. */
  readonly warnings: readonly Problem[];
  /** The account's tokens, where the stack was not asked which of them it holds. */
  readonly tokens?: readonly AccountToken[];
}

/** A fleet smaller than this has no brake but the one at its last site: a third of three sites is one. */
const smallestBrakedFleet = 10;

const brakeShare = 0.3;

/** The sites of the tokens that the stack's state holds, by token ID. */
export type HeldTokens = ReadonlyMap<string, string>;

/** The service tokens among what a state holds. */
export const heldTokensIn = (
  objects: readonly { readonly type: string; readonly name: string; readonly id: string }[],
): HeldTokens =>
  new Map(objects.filter(({ type }) => type === resourceTypes.token).map(({ id, name }) => [id, name]));

/**
 * Compares the sites with the service tokens that the account has, before anything is declared.
 *
 * One list call. Without the permission for it the comparison is skipped with a warning: the token may still be good
 * enough for what is to be changed.
 *
 * @param ownPrefix prefix of the names of this stack's tokens.
 * @param readHeld asked only when not every site has a token of its name, and no other has one: the stack's tokens may
 * have been made under another name of stack or project, or an interrupted run may have left some.
 * @throws UserError when HTTPS_PROXY is not the address of a proxy.
 */
export async function preflight(
  credentials: ApiCredentials,
  { config, sites, elsewhere }: Fleet,
  ownPrefix: string,
  readHeld: () => Promise<HeldTokens | undefined>,
): Promise<PreflightReport> {
  const listed = await listTokens(openCloudflareApi(credentials), config.accountId);
  switch (listed.kind) {
    case "answered": {
      const { toCreate, toRemove, duplicates } = planTokens(listed.value, sites, ownPrefix);
      const inDoubt = toCreate.length + toRemove.length + duplicates.length > 0;
      const held = inDoubt ? await readHeld() : undefined;
      const known = { held, unseen: listed.unseen, elsewhere };
      const { problems, warnings } = comparePlan(listed.value, config, sites, ownPrefix, known);
      return {
        problems,
        warnings: [...unseenProblems(listed, "service tokens"), ...warnings],
        ...(held === undefined ? { tokens: listed.value } : {}),
      };
    }
    case "forbidden":
      return {
        problems: await brakeOnHeld({ config, sites, elsewhere }, readHeld),
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

/**
 * The brake alone, for an `up` that does not compare with the account: against the tokens that the stack's state holds.
 * Without it the sites that the state's component was declared with would be the only measure, and a refused
 * `destroy --run-program` saves the files of now there.
 */
export async function brakeOnHeld(
  { config, sites, elsewhere }: Fleet,
  readHeld: () => Promise<HeldTokens | undefined>,
): Promise<readonly Problem[]> {
  const held = new Set((await readHeld())?.values());
  const declared = new Set(sites.map(({ name }) => name));
  const gone = [...held].filter((name) => !declared.has(name)).sort();
  return brakeProblems(held.size, gone, config.allowRemovals, elsewhere);
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

interface OwnTokens extends TokenPlan {
  /** Names that several tokens have. */
  readonly duplicates: readonly (readonly [name: string, count: number])[];
  /** Tokens that are named as this stack's, and that its state does not hold; none when that is not known. */
  readonly leftOver: readonly NamedToken[];
}

type NamedToken = Pick<AccountToken, "id" | "name">;

/** What is known of an account's tokens beside their list. */
interface KnownOfTokens {
  /** Undefined: the stack's own tokens are told by their names. */
  readonly held?: HeldTokens | undefined;
  /** How many more tokens the account has than the API token is shown. */
  readonly unseen?: number | undefined;
  /** The sites of other shards: one of them that has a token here has left this one. */
  readonly elsewhere?: readonly SiteElsewhere[];
}

export function planTokens(
  tokens: readonly NamedToken[],
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
  { held, unseen = 0 }: KnownOfTokens = {},
): OwnTokens {
  const named = tokens.filter(({ name }) => name.startsWith(ownPrefix));
  const siteOf = ({ id, name }: NamedToken) => held?.get(id) ?? name.slice(ownPrefix.length);
  const own = held === undefined ? named : tokens.filter(({ id }) => held.has(id));
  const present = new Set(own.map(siteOf));
  const declared = new Set(sites.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const { name } of named) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    existing: tokens.length + unseen,
    fleet: present.size,
    toCreate: sites.map(({ name }) => name).filter((name) => !present.has(name)),
    toRemove: [...present].filter((name) => !declared.has(name)).sort(),
    duplicates: [...counts].filter(([, count]) => count > 1),
    leftOver: held === undefined ? [] : named.filter(({ id }) => !held.has(id)),
  };
}

/** The comparison itself, without the network. */
export function comparePlan(
  tokens: readonly NamedToken[],
  config: Pick<Config, "serviceTokenLimit" | "allowRemovals">,
  sites: readonly Pick<Site, "name">[],
  ownPrefix: string,
  known: KnownOfTokens = {},
): PreflightReport {
  const { held, elsewhere = [] } = known;
  const plan = planTokens(tokens, sites, ownPrefix, known);
  return {
    problems: [
      ...limitProblems(plan.existing, plan.toCreate, config.serviceTokenLimit),
      ...brakeProblems(plan.fleet, plan.toRemove, config.allowRemovals, elsewhere),
    ],
    warnings: [
      ...renameWarnings(plan, elsewhere),
      ...leavingWarnings(plan, elsewhere),
      ...(held === undefined
        ? plan.duplicates.map((duplicate) => duplicateWarning(duplicate, ownPrefix))
        : leftOverWarnings(plan.leftOver, ownPrefix)),
    ],
  };
}

/** A site's name is its identity, so that a renamed file is a new site: whoever renames one may not know. */
function renameWarnings(
  { toCreate, toRemove: leaving }: Pick<TokenPlan, "toCreate" | "toRemove">,
  elsewhere: readonly SiteElsewhere[],
): Problem[] {
  const toRemove = leaving.filter((name) => elsewhere.every((site) => site.name !== name));
  return toCreate.length === 0 || toRemove.length === 0
    ? []
    : [
        {
          subject: "sites/",
          says: `${someOf(toCreate)} ${toCreate.length === 1 ? "is" : "are"} new, and ${someOf(toRemove)} ${toRemove.length === 1 ? "is" : "are"} gone. If a file was renamed, that is another site with another token: what is pushed with the former one is refused from this up on, and most collectors lose what is refused`,
          todo: "To keep the token and its secret, give the file its former name back, and put the new name into its description",
        },
      ];
}

/** Whether a site's collector has the other stack's credentials is known to nobody here. */
function leavingWarnings(
  { toRemove }: Pick<TokenPlan, "toRemove">,
  elsewhere: readonly SiteElsewhere[],
): Problem[] {
  const leaving = elsewhere.filter(({ name }) => toRemove.includes(name));
  const [be, them] = leaving.length === 1 ? ["is", "it"] : ["are", "them"];
  return leaving.length === 0
    ? []
    : [
        {
          subject: "sites/",
          says: `${someOf(leaving.map(({ name }) => name))} ${be} in ${shardsOf(leaving)} now, and this up deletes what lets ${them} in here: what is still pushed with this stack's credentials is refused from then on, and most collectors lose what is refused`,
          todo: "Put the other stack's credentials in place first. Until then leave shard in the file as it was, and name the other shard as movingTo: both stacks have a token then (docs/scale.md)",
        },
      ];
}

const shardsOf = (sites: readonly SiteElsewhere[]): string =>
  someOf([...new Set(sites.map(({ shard }) => shard))].sort().map(shardText));

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

/** How many sites of a fleet one `up` may take away without being told. */
export const freeRemovals = (fleet: number): number =>
  fleet < smallestBrakedFleet ? Math.max(fleet - 1, 0) : Math.floor(fleet * brakeShare);

/** Stops a wrong checkout or a bad merge from deleting a fleet: deleted tokens cannot be brought back. */
export function brakeProblems(
  fleet: number,
  toRemove: readonly string[],
  allowed: number,
  elsewhere: readonly SiteElsewhere[],
): Problem[] {
  const free = freeRemovals(fleet);
  if (toRemove.length <= free + allowed) {
    return [];
  }
  const lost = toRemove.length === 1 ? "its service token" : "their service tokens";
  const limit = free + allowed === 0 ? "may go" : `the ${free + allowed} that may go`;
  const leaving = elsewhere.filter(({ name }) => toRemove.includes(name));
  const where =
    leaving.length === 0
      ? ""
      : `. ${someOf(leaving.map(({ name }) => name))} ${leaving.length === 1 ? "is" : "are"} in ${shardsOf(leaving)} now`;
  const back = [
    leaving.length < toRemove.length ? "their files" : [],
    leaving.length > 0 ? "what their files said of their shard" : [],
  ].flat();
  return [
    {
      subject: "sitepass:allowRemovals",
      says: `is ${allowed}, and ${toRemove.length} of ${plural(fleet, "site")} would lose ${lost} (${someOf(toRemove)}), which is more than ${limit} in one up${where}`,
      todo: `Bring ${back.join(" and ")} back, or, if they are to go, set it to ${toRemove.length - free} for this up`,
    },
  ];
}

/** A lost answer to a committed create leaves a second token of the same name that no state knows. */
const duplicateWarning = ([name, count]: OwnTokens["duplicates"][number], ownPrefix: string): Problem => ({
  subject: `sites/${name.slice(ownPrefix.length)}`,
  says: `the account has ${count} service tokens named ${name}`,
  todo: "All but the one in `pulumi stack output sites` are left over from interrupted runs and count against the limit: delete them in the dashboard",
});

/** With more than these, one sentence says it of all. */
const mostApart = 5;

function leftOverWarnings(leftOver: readonly NamedToken[], ownPrefix: string): Problem[] {
  return leftOver.length > mostApart
    ? [
        {
          subject: "service tokens",
          says: `${leftOver.length} are named as this stack's, and it does not hold them (${someOf(leftOver.map(({ id, name }) => `${name} ${id}`))})`,
          todo: deleteLeftOvers,
        },
      ]
    : leftOver.map(({ id, name }) => leftOverToken(name.slice(ownPrefix.length), name, id));
}

/** A token of the account that is named as this stack's for a site, and that its state does not hold. */
export const leftOverToken = (site: string, name: string, id: string): Problem => ({
  subject: `sites/${site}`,
  says: `the account has a service token named ${name} that the stack does not hold (${id})`,
  todo: deleteLeftOvers,
});

/** Never deleted here: another checkout, whose state is elsewhere, may use it. */
const deleteLeftOvers =
  "If no other checkout uses it, it is left over from an interrupted run and counts against the limit: delete it in the dashboard";
