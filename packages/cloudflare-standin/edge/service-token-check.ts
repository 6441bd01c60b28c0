import { timingSafeEqual } from "node:crypto";
import { hashClientSecret } from "../api/service-tokens";
import type { Database } from "../api/database";
import type { ServiceToken } from "../api/rows";
import type { Credentials } from "./service-credentials";

/** Who the sender is; without a token, why not. `attempted` tells a failure from a request that did not try. */
export type Sender =
  | { readonly token: ServiceToken; readonly detail: string }
  | { readonly token: undefined; readonly attempted: boolean; readonly detail: string };

/**
 * Authenticates by client ID and secret. The current secret counts, and until `previousClientSecretExpiresAt` the previous
 * one; a disabled token has neither (service-tokens.mdx "Rotate", "Turn a service token on or off").
 */
export function authenticate(credentials: Credentials, database: Database, now: Date): Sender {
  if (credentials.kind === "none") {
    return { token: undefined, attempted: false, detail: "no service token" };
  }
  if (credentials.kind === "malformed") {
    return failed(credentials.detail);
  }
  const { clientId, clientSecret } = credentials;
  const token = [...database.serviceTokens.values()].find(({ client_id }) => client_id === clientId);
  if (token === undefined) {
    return failed("unknown client ID");
  }
  if (!token.enabled) {
    return failed(`${token.name} is disabled`);
  }
  if (token.expires_at !== null && Date.parse(token.expires_at) <= now.getTime()) {
    return failed(`${token.name} has expired`);
  }
  const hash = hashClientSecret(clientSecret);
  if (sameHash(hash, token.clientSecretHash)) {
    return { token, detail: `${token.name} by its secret` };
  }
  if (sameHash(hash, token.previousClientSecretHash)) {
    const { previousClientSecretExpiresAt: until } = token;
    return until !== undefined && Date.parse(until) > now.getTime()
      ? { token, detail: `${token.name} by its previous secret` }
      : failed(`the previous secret of ${token.name} has expired`);
  }
  return failed(`wrong secret for ${token.name}`);
}

function failed(detail: string): Sender {
  return { token: undefined, attempted: true, detail };
}

/** In constant time, so that no answer's delay tells how much of a hash is right. */
function sameHash(hash: string, stored: string | undefined): boolean {
  const [one, other] = [Buffer.from(hash), Buffer.from(stored ?? "")];
  return one.length === other.length && timingSafeEqual(one, other);
}
