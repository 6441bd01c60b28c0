import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { hashClientSecret } from "../../api/service-tokens";
import type { Database } from "../../api/database";
import type { ServiceToken } from "../../api/rows";
import { parsedJson, valuesOf, type HeaderLines } from "../http-messages";

/** What a request says about its service token. `malformed` is more than nothing: the sender tried. */
type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "malformed"; readonly detail: string }
  | { readonly kind: "pair"; readonly clientId: string; readonly clientSecret: string };

const idHeader = "CF-Access-Client-Id";
export const secretHeader = "CF-Access-Client-Secret";

/** The pair of headers that a service token is sent with. */
export function tokenHeaders(clientId: string, clientSecret: string): HeaderLines {
  return [
    [idHeader, clientId],
    [secretHeader, clientSecret],
  ];
}

const singleHeader = z.object({ "cf-access-client-id": z.string(), "cf-access-client-secret": z.string() });

/**
 * Reads the pair of headers, or the application's own header with both in JSON with lower-case keys
 * (service-tokens.mdx "Authenticate with a single header"; wrong case fails, blog.caidu.me).
 *
 * Strict mode refuses duplicates, half a pair, and credentials in both places (service-tokens.mdx "Enforce strict ..."). What
 * happens without strict mode is a gap; here duplicates and halves are refused alike, and of both places the pair counts.
 * Headers that are there and empty, as from a collector with unset variables, count as none [gap].
 */
export function readCredentials(
  headers: HeaderLines,
  customHeader: string | undefined,
  strict: boolean,
): Credentials {
  const pair = readPair(valuesOf(headers, idHeader), valuesOf(headers, secretHeader));
  const custom = customHeader === undefined ? none : readSingle(valuesOf(headers, customHeader));
  if (strict && pair.kind !== "none" && custom.kind !== "none") {
    return malformed("credentials in the pair of headers and in the custom header");
  }
  return pair.kind === "none" ? custom : pair;
}

const none: Credentials = { kind: "none" };

function malformed(detail: string): Credentials {
  return { kind: "malformed", detail };
}

function readPair(ids: readonly string[], secrets: readonly string[]): Credentials {
  const given = [...ids, ...secrets].some((value) => value !== "");
  if (!given) {
    return none;
  }
  if (ids.length > 1 || secrets.length > 1) {
    return malformed("duplicate service token headers");
  }
  const [clientId = ""] = ids;
  const [clientSecret = ""] = secrets;
  return clientId === "" || clientSecret === ""
    ? malformed(`${clientId === "" ? secretHeader : idHeader} without the other`)
    : { kind: "pair", clientId, clientSecret };
}

function readSingle(values: readonly string[]): Credentials {
  const [value = ""] = values;
  if (values.every((other) => other === "")) {
    return none;
  }
  if (values.length > 1) {
    return malformed("duplicate custom header");
  }
  const parsed = singleHeader.safeParse(parsedJson(value));
  return parsed.success
    ? readPair([parsed.data["cf-access-client-id"]], [parsed.data["cf-access-client-secret"]])
    : malformed("the custom header is not JSON with cf-access-client-id and cf-access-client-secret");
}

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
  if (Date.parse(token.expires_at) <= now.getTime()) {
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
