import { join, relative, resolve } from "node:path";
import { distinctProblems, orThrow } from "../../fleet/problem";
import { waysOutOfTheLimit, type Site } from "../../fleet/sites";
import { plural, someOf } from "../../fleet/wording";
import { resourceTypes } from "../../provision/declared-objects";
import { comparePlan } from "../../provision/preflight";
import type { OpenStack } from "../../stack/open-stack";
import { windowEndAfter } from "../../stack/rotation-notes";
import {
  declaredToken,
  idInStack,
  resourceWithId,
  type AdoptionRequest,
  type PlanInProgress,
} from "./adoption-plan";
import { chooseSites, parseNamedSites } from "./choose-sites";
import { importDocument, providerVersion } from "./import-document";
import { planApplicationAdoptions } from "./plan-applications";
import { planRecordAdoptions } from "./plan-records";
import { planSiteFiles, type AdoptedSite } from "./plan-site-files";
import { planTunnelAdoption } from "./plan-tunnel";
import { findPushRights, leftOverPolicies } from "./policies";
import { readAccount } from "./read-account";
import { newFileOutcome, writeNewFile, type NewFileOutcome } from "./write-new-file";

/** What a person asks of adopting. */
export interface AdoptionOptions {
  /** Globs on token names; without any, the tokens that may push today become sites. */
  readonly match: readonly string[];
  /** Each `<token>=<site>`, the token by name, ID or client ID. */
  readonly site: readonly string[];
  /** Tokens to leave alone, by name, ID or client ID. */
  readonly skip: readonly string[];
  /** How long today's secrets are to work beside new ones, in milliseconds; undefined: no new ones are made. */
  readonly rotate?: number;
  /** The file for `pulumi import`; undefined: `adopt.<stack>.json` in the project's folder. */
  readonly out?: string;
  /** Go on although what works today will stop with the next `up`. */
  readonly acceptLosses: boolean;
  /** Say what would be written, and write nothing. */
  readonly dryRun: boolean;
}

/** What adopting would do, and what the `up` after it. */
export interface AdoptionPlan extends Pick<PlanInProgress, "adoptions" | "refusals" | "losses" | "notes"> {
  /** Every site whose token was chosen, by name; those that the stack has already among them. */
  readonly sites: readonly AdoptedSite[];
  /** Policies made by hand that `up` neither needs nor deletes, though they name tokens of sites. */
  readonly leftOver: ReturnType<typeof leftOverPolicies>;
  /** Whether the look at the account that `up` begins with would take the adopted tokens for other ones, and refuse. */
  readonly preflightWouldRefuse: boolean;
}

/** The plan, its refusals with losses that are not accepted and files that are in the way, and what was written. */
export interface AdoptionResult extends AdoptionPlan {
  /** By their names relative to the project's folder, in the order of writing; none when anything was refused. */
  readonly files: readonly { readonly file: string; readonly outcome: NewFileOutcome }[];
}

/**
 * Brings a fleet that was made by hand into a stack: reads the account and the stack's state, plans, and writes the site
 * files that are missing and the file for `pulumi import`. Nothing is written unless all of it can be, and nothing is
 * changed in Cloudflare.
 *
 * @param abort when it is aborted by the time that everything is read and planned, nothing is written.
 * @throws UserError for options that are wrong, and when account or state cannot be read.
 */
export async function adoptFleet(
  stack: OpenStack,
  options: AdoptionOptions,
  abort: AbortSignal,
): Promise<AdoptionResult> {
  const { config, ownPrefix, sites, elsewhere, directory } = stack;
  const named = orThrow(parseNamedSites(options.site));
  const sdkVersion = providerVersion(directory);
  const api = await stack.cloudflareApi();
  const [account, resources] = await Promise.all([readAccount(api, config), stack.resources()]);
  const now = new Date();
  const plan = planAdoption({
    config,
    ownPrefix,
    sites,
    elsewhere,
    account,
    resources,
    choices: { match: options.match, named, skip: options.skip },
    rotateUntil: options.rotate === undefined ? undefined : windowEndAfter(now, options.rotate),
    now,
  });
  // Site files first: without them the import would bring in what the next `up` then deletes.
  const wanted = plan.sites.flatMap(({ newFile }) =>
    newFile === undefined ? [] : [{ path: join(directory, newFile.file), text: newFile.text }],
  );
  const out = resolve(options.out ?? join(directory, `adopt.${stack.stackName}.json`));
  if (plan.adoptions.length > 0) {
    wanted.push({ path: out, text: importDocument(plan.adoptions, sdkVersion) });
  }
  const refusals = [...plan.refusals];
  const losses = plan.losses.length;
  if (losses > 0 && !options.acceptLosses) {
    refusals.push(...plan.losses, {
      subject: "--accept-losses",
      says: `is not given, and ${plural(losses, "thing")} that may work today would stop with the next \`up\``,
      todo: `Fix ${losses === 1 ? "it" : "them"} as said above, or pass it to go on`,
    });
  }
  for (const { path, text } of wanted) {
    if (newFileOutcome(path, text) === "taken") {
      refusals.push({
        subject: shownPath(path, directory),
        says: "exists already, with something else in it",
        todo: `Move it away${path === out ? ", or name another file with --out" : ""}`,
      });
    }
  }
  const write = options.dryRun ? newFileOutcome : writeNewFile;
  const files = (refusals.length > 0 || abort.aborted ? [] : wanted).map(({ path, text }) => ({
    file: shownPath(path, directory),
    outcome: write(path, text),
  }));
  return { ...plan, refusals, files };
}

