import { nearest, plural } from "../../fleet/wording";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Admission } from "./admissions";
import type { TokenChoices } from "./choices";
import { globTest } from "./glob";
import type { KnownResources } from "./known-resources";
import { declaredToken, resourceTypes } from "./declared";

/** The tokens that are to be sites, or why that cannot be told. */
export interface ChosenTokens {
  readonly tokens: readonly AccountToken[];
  /** Site names that were given by hand, by token ID. */
  readonly named: ReadonlyMap<string, string>;
  readonly refusals: readonly string[];
}

/** How a token is named in messages and on the command line: by name, or by ID where its name is not its own. */
export function referenceTo(token: AccountToken, tokens: readonly AccountToken[]): string {
  return token.name !== "" && tokens.filter(({ name }) => name === token.name).length === 1
    ? token.name
    : token.id;
}

/** Finds the tokens by what was chosen; without a choice, those that Service Auth policies let in on the write paths. */
export function chooseTokens(
  tokens: readonly AccountToken[],
  admissions: readonly Admission[],
  choices: TokenChoices,
  known: KnownResources,
): ChosenTokens {
  const references = new References(tokens);
  const skipped = new Set(references.all("--skip", choices.skip).map(({ id }) => id));
  const named = new Map(
    choices.named.flatMap(({ token, site }) =>
      // Adopted and renamed since: the same command may run again.
      known.idOf(declaredToken(site)) !== undefined && references.named(token).length === 0
        ? []
        : references.all("--site", [token]).map(({ id }) => [id, site] as const),
    ),
  );
  const wanted =
    choices.match.length > 0
      ? matching(tokens, choices.match, references, known)
      : letIn(tokens, admissions, references, named.size > 0);
  const chosen = tokens.filter(
    (token) => (wanted.has(token.id) || named.has(token.id)) && !skipped.has(token.id),
  );
  return { tokens: chosen, named, refusals: references.refusals };
}

function matching(
  tokens: readonly AccountToken[],
  globs: readonly string[],
  references: References,
  known: KnownResources,
): ReadonlySet<string> {
  return new Set(
    globs.flatMap((glob) => {
      const fits = globTest(glob);
      const found = tokens.filter(({ name }) => fits(name));
      const adopted = tokens.some(({ id }) => known.nameOf(resourceTypes.token, id) !== undefined);
      // Once tokens are adopted they have other names.
      if (found.length === 0 && !adopted) {
        references.refusals.push(
          `--match: is "${glob}", which none of the account's ${plural(tokens.length, "service token")} matches. Look at their names in the dashboard; * stands for any text.`,
        );
      }
      return found.map(({ id }) => id);
    }),
  );
}

function letIn(
  tokens: readonly AccountToken[],
  admissions: readonly Admission[],
  references: References,
  someNamed: boolean,
): ReadonlySet<string> {
  for (const { hostname, opaque } of admissions) {
    for (const { application, policy } of someNamed ? [] : opaque) {
      references.refusals.push(
        `application "${application.name}": lets tokens in on ${hostname} that it does not name (policy "${policy.name}"), so which of the account's ${plural(tokens.length, "service token")} push cannot be seen. Choose them with --match, such as --match "site-*", or one by one with --site.`,
      );
    }
  }
  return new Set(admissions.flatMap(({ tokenIds }) => [...tokenIds]));
}

/** Finds tokens by what people call them, and keeps what could not be found. */
class References {
  readonly refusals: string[] = [];

  constructor(private readonly tokens: readonly AccountToken[]) {}

  named(reference: string): readonly AccountToken[] {
    return this.tokens.filter(
      ({ id, clientId, name }) => id === reference || clientId === reference || name === reference,
    );
  }

  all(option: string, references: readonly string[]): readonly AccountToken[] {
    return references.flatMap((reference) => {
      const [found, ...others] = this.named(reference);
      if (found === undefined) {
        const close = nearest(
          reference,
          this.tokens.map(({ name }) => name),
        );
        this.refusals.push(
          `${option}: names the token "${reference}", which the account does not have. ${close === undefined ? "Give a service token's name or ID from the dashboard." : `Did you mean "${close}"?`}`,
        );
        return [];
      }
      if (others.length > 0) {
        const ids = [found, ...others].map(({ id }) => id).join(", ");
        this.refusals.push(
          `${option}: names the token "${reference}", and ${others.length + 1} have that name (${ids}). Give the ID of the one that is meant.`,
        );
        return [];
      }
      return [found];
    });
  }
}
