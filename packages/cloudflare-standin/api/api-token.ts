import { createHash } from "node:crypto";
import type { Account } from "cloudflare/resources/accounts/accounts";
import type { TokenVerifyResponse } from "cloudflare/resources/user/tokens/tokens";
import { z } from "zod";
import { pageOf, pagination } from "./envelope";
import { noInput, route, type Route } from "./route";

/** By cloudflare 7.3.0 resources/accounts/accounts.d.ts AccountListParams. */
const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  direction: z.enum(["asc", "desc"]).default("asc"),
});

/** What every account is called. */
export const accountName = "Stand-in account";

/**
 * The accounts that an API token is shown: the database's, and those that own a zone which the token may see. Without "Account
 * Settings Read" the list is empty, and no refusal (cloudflare-go#725). A token that is owned by an account is refused with 400
 * and code 1001 (edgefirst-dev/starter#3), which a fault has to say: the stand-in's are a user's.
 */
const accountRoutes: readonly Route[] = [
  route("GET", "/accounts", undefined, { ...noInput, query: listQuery }, ({ database, query, holds }) => {
    const ids = holds("Account Settings Read")
      ? [database.accountId, ...[...database.zones.values()].flatMap(({ accountId }) => accountId ?? [])]
      : [];
    const isWanted = query.name === undefined || query.name === accountName;
    const shown = isWanted ? [...new Set(ids)].sort() : [];
    return pageOf(query.direction === "asc" ? shown : shown.reverse(), query, (id): Account => {
      return { id, name: accountName, type: "standard" };
    });
  }),
];

/**
 * `tokens/verify`, for tokens of a user and of an account. An unknown token never gets here: the app answers it 401 with
 * code 1000.
 */
const verificationRoutes: readonly Route[] = ["/user", "/accounts/:account"].map((owner) =>
  route("GET", `${owner}/tokens/verify`, undefined, noInput, ({ apiToken }) => {
    const id = createHash("sha256").update(apiToken).digest("hex").slice(0, 32);
    const result: TokenVerifyResponse = { id, status: "active" };
    return { result, messages: [{ code: 10000, message: "This API Token is valid and active" }] };
  }),
);

/** What an API token is, and what it is shown. */
export const apiTokenRoutes: readonly Route[] = [...accountRoutes, ...verificationRoutes];
