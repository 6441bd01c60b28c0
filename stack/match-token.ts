import { answered } from "../cloudflare/client";
import { listTokens, readTokens, type AccountToken } from "../cloudflare/service-tokens";
import { failure, success, type Problem, type Result } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import type { OpenStack } from "./open-stack";
import type { RevealedOutputs } from "./stack-outputs";

/** Of a site that no `up` has made a service token for. */
export const noTokenProblem = (subject: string, todo = "Run `pulumi up`"): Problem => ({
  subject,
  says: "has no service token yet",
  todo,
});

/**
 * Lists the service tokens of a stack's account, and opens the API for it. `unseen` is how many more the account has than the API
 * token is shown; undefined when none.
 *
 * @throws UserError when Cloudflare cannot be asked.
 */
export async function readAccountTokens({ config: { accountId }, cloudflareApi }: OpenStack) {
  const api = await cloudflareApi();
  const listed = await listTokens(api, accountId);
  const tokens = answered(listed, `list the service tokens of account ${accountId}`, readTokens);
  return { api, tokens, unseen: listed.kind === "answered" ? listed.unseen : undefined };
}

/**
 * Of a token that may be there all the same: an API token with roles on single objects is shown those alone
 * (docs/facts/cloudflare.md, C63).
 */
const hiddenTokenProblem = (subject: string, token: string, unseen: number): Problem => ({
  subject,
  says: `${token} is not among those that the API token is shown, and the account has ${unseen} more`,
  todo: "Give the API token its permissions on the whole account, and not on single objects",
});

/**
 * Finds the token that a stack's outputs name for a site. By its client ID alone: names are not unique, and a token of
 * the same name may be the leftover of an answer that was lost.
 *
 * @param unseen how many more tokens the account has.
 */
export function matchToken(
  site: Site,
  outputs: RevealedOutputs,
  tokens: readonly AccountToken[],
  unseen = 0,
): Result<AccountToken> {
  const { file: subject } = site;
  const clientId = outputs.sites[site.name]?.clientId;
  if (clientId === undefined) {
    return failure(noTokenProblem(subject));
  }
  const [token, ...others] = tokens.filter((one) => one.clientId === clientId);
  if (token === undefined && unseen > 0) {
    return failure(hiddenTokenProblem(subject, `its token (client ID ${clientId})`, unseen));
  }
  if (token === undefined) {
    return failure({
      subject,
      says: `its token (client ID ${clientId}) is not in the account: it was deleted by hand, or sitepass:accountId is another account's`,
      todo: "`pulumi up --refresh` makes a new one, with a new client ID and secret",
    });
  }
  return others.length === 0
    ? success(token)
    : failure({
        subject,
        says: `${others.length + 1} tokens have its client ID ${clientId}`,
        todo: `Look at them in the dashboard: ${[token, ...others].map(({ id }) => id).join(", ")}`,
      });
}

/**
 * Finds a site's token by the name that this project gives it, for when the stack's outputs cannot be read.
 *
 * @param ownPrefix of the stack's names.
 * @param unseen how many more tokens the account has.
 */
export function matchTokenByName(
  site: Site,
  ownPrefix: string,
  tokens: readonly AccountToken[],
  unseen = 0,
): Result<AccountToken> {
  const { file: subject } = site;
  const name = ownPrefix + site.name;
  const [token, ...others] = tokens.filter((one) => one.name === name);
  if (token === undefined && unseen > 0) {
    return failure(hiddenTokenProblem(subject, `a token named ${name}`, unseen));
  }
  if (token === undefined) {
    return failure({
      subject,
      says: `no token of the account is named ${name}`,
      todo: "Check sitepass:accountId, and --stack",
    });
  }
  const all = [token, ...others].map(({ id, clientId }) => `${id} (client ID ${clientId})`);
  return others.length === 0
    ? success(token)
    : failure({
        subject,
        says: `${all.length} tokens are named ${name}, and only the stack's outputs tell which is the site's`,
        todo: `Disable the right one in the dashboard: ${all.join(", ")}`,
      });
}
