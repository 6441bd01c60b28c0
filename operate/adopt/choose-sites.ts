import type { AccountToken } from "../../cloudflare/service-tokens";
import { dnsLabelProblem, shardText } from "../../fleet/names";
import { failure, success, type Problem, type Result } from "../../fleet/problem";
import { nearest, plural } from "../../fleet/wording";
import { resourceTypes } from "../../provision/declared-objects";
import {
  declaredToken,
  idInStack,
  planMessages,
  resourceWithId,
  type PlanInProgress,
  type TokenChoices,
} from "./adoption-plan";
import type { PushRights } from "./policies";

/** A token, and the name of the site that it belongs to. */
export interface SiteToken {
  readonly name: string;
  readonly token: AccountToken;
  /** Whether the stack has it already. */
  readonly known: boolean;
}

/** Reads `--site` options, each `<token>=<site>`. Token names may hold equals signs, site names may not. */
export function parseNamedSites(texts: readonly string[]): Result<TokenChoices["named"]> {
  const problems: Problem[] = [];
  const refuse = (says: string, todo: string) => problems.push({ subject: "--site", says, todo });
  const named = texts.map((text) => {
    const at = text.lastIndexOf("=");
    const [token, site] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
    const wrong = dnsLabelProblem(site);
    if (token === "") {
      refuse(`is "${text}"`, 'Write <token\'s name or ID>=<site>, as in --site "Tokyo rack A=tokyo"');
    } else if (wrong !== undefined) {
      refuse(`is "${text}", and the site name "${site}" ${wrong}`, "Choose another name");
    }
    return { token, site };
  });
  const again = named.filter(({ site }, index) => named.findIndex((one) => one.site === site) < index);
  for (const { site } of again) {
    refuse(`names the site ${site} twice`, "A site has one token: give each token a site of its own");
  }
  return problems.length > 0 ? failure(...problems) : success(named);
}

/**
 * Chooses the tokens that become sites, and names the sites. Without a choice they are the tokens that policies let in by
 * name on the write paths.
 *
 * A site is named as a person named it, as the stack knows it, as this project named it, or as the token's name suggests.
 * Nothing is made up: a name that two tokens would share, or that is not valid, is for a person to settle.
 */
export function chooseSites(rights: readonly PushRights[], plan: PlanInProgress): readonly SiteToken[] {
  const { account, choices } = plan;
  const skipped = choices.skip.flatMap((reference) => findToken("--skip", reference, plan) ?? []);
  const named = new Map<AccountToken, string>();
  for (const { token, site } of choices.named) {
    // The same command may run again after its tokens were adopted and renamed.
    const renamed =
      idInStack(plan, declaredToken(site)) !== undefined && tokensCalled(token, plan).length === 0;
    const found = renamed ? undefined : findToken("--site", token, plan);
    if (found !== undefined) {
      named.set(found, site);
    }
  }
  const wanted = choices.match.length > 0 ? matchingTokens(plan) : tokensLetIn(rights, plan);
  const sites = account.tokens
    .filter((token) => (wanted.includes(token) || named.has(token)) && !skipped.includes(token))
    .flatMap((token) => nameSite(token, named.get(token), plan) ?? []);
  refuseSharedNames(sites, plan);
  return sites;
}

function matchingTokens(plan: PlanInProgress): readonly AccountToken[] {
  const { tokens } = plan.account;
  const someAdopted = tokens.some(({ id }) => resourceWithId(plan, resourceTypes.token, id) !== undefined);
  return plan.choices.match.flatMap((glob) => {
    const fits = globTest(glob);
    const found = tokens.filter(({ name }) => fits(name));
    // Once tokens are adopted they have other names.
    if (found.length === 0 && !someAdopted) {
      plan.refusals.push({
        subject: "--match",
        says: `is "${glob}", which none of the account's ${plural(tokens.length, "service token")} matches`,
        todo: "Look at their names in the dashboard; * stands for any text",
      });
    }
    return found;
  });
}

/** A test for texts: `*` stands for any text, `?` for any one character, everything else for itself. */
export function globTest(glob: string): (text: string) => boolean {
  const escaped = glob.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  const pattern = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su");
  return (text) => pattern.test(text);
}

function tokensLetIn(
  rights: readonly PushRights[],
  { account: { tokens }, choices, refusals }: PlanInProgress,
): readonly AccountToken[] {
  for (const { hostname, unnamed } of choices.named.length > 0 ? [] : rights) {
    for (const { application, policy } of unnamed) {
      refusals.push({
        subject: `application "${application}"`,
        says: `lets tokens in on ${hostname} that it does not name (policy "${policy}"), so which of the account's ${plural(tokens.length, "service token")} push cannot be seen`,
        todo: 'Choose them with --match, such as --match "site-*", or one by one with --site',
      });
    }
  }
  return tokens.filter(({ id }) => rights.some(({ letsInByName }) => letsInByName(id)));
}

