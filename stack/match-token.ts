import type { Site } from "../fleet/sites";
import type { AccountToken } from "../cloudflare/service-tokens";
import type { RevealedOutputs } from "./stack-outputs";

/** The token of a site in the account, or why there is none, in the project's error form. */
export type MatchedToken =
  | { readonly site: Site; readonly token: AccountToken; readonly problem?: undefined }
  | { readonly site: Site; readonly token?: undefined; readonly problem: string };

/**
 * Finds the token that a stack's outputs name for a site. By its client ID alone: names are not unique, and a token of
 * the same name may be the leftover of an answer that was lost.
 */
export function matchToken(
  site: Site,
  outputs: RevealedOutputs,
  tokens: readonly AccountToken[],
): MatchedToken {
  const clientId = outputs.sites[site.name]?.clientId;
  if (clientId === undefined) {
    return { site, problem: `${site.file}: has no service token yet. Run \`pulumi up\`.` };
  }
  const [token, ...others] = tokens.filter((one) => one.clientId === clientId);
  if (token === undefined) {
    return {
      site,
      problem: `${site.file}: its token (client ID ${clientId}) is not in the account: it was deleted by hand, or sitepass:accountId is another account's. \`pulumi up --refresh\` makes a new one, with a new client ID and secret.`,
    };
  }
  return others.length === 0
    ? { site, token }
    : {
        site,
        problem: `${site.file}: ${others.length + 1} tokens have its client ID ${clientId}. Look at them in the dashboard: ${[token, ...others].map(({ id }) => id).join(", ")}.`,
      };
}

/**
 * Finds a site's token by the name that this project gives it, for when the stack's outputs cannot be read.
 *
 * @param ownPrefix of the stack's names.
 */
export function matchTokenByName(
  site: Site,
  ownPrefix: string,
  tokens: readonly AccountToken[],
): MatchedToken {
  const name = ownPrefix + site.name;
  const [token, ...others] = tokens.filter((one) => one.name === name);
  if (token === undefined) {
    return {
      site,
      problem: `${site.file}: no token of the account is named ${name}. Check sitepass:accountId, and --stack.`,
    };
  }
  return others.length === 0
    ? { site, token }
    : {
        site,
        problem: `${site.file}: ${others.length + 1} tokens are named ${name}, and only the stack's outputs tell which is the site's. Disable the right one in the dashboard: ${[token, ...others].map(({ id, clientId }) => `${id} (client ID ${clientId})`).join(", ")}.`,
      };
}
