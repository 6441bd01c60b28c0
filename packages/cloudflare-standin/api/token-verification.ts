import { createHash } from "node:crypto";
import { noBody, noQuery, route, type Route } from "./route";

/**
 * `tokens/verify`, for tokens of a user and of an account. An unknown token never gets here: the app answers it 401 with
 * code 1000 (sendmebits/ghostmail-ios#2). Fields by cloudflare 7.3.0 resources/user/tokens/tokens.d.ts TokenVerifyResponse.
 */
export const tokenVerificationRoutes: readonly Route[] = ["/user", "/accounts/:account"].map((owner) =>
  route({
    method: "GET",
    path: `${owner}/tokens/verify`,
    permission: undefined,
    query: noQuery,
    body: noBody,
    handle: ({ apiToken }) => ({
      result: { id: createHash("sha256").update(apiToken).digest("hex").slice(0, 32), status: "active" },
      messages: [{ code: 10000, message: "This API Token is valid and active" }],
    }),
  }),
);
