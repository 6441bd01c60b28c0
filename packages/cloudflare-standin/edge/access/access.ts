import { goDurationMilliseconds } from "../../go-duration";
import type { Database } from "../../api/database";
import type { AccessApplication, AccessPolicy } from "../../api/rows";
import type { Answer } from "../answer";
import { linesWithout, valuesOf, type HeaderLines } from "../http-messages";
import { normalisedPath, type RequestTarget, type UrlNormalization } from "../request-url";
import { accessDecision, applicationFor } from "./access-decision";
import { refuse, refuseUnmatched } from "./access-refusal";
import { authenticate, readCredentials, secretHeader, type Sender } from "./service-credentials";
import type { SigningKeys } from "./signing-keys";

export const assertionHeader = "Cf-Access-Jwt-Assertion";

/** What Access decides with. */
export interface AccessContext {
  readonly database: Database;
  readonly keys: SigningKeys;
  readonly now: () => Date;
  readonly urlNormalization: UrlNormalization;
  /** Where the login page is on loopback; undefined: at the team's domain. */
  readonly loginUrl: string | undefined;
}

/** Either the headers to go on with, and a cookie to give back; or the answer that ends it. */
type AccessVerdict =
  | { readonly headers: HeaderLines; readonly cookie?: string; readonly refusal?: undefined }
  | { readonly refusal: Answer };

/**
 * Decides on a request to a proxied host that came from an IP address.
 *
 * An assertion that the sender made up never goes on [gap: for hosts without an application]. Of the credentials the client
 * ID goes on, and the secret does not [gap: what Cloudflare passes to origins is not documented].
 */
export async function checkAccess(
  target: RequestTarget,
  sent: HeaderLines,
  address: string,
  context: AccessContext,
): Promise<AccessVerdict> {
  const { database, keys, urlNormalization, loginUrl } = context;
  const { organization } = database;
  const now = context.now();
  const headers = linesWithout(sent, [assertionHeader]);
  const application = applicationFor(database, target.host, normalisedPath(target.path, urlNormalization));
  if (application === undefined) {
    return isUnmatchedDenied(database, target.host) ? { refusal: refuseUnmatched() } : { headers };
  }
  const customHeader = application.settings.read_service_tokens_from_header;
  const strict = organization.strict_service_token_auth;
  const byHeaders = authenticate(readCredentials(headers, customHeader, strict), database, now);
  // Strict mode ignores the cookie of a request that carries credentials, and says nothing of others (service-tokens.mdx).
  const headersCount = byHeaders.token !== undefined || (strict && byHeaders.attempted);
  const bySession = headersCount ? undefined : await senderOfSession(headers, application, context, now);
  const sender = bySession ?? byHeaders;
  const decision = accessDecision(application, database, { token: sender.token, address });
  if (decision.verdict === "blocked") {
    return { refusal: refuse({ ...decision, target, application, organization, sender, loginUrl }) };
  }
  const secrets = customHeader === undefined ? [secretHeader] : [secretHeader, customHeader];
  const passed = linesWithout(headers, secrets);
  if (decision.verdict === "bypass") {
    // No assertion: bypass is no enforcement at all (policies/index.mdx).
    return { headers: passed };
  }
  const expiresAt = new Date(now.getTime() + sessionMilliseconds(decision.policy, application));
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
  const cookie = `${cookieName}=${jwt}; Expires=${expiresAt.toUTCString()}; Path=/; Secure; HttpOnly`;
  return {
    headers: [...passed, [assertionHeader, jwt]],
    // Strict mode gives none back (service-tokens.mdx); without it a good token gets one.
    ...(strict || byHeaders.token === undefined ? {} : { cookie }),
  };
}

/** "Require Access protection" with its exempted zones (cloudflare 7.3.0 organizations.d.ts). */
function isUnmatchedDenied({ organization }: Database, host: string): boolean {
  const exempted = organization.deny_unmatched_requests_exempted_zone_names ?? [];
  return (
    organization.deny_unmatched_requests === true &&
    !exempted.some((zone) => host === zone || host.endsWith(`.${zone}`))
  );
}

/** The cookie of a session (authorization-cookie/index.mdx). */
const cookieName = "CF_Authorization";

/**
 * The service token that a session cookie stands for: it replaces the headers until it expires, also after a rotation
 * (service-tokens.mdx). The policies are evaluated again on each request, so a token that left them is out at once
 * (policies/index.mdx), and so is one that was deleted. That a token that was disabled or has expired since is still let in,
 * and that a cookie is enough where only Service Auth policies are (an older version of service-tokens.mdx wanted an Allow
 * policy beside them), is the more dangerous reading of a gap.
 */
async function senderOfSession(
  headers: HeaderLines,
  application: AccessApplication,
  { database, keys }: AccessContext,
  now: Date,
): Promise<Sender | undefined> {
  const issuer = `https://${database.organization.auth_domain}`;
  const cookies = valuesOf(headers, "cookie")
    .flatMap((line) => line.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`));
  for (const cookie of cookies) {
    const jwt = cookie.slice(cookieName.length + 1);
    const commonName = await keys.commonNameOf(jwt, issuer, application.aud, now);
    const token = [...database.serviceTokens.values()].find(({ client_id }) => client_id === commonName);
    if (token !== undefined) {
      return { token, detail: `${token.name} by its cookie` };
    }
  }
  return undefined;
}

/** How long an assertion or cookie is valid: the policy's session, else the application's, else 24 h (authorization-cookie/index.mdx). No time at all counts as not given [gap]. */
export function sessionMilliseconds(policy: AccessPolicy, application: AccessApplication): number {
  return (
    [policy.session_duration, application.session_duration]
      .map((duration) => goDurationMilliseconds(duration) ?? 0)
      .find((milliseconds) => milliseconds > 0) ?? 24 * 3_600_000
  );
}