function shownPath(path: string, directory: string): string {
  const inside = relative(directory, path);
  return inside.startsWith("..") ? path : inside;
}

/** Plans the adoption of what an account has; looks at nothing but what it is given, and changes nothing. */
export function planAdoption(request: AdoptionRequest): AdoptionPlan {
  const { config, ownPrefix, account } = request;
  const plan: PlanInProgress = { ...request, adoptions: [], refusals: [], losses: [], notes: [] };
  plan.losses.push(...(account.unseen ?? []));
  const rights = findPushRights(account, config.endpoints);
  plan.refusals.push(...rights.flatMap(({ undecided }) => undecided));
  const { sites, fleet } = planSiteFiles(chooseSites(rights, plan), rights, plan);
  const inStack = account.tokens.filter(({ id }) => resourceWithId(plan, resourceTypes.token, id));
  const planWithTokens = {
    ...plan,
    siteTokens: new Set([...sites.map(({ token }) => token), ...inStack].map(({ id }) => id)),
    pushed: new Set(fleet.filter(({ token }) => token.enabled).flatMap(({ signals }) => signals)),
  };
  planApplicationAdoptions(planWithTokens);
  planTunnelAdoption(plan);
  planRecordAdoptions(plan);
  for (const { signal, hostname } of rights.filter(({ guarded }) => !guarded)) {
    plan.notes.push(
      `sitepass:endpoints.${signal}.hostname: is "${hostname}", which no Access application covers: whatever pushes there without a token today is refused after \`up\`.`,
    );
  }
  findSitesWithoutToken(fleet, sites, plan);
  refuseEmptyPlan(sites, plan);
  return {
    sites: [...sites].sort((a, b) => (a.site.name < b.site.name ? -1 : 1)),
    adoptions: plan.adoptions,
    // An application that covers both push hosts is looked at for each, and gives the same texts twice.
    refusals: distinctProblems(plan.refusals),
    losses: distinctProblems(plan.losses),
    notes: [...new Set(plan.notes)],
    leftOver: leftOverPolicies(planWithTokens),
    preflightWouldRefuse:
      config.preflight && comparePlan(account.tokens, config, fleet, ownPrefix).problems.length > 0,
  };
}

/** Sites of the fleet that have no token yet: `up` makes them one, and the account must have room for it. */
function findSitesWithoutToken(
  fleet: readonly Site[],
  adopted: readonly AdoptedSite[],
  plan: PlanInProgress,
): void {
  const { tokens } = plan.account;
  const { serviceTokenLimit: limit } = plan.config;
  const withToken = new Set(adopted.map(({ site }) => site.name));
  const without = fleet.filter(
    ({ name }) => !withToken.has(name) && idInStack(plan, declaredToken(name)) === undefined,
  );
  if (without.length === 0) {
    return;
  }
  const files = someOf(without.map(({ file }) => file));
  if (tokens.length + without.length > limit) {
    plan.refusals.push({
      subject: "sitepass:serviceTokenLimit",
      says: `is ${limit}, and the account has ${plural(tokens.length, "service token")} and needs ${without.length} more (${files})`,
      todo: waysOutOfTheLimit,
    });
  }
  const [have, each] = without.length === 1 ? ["has", "it"] : ["have", "each"];
  plan.notes.push(
    `${files}: ${have} no token among those that were chosen, so \`up\` makes ${each} a new one. Delete the files of sites that do not exist.`,
  );
}

/** Nothing chosen and nothing known is more often a wrong host name than an empty account. */
function refuseEmptyPlan(
  sites: readonly AdoptedSite[],
  { config, account, resources, refusals }: PlanInProgress,
): void {
  if (sites.length === 0 && refusals.length === 0 && resources.every(({ id }) => id === "")) {
    const hosts = config.endpoints.map(({ hostname }) => hostname).join(" or ");
    refusals.push({
      subject: "adopt",
      says: `the account has ${plural(account.tokens.length, "service token")}, and none is let in on ${hosts}`,
      todo: "Check sitepass:endpoints, or choose tokens with --match or --site",
    });
  }
}
