import { plural } from "../../fleet/wording";
import { nameList } from "../name-list";
import type { AccountView } from "./read-account";
import { tokenIdIn } from "./policy-rules";

/** A policy made by hand that `up` neither needs nor deletes, though it names tokens of sites. */
export interface LeftOverPolicy {
  readonly id: string;
  readonly name: string;
  /** How many of the sites' tokens it names. */
  readonly tokens: number;
  /** Names of applications that keep it. */
  readonly stillOn: readonly string[];
  /** A whole message for people. */
  readonly says: string;
}

/**
 * Reusable policies that name tokens of sites and are not this stack's. They let nobody in any more where `up` takes them
 * off, but while they name a token, Cloudflare does not delete it (error 12139): a site could not be removed.
 *
 * @param adopted IDs of the applications that are taken over, or are already.
 */
export function leftOverPolicies(
  { policies, applications }: Pick<AccountView, "policies" | "applications">,
  tokenIds: ReadonlySet<string>,
  adopted: ReadonlySet<string>,
  ownPrefix: string,
): readonly LeftOverPolicy[] {
  return policies
    .filter(({ name }) => !name.startsWith(ownPrefix))
    .flatMap(({ id, name, include, exclude, require }) => {
      const named = new Set([...include, ...exclude, ...require].flatMap((rule) => tokenIdIn(rule) ?? []));
      const tokens = [...named].filter((token) => tokenIds.has(token)).length;
      if (tokens === 0) {
        return [];
      }
      const stillOn = applications
        .filter((one) => !adopted.has(one.id) && one.policies.some((attached) => attached.id === id))
        .map((one) => one.name);
      const says =
        stillOn.length === 0
          ? `policy "${name}": stays in the account and names ${plural(tokens, "site token")}; a site cannot be removed while it does (error 12139). Delete it in the dashboard after the first \`up\`.`
          : `policy "${name}": stays on ${nameList(stillOn.map((one) => `"${one}"`))} and names ${plural(tokens, "site token")}; a site cannot be removed while it does (error 12139). Take its token out in the dashboard before a site goes.`;
      return [{ id, name, tokens, stillOn, says }];
    });
}
