import { z } from "zod";
import { rotateClientSecret } from "./client-secrets";
import { noBody, noQuery, route, type Route } from "./route";
import { findToken, shownToken } from "./service-tokens";

const rotateBody = z
  .strictObject({ previous_client_secret_expires_at: z.iso.datetime({ offset: true }).exactOptional() })
  .optional();

const item = "/accounts/:account/access/service_tokens/:id";
const yearMilliseconds = 8760 * 3600 * 1000;

/** What is done to a service token beside changing its fields. Both exist at account level only (service-tokens.mdx; cloudflare 7.3.0 service-tokens.d.ts). */
export const serviceTokenActionRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: `${item}/rotate`,
    permission: "Access: Service Tokens Write",
    query: noQuery,
    body: rotateBody,
    // That a rotation leaves client_secret_version as it is, is a gap.
    handle: ({ database, issuedSecrets, now, id, body }) => {
      const token = findToken(database, id);
      const secret = rotateClientSecret(token, body?.previous_client_secret_expires_at, now());
      token.updated_at = now().toISOString();
      issuedSecrets.add(secret);
      return { result: { ...shownToken(token), client_secret: secret } };
    },
  }),
  route({
    method: "POST",
    path: `${item}/refresh`,
    permission: "Access: Service Tokens Write",
    query: noQuery,
    body: noBody,
    // "Extends by one year" (service-tokens.mdx): counted from the expiry, not from today [gap]. A `forever` token stays one.
    handle: ({ database, now, id }) => {
      const token = findToken(database, id);
      if (token.expires_at !== null) {
        token.expires_at = new Date(Date.parse(token.expires_at) + yearMilliseconds).toISOString();
      }
      token.updated_at = now().toISOString();
      return { result: shownToken(token) };
    },
  }),
];
