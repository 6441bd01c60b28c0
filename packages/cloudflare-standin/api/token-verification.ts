import { createHash } from "node:crypto";
import type { TokenVerifyResponse } from "cloudflare/resources/user/tokens/tokens";
import { noInput, route, type Route } from "./route";

/**
 * `tokens/verify`, for tokens of a user and of an account. An unknown token never gets here: the app answers it 401 with
 * code 1000.
 */
export const tokenVerificationRoutes: readonly Route[] = ["/user", "/accounts/:account"].map((owner) =>
  route("GET", `${owner}/tokens/verify`, undefined, noInput, ({ apiToken }) => {
    const id = createHash("sha256").update(apiToken).digest("hex").slice(0, 32);
    const result: TokenVerifyResponse = { id, status: "active" };
    return { result, messages: [{ code: 10000, message: "This API Token is valid and active" }] };
  }),
);
