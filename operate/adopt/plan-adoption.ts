import type { Config } from "../../fleet/config";
import { comparePlan } from "../../provision/preflight";
import { plural } from "../../fleet/wording";
import { waysOutOfTheLimit, type Site } from "../../fleet/sites";
import { nameList } from "../name-list";
import type { StackResource } from "../../stack/stack-resources";
import { findAdmissions } from "./admissions";
import type { TokenChoices } from "./choices";
import { chooseTokens } from "./choose-tokens";
import { declaredToken, resourceTypes } from "./declared";
import { KnownResources } from "./known-resources";
import { leftOverPolicies, type LeftOverPolicy } from "./left-over-policies";
import { nameSites } from "./name-sites";
import { nothing, together, type Part } from "./part";
import { planApplicationAdoptions } from "./plan-applications";
import { planRecordAdoptions } from "./plan-records";
import { planSites, type PlannedSite } from "./plan-sites";
import { planTunnelAdoption } from "./plan-tunnel";
import type { AccountView } from "./read-account";

/** What adopting would do, and what the `up` after it. */
export interface AdoptionPlan extends Part {
  /** Every site whose token was chosen, by name; those that the stack has already among them. */
  readonly sites: readonly PlannedSite[];
  readonly leftOver: readonly LeftOverPolicy[];
  /** Whether the look at the account that `up` begins with would take the adopted tokens for other ones, and refuse. */
  readonly preflightWouldRefuse: boolean;
}

export interface AdoptionRequest {
  readonly config: Config;
  readonly ownPrefix: string;
  /** Those that have a file. */
  readonly sites: readonly Site[];
  readonly view: AccountView;
  /** What the stack's state holds. */
  readonly resources: readonly StackResource[];
  readonly choices: TokenChoices;
  /** Until when today's secrets keep working beside new ones; undefined: no new ones are made. */
  readonly rotateUntil: string | undefined;
  readonly now: Date;
}

/** Plans the adoption of what an account has; looks at nothing but what it is given, and changes nothing. */
export function planAdoption(request: AdoptionRequest): AdoptionPlan {
  const { config, ownPrefix, view, sites: existing, choices, rotateUntil, now } = request;
  const known = new KnownResources(request.resources);
  const admissions = findAdmissions(view, config.endpoints);
  const chosen = chooseTokens(view.tokens, admissions, choices, known);
  const named = nameSites(chosen, view.tokens, known, ownPrefix);
  const planned = planSites(named.sites, {
    config,
    ownPrefix,
    existing,
    admissions,
    rotateUntil,
    now,
  });
  const tokenIds = new Set([
    ...planned.sites.map(({ token }) => token.id),
    ...view.tokens
      .filter(({ id }) => known.nameOf(resourceTypes.token, id) !== undefined)
      .map(({ id }) => id),
  ]);
  const fleet = [
    ...existing,
    ...planned.sites.flatMap(({ site, newFile }) => (newFile === undefined ? [] : [site])),
  ];
  const pushed = new Set(fleet.filter(({ token }) => token.enabled).flatMap(({ signals }) => signals));
  const part = together([
    { ...nothing, refusals: [...chosen.refusals, ...named.refusals] },
    planned.part,
    planApplicationAdoptions({ config, ownPrefix, view, known, tokenIds, pushed }),
    planTunnelAdoption({ config, view, known }),
    planRecordAdoptions({ config, ownPrefix, view, known }),
    { ...nothing, notes: unprotectedNotes(admissions) },
    judgeFleet(fleet, planned.sites, request, known),
  ]);
  return {
    ...part,
    refusals: [...part.refusals, ...emptyProblem(part, planned.sites, request)],
    sites: [...planned.sites].sort((a, b) => (a.site.name < b.site.name ? -1 : 1)),
    leftOver: leftOverPolicies(view, tokenIds, adoptedApplications(part, view, known), ownPrefix),
    preflightWouldRefuse:
      config.preflight && comparePlan(view.tokens, config, fleet, ownPrefix).problems.length > 0,
  };
}

/** Sites of the fleet that have no token yet: `up` makes them one, and the account must have room for it. */
function judgeFleet(
  fleet: readonly Site[],
  planned: readonly PlannedSite[],
  { config, view }: AdoptionRequest,
  known: KnownResources,
): Part {
  const withToken = new Set(planned.map(({ site }) => site.name));
  const without = fleet.filter(
    ({ name }) => !withToken.has(name) && known.idOf(declaredToken(name)) === undefined,
  );
  const wanted = view.tokens.length + without.length;
  const files = nameList(without.map(({ file }) => file));
  return {
    ...nothing,
    refusals:
      without.length > 0 && wanted > config.serviceTokenLimit
        ? [
            `sitepass:serviceTokenLimit: is ${config.serviceTokenLimit}, and the account has ${plural(view.tokens.length, "service token")} and needs ${without.length} more (${files}). ${waysOutOfTheLimit}.`,
          ]
        : [],
    notes:
      without.length === 0
        ? []
        : [
            `${files}: ${without.length === 1 ? "has no token among those that were chosen, so `up` makes it" : "have no token among those that were chosen, so `up` makes each"} a new one. Delete the files of sites that do not exist.`,
          ],
  };
}

function unprotectedNotes(admissions: ReturnType<typeof findAdmissions>): readonly string[] {
  return admissions
    .filter(({ deciding }) => deciding.length === 0)
    .map(
      ({ signal, hostname }) =>
        `sitepass:endpoints.${signal}.hostname: is "${hostname}", which no Access application covers: whatever pushes there without a token today is refused after \`up\`.`,
    );
}

/** Nothing chosen and nothing known is more often a wrong host name than an empty account. */
function emptyProblem(
  part: Part,
  sites: readonly PlannedSite[],
  { config, view, resources }: AdoptionRequest,
): readonly string[] {
  if (sites.length > 0 || part.refusals.length > 0 || resources.some(({ id }) => id !== "")) {
    return [];
  }
  const hosts = config.endpoints.map(({ hostname }) => hostname).join(" and ");
  return [
    `adopt: of the account's ${plural(view.tokens.length, "service token")} none is let in on ${hosts}. Check sitepass:endpoints, or choose tokens with --match or --site.`,
  ];
}

function adoptedApplications(part: Part, view: AccountView, known: KnownResources): ReadonlySet<string> {
  const coming = part.adoptions
    .filter(({ becomes }) => becomes.type === resourceTypes.application)
    .map(({ importId }) => importId.split("/").at(-1) ?? "");
  const there = view.applications
    .filter(({ id }) => known.nameOf(resourceTypes.application, id) !== undefined)
    .map(({ id }) => id);
  return new Set([...coming, ...there]);
}
