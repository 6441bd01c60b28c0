import { dnsLabelProblem } from "../../fleet/names";
import type { AccountToken } from "../../cloudflare/service-tokens";
import { referenceTo, type ChosenTokens } from "./choose-tokens";
import { declaredToken, resourceTypes } from "./declared";
import type { KnownResources } from "./known-resources";
import { suggestedSiteName } from "./site-name";

/** A token and the site that it belongs to. */
export interface SiteToken {
  readonly site: string;
  readonly token: AccountToken;
  /** Whether the stack has it already. */
  readonly known: boolean;
}

/** Tokens with their sites, or why some have none. */
export interface NamedTokens {
  readonly sites: readonly SiteToken[];
  readonly refusals: readonly string[];
}

/**
 * Gives every chosen token its site: as named by hand, as the stack knows it, as this project named it, or as its name
 * suggests. Nothing is made up: names that two tokens would share, or that are none, are for a person to settle.
 *
 * @param all every token of the account, to say which is meant.
 */
export function nameSites(
  { tokens, named }: ChosenTokens,
  all: readonly AccountToken[],
  known: KnownResources,
  ownPrefix: string,
): NamedTokens {
  const project = ownPrefix.slice(0, ownPrefix.indexOf("/") + 1);
  const refusals: string[] = [];
  const sites: SiteToken[] = [];
  for (const token of tokens) {
    const reference = referenceTo(token, all);
    const subject = `service token "${token.name}"${reference === token.id ? ` (${token.id})` : ""}`;
    const inStack = known.nameOf(resourceTypes.token, token.id);
    if (inStack !== undefined) {
      sites.push({ site: inStack, token, known: true });
      continue;
    }
    const byHand = named.get(token.id);
    if (byHand === undefined && token.name.startsWith(project) && !token.name.startsWith(ownPrefix)) {
      refusals.push(
        `${subject}: belongs to another stack of this project. Leave it out with --skip "${reference}", or take it out of that stack's state first and name its site with --site.`,
      );
      continue;
    }
    const site =
      byHand ??
      (token.name.startsWith(ownPrefix) ? token.name.slice(ownPrefix.length) : suggestedSiteName(token.name));
    const problem = dnsLabelProblem(site);
    if (problem !== undefined) {
      refusals.push(
        `${subject}: gives the site name "${site}", which ${problem}. Name the site with --site "${reference}=<site>", or leave the token out with --skip "${reference}".`,
      );
      continue;
    }
    const holder = known.idOf(declaredToken(site));
    if (holder !== undefined) {
      refusals.push(
        `${subject}: gives the site name ${site}, and the stack has another token for that site (${holder}). Name another site with --site "${reference}=<site>", or leave the token out with --skip "${reference}".`,
      );
      continue;
    }
    sites.push({ site, token, known: false });
  }
  return { sites, refusals: [...refusals, ...collisions(sites, all)] };
}

function collisions(sites: readonly SiteToken[], all: readonly AccountToken[]): readonly string[] {
  const bySite = new Map<string, SiteToken[]>();
  for (const one of sites) {
    bySite.set(one.site, [...(bySite.get(one.site) ?? []), one]);
  }
  return [...bySite]
    .filter(([, same]) => same.length > 1)
    .map(([site, same]) => {
      const references = same.map(({ token }) => referenceTo(token, all));
      const last = references.at(-1) ?? "";
      return `sites/${site}.yaml: would be the site of ${same.length} service tokens (${references.map((one) => `"${one}"`).join(", ")}). Name another site for all but one, as in --site "${last}=${site}-2", or leave them out, as with --skip "${last}".`;
    });
}
