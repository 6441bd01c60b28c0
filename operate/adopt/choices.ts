import { dnsLabelProblem } from "../../fleet/names";
import { UserError } from "../../fleet/problem";

/** What a person said about which tokens become which sites. */
export interface TokenChoices {
  /** Globs on token names; empty: the tokens that may push today. */
  readonly match: readonly string[];
  readonly named: readonly NamedSite[];
  /** Tokens to leave alone, by name, ID or client ID. */
  readonly skip: readonly string[];
}

export interface NamedSite {
  /** A token's name, ID or client ID. */
  readonly token: string;
  readonly site: string;
}

/**
 * Reads `--site` options, each `<token>=<site>`. Token names may hold equals signs, site names none.
 *
 * @throws UserError for all that are none, and for a site that two of them name.
 */
export function parseNamedSites(texts: readonly string[]): readonly NamedSite[] {
  const named = texts.map((text) => {
    const at = text.lastIndexOf("=");
    return { text, token: text.slice(0, Math.max(at, 0)), site: text.slice(at + 1) };
  });
  const problems = named.flatMap(({ text, token, site }) => {
    if (token === "") {
      return [`--site: is "${text}". Write <token's name or ID>=<site>, as in --site "Tokyo rack A=tokyo".`];
    }
    const problem = dnsLabelProblem(site);
    return problem === undefined
      ? []
      : [`--site: is "${text}", and the site name "${site}" ${problem}. Take another.`];
  });
  const twice = named.filter(({ site }, index) => named.findIndex((one) => one.site === site) < index);
  problems.push(...twice.map(({ site }) => `--site: names the site ${site} twice. A site has one token.`));
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return named.map(({ token, site }) => ({ token, site }));
}
