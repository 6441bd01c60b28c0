import type { Organization, AccessApplication } from "../../api/rows";
import { ownAnswer, ownPage, type Answer } from "../answer";
import type { HeaderLines } from "../http-messages";
import type { RequestTarget } from "../request-url";
import type { Sender } from "./service-credentials";

export interface Refusal {
  readonly target: RequestTarget;
  readonly application: AccessApplication;
  readonly organization: Organization;
  readonly sender: Sender;
  readonly hasServiceAuth: boolean;
  readonly hasAllow: boolean;
  /** Where the login page is on loopback; undefined: at the team's domain. */
  readonly loginUrl?: string | undefined;
}

/**
 * What a request gets that no policy lets in. In this order:
 *
 * - Strict mode and credentials in the request: 401 for a token that does not authenticate, 403 for one that is not allowed
 *   here (service-tokens.mdx "Enforce strict service token authentication").
 * - `service_auth_401_redirect`, where the application has a Service Auth policy: 401, also for a good token of another
 *   application ("when the request is blocked by a Service Auth policy", cloudflare 7.3.0 applications.d.ts; "without the
 *   correct service token", self-hosted-app/advanced-settings.mdx). Without a Service Auth policy it does nothing; the API
 *   refuses it there (TF#2306).
 * - An Allow policy: 302 to the login page (cloudflare-docs, changelog/access/2026-10-02-strict-service-token-authentication).
 * - Otherwise 403 (users' reports for Service Auth alone; for no policy at all
 *   "deny by default", policies/index.mdx; that nobody is sent to the login page then is a gap, and a dangerous one).
 */
export function refuse(refusal: Refusal): Answer {
  const { application, organization, sender, hasServiceAuth, hasAllow } = refusal;
  const detail = `${application.name}: ${sender.detail}${sender.token === undefined ? "" : ", not allowed here"}`;
  const unauthorized = ownPage("access", 401, detail, "Unauthorized");
  if (organization.strict_service_token_auth && (sender.token !== undefined || sender.attempted)) {
    return sender.token === undefined ? unauthorized : forbidden(detail, marks(refusal));
  }
  if (application.service_auth_401_redirect && hasServiceAuth) {
    return unauthorized;
  }
  return hasAllow ? redirectToLogin(refusal, detail) : forbidden(detail, marks(refusal));
}

/** "Require Access protection": a host without an application gets the block page (require-access-protection.mdx; that it comes with 403 is a gap). */
export function refuseUnmatched(): Answer {
  return forbidden("no application protects this host, and the organization denies such hosts", []);
}

/** That Access names the application is seen in many public reports of its 403, not documented; of its 401 nothing but the status is known [gap]. */
function marks({ target, application }: Refusal): HeaderLines {
  return [
    ["cf-access-aud", application.aud],
    ["cf-access-domain", target.host],
  ];
}

function forbidden(detail: string, headers: HeaderLines): Answer {
  return ownPage("access", 403, detail, "Forbidden. You don't have permission to view this.", headers);
}

/** What else Cloudflare puts into the query (`meta`, a signed state) means nothing here. `www-authenticate` as in public reports; its `resource_metadata` is left out. */
function redirectToLogin(refusal: Refusal, detail: string): Answer {
  const { target, application, organization, loginUrl = `https://${organization.auth_domain}` } = refusal;
  const query = new URLSearchParams({ kid: application.aud, redirect_url: target.path });
  const location = `${loginUrl}/cdn-cgi/access/login/${target.host}?${query.toString()}`;
  return {
    ...ownAnswer("access", 302, detail),
    headers: [
      ["location", location],
      ["www-authenticate", "Cloudflare-Access"],
    ],
  };
}