const tokensCalled = (reference: string, { account }: PlanInProgress): readonly AccountToken[] =>
  account.tokens.filter(({ id, clientId, name }) => [id, clientId, name].includes(reference));

/** The token that a person means; undefined, and refused, when there is none or more than one. */
function findToken(option: string, reference: string, plan: PlanInProgress): AccountToken | undefined {
  const found = tokensCalled(reference, plan);
  if (found.length === 1) {
    return found[0];
  }
  const names = plan.account.tokens.map(({ name }) => name);
  const close = nearest(reference, names);
  const [says, todo] =
    found.length > 1
      ? [
          `and ${found.length} have that name (${found.map(({ id }) => id).join(", ")})`,
          "Give the ID of the one that is meant",
        ]
      : [
          "which the account does not have",
          close === undefined
            ? "Give a service token's name or ID from the dashboard"
            : `Did you mean "${close}"?`,
        ];
  plan.refusals.push({ subject: option, says: `names the token "${reference}", ${says}`, todo });
  return undefined;
}

/** How a token is named on the command line: by name, or by ID where its name is not its own. */
function referenceTo(token: AccountToken, { account }: PlanInProgress): string {
  const sameName = account.tokens.filter(({ name }) => name === token.name);
  return token.name !== "" && sameName.length === 1 ? token.name : token.id;
}

/** Gives a token its site; undefined, and refused, when that is for a person to settle. */
function nameSite(
  token: AccountToken,
  byHand: string | undefined,
  plan: PlanInProgress,
): SiteToken | undefined {
  const inStack = resourceWithId(plan, resourceTypes.token, token.id);
  if (inStack !== undefined) {
    return { name: inStack.name, token, known: true };
  }
  const { ownPrefix } = plan;
  const reference = referenceTo(token, plan);
  const { refuse } = planMessages(
    `service token "${token.name}"${reference === token.id ? ` (${token.id})` : ""}`,
    plan,
  );
  const isOwn = token.name.startsWith(ownPrefix);
  const name = byHand ?? (isOwn ? token.name.slice(ownPrefix.length) : suggestedSiteName(token.name));
  const wrong = dnsLabelProblem(name);
  const holder = idInStack(plan, declaredToken(name));
  const elsewhere = plan.elsewhere.find((one) => one.name === name);
  const [site, skip] = [`--site "${reference}=<site>"`, `--skip "${reference}"`];
  if (byHand === undefined && token.name.startsWith(ownPrefix.replace(/\/.*/, "/")) && !isOwn) {
    refuse(
      "belongs to another stack of this project",
      `Leave it out with ${skip}, or take it out of that stack's state first and name its site with --site`,
    );
  } else if (wrong !== undefined) {
    refuse(
      `gives the site name "${name}", which ${wrong}`,
      `Name the site with ${site}, or leave the token out with ${skip}`,
    );
  } else if (elsewhere !== undefined) {
    refuse(
      `gives the site name ${name}, and ${elsewhere.file} is in ${shardText(elsewhere.shard)}, which this stack is not`,
      `Name another site with ${site}, or leave the token out with ${skip}`,
    );
  } else if (holder !== undefined) {
    refuse(
      `gives the site name ${name}, and the stack has another token for that site (${holder})`,
      `Name another site with ${site}, or leave the token out with ${skip}`,
    );
  } else {
    return { name, token, known: false };
  }
  return undefined;
}

function refuseSharedNames(sites: readonly SiteToken[], plan: PlanInProgress): void {
  for (const name of new Set(sites.map((site) => site.name))) {
    const references = sites
      .filter((site) => site.name === name)
      .map(({ token }) => referenceTo(token, plan));
    const last = references.at(-1) ?? "";
    if (references.length > 1) {
      plan.refusals.push({
        subject: `sites/${name}.yaml`,
        says: `would be the site of ${references.length} service tokens (${references.map((one) => `"${one}"`).join(", ")})`,
        todo: `Name another site for all but one, as in --site "${last}=${name}-2", or leave them out, as with --skip "${last}"`,
      });
    }
  }
}

/** Letters that Unicode does not take apart into a Latin one and its mark. */
const spelledOut = new Map(
  Object.entries({ ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" }),
);

/**
 * The site name that a service token's name suggests, such as `tokyo-rack-a` for `Tokyo, rack A`: accents go, and whatever
 * is neither letter nor digit becomes a hyphen. May be too long for a DNS label, and is empty for a name in another script.
 */
export function suggestedSiteName(tokenName: string): string {
  return tokenName
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/./gu, (letter) => spelledOut.get(letter) ?? letter)
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
