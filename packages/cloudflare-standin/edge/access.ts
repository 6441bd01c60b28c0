import type { Database } from "../api/database";
import type { ServiceToken } from "../api/rows";
import { refuse, refuseUnmatched } from "./access-refusal";
import { sessionCookie, tokenOfSession } from "./access-session";
import type { Answer } from "./answer";
import { applicationFor } from "./application-match";
import { linesWithout, type HeaderLines } from "./header-lines";
import { evaluatePolicies } from "./policy-order";
import type { RequestTarget } from "./request-target";
import { readCredentials, secretHeaders } from "./service-credentials";
import { authenticate, type Sender } from "./service-token-check";
import { sessionMilliseconds } from "./session-length";
import type { SigningKeys } from "./signing-keys";
import { normalisedPath, type UrlNormalization } from "./url-normalization";

export const assertionHeader = "Cf-Access-Jwt-Assertion";

export interface AccessRequest {
  readonly target: RequestTarget;
  readonly headers: HeaderLines;
  /** IP address of the sender. */
  readonly address: string;
}

export interface AccessContext {
  readonly database: Database;
  readonly keys: SigningKeys;
  readonly now: Date;
  readonly normalization: UrlNormalization;
  /** Where the login page is on loopback; undefined: at the team's domain. */
  readonly loginUrl?: string | undefined;
}

/** Either the headers to go on with, and a cookie to give back; or the answer that ends it. */
export type AccessVerdict =
  | { readonly headers: HeaderLines; readonly cookie?: string; readonly refusal?: undefined }
  | { readonly refusal: Answer };

/**
 * Decides on a request to a proxied host.
 *
 * An assertion that the sender made up never goes on [gap: for hosts without an application]. Of the credentials the client
 * ID goes on, and the secret does not [gap: what Cloudflare passes to origins is not documented].
 */
export async function checkAccess(request: AccessRequest, context: AccessContext): Promise<AccessVerdict> {
  const { target, address } = request;
  const { database, keys, now, normalization, loginUrl } = context;
  const { organization } = database;
  const headers = linesWithout(request.headers, [assertionHeader]);
  const application = applicationFor(database, target.host, normalisedPath(target.path, normalization));
  if (application === undefined) {
    return isUnmatchedDenied(database, target.host) ? { refusal: refuseUnmatched() } : { headers };
  }
  const customHeader = application.settings.read_service_tokens_from_header;
  const strict = organization.strict_service_token_auth;
  const byHeaders = authenticate(readCredentials(headers, customHeader, strict), database, now);
  const sender =
    // Strict mode ignores the cookie of a request that carries credentials, and says nothing of others (service-tokens.mdx).
    byHeaders.token !== undefined || (strict && byHeaders.attempted)
      ? byHeaders
      : senderOfSession(await tokenOfSession(headers, application, database, keys, now), byHeaders);
  const result = evaluatePolicies(application, database, { token: sender.token, address });
  if (result.verdict === "blocked") {
    return { refusal: refuse({ ...result, target, application, organization, sender, loginUrl }) };
  }
  const passed = linesWithout(headers, [
    ...secretHeaders,
    ...(customHeader === undefined ? [] : [customHeader]),
  ]);
  if (result.verdict === "bypass") {
    // No assertion: bypass is no enforcement at all (policies/index.mdx).
    return { headers: passed };
  }
  const expiresAt = new Date(now.getTime() + sessionMilliseconds(result.policy, application));
  const jwt = await keys.sign({
    issuer: `https://${organization.auth_domain}`,
    audience: application.aud,
    commonName: sender.token?.client_id ?? "",
    issuedAt: now,
    expiresAt,
  });
  if (byHeaders.token !== undefined) {
    byHeaders.token.lastSeenAt = now.toISOString();
  }
  return {
    headers: [...passed, [assertionHeader, jwt]],
    // Strict mode gives none back (service-tokens.mdx); without it a good token gets one.
    ...(strict || byHeaders.token === undefined ? {} : { cookie: sessionCookie(jwt, expiresAt) }),
  };
}

function senderOfSession(token: ServiceToken | undefined, otherwise: Sender): Sender {
  return token === undefined ? otherwise : { token, detail: `${token.name} by its cookie` };
}

/** "Require Access protection" with its exempted zones (cloudflare 7.3.0 organizations.d.ts). */
function isUnmatchedDenied({ organization }: Database, host: string): boolean {
  const exempted = organization.deny_unmatched_requests_exempted_zone_names ?? [];
  return (
    organization.deny_unmatched_requests === true &&
    !exempted.some((zone) => host === zone || host.endsWith(`.${zone}`))
  );
}
