import type { Database } from "../api/database";
import type { AccessApplication, ServiceToken } from "../api/rows";
import { valuesOf, type HeaderLines } from "./header-lines";
import type { SigningKeys } from "./signing-keys";

const cookieName = "CF_Authorization";

/** The cookie of a session (facts/cloudflare.md §2). */
export function sessionCookie(jwt: string, expiresAt: Date): string {
  return `${cookieName}=${jwt}; Expires=${expiresAt.toUTCString()}; Path=/; Secure; HttpOnly`;
}

/**
 * The service token that a session cookie stands for: it replaces the headers until it expires, also after a rotation
 * (facts/cloudflare.md §2). The policies are evaluated again on each request, so a token that left them is out at once
 * (policies/index.mdx), and so is one that was deleted. That a token that was disabled or has expired since is still let in,
 * and that a cookie is enough where only Service Auth policies are (an older version of service-tokens.mdx wanted an Allow
 * policy beside them), is the more dangerous reading of a gap.
 */
export async function tokenOfSession(
  headers: HeaderLines,
  application: AccessApplication,
  database: Database,
  keys: SigningKeys,
  now: Date,
): Promise<ServiceToken | undefined> {
  const issuer = `https://${database.organization.auth_domain}`;
  for (const jwt of cookies(headers)) {
    const commonName = await keys.commonNameOf(jwt, issuer, application.aud, now);
    const token = [...database.serviceTokens.values()].find(({ client_id }) => client_id === commonName);
    if (token !== undefined) {
      return token;
    }
  }
  return undefined;
}

function cookies(headers: HeaderLines): string[] {
  return valuesOf(headers, "cookie")
    .flatMap((line) => line.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1));
}
