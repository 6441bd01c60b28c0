import { fingerprint } from "../operate/fingerprint";
import type { OpenStack } from "../stack/open-stack";
import { readRotation } from "../operate/rotate/rotation-record";
import { upAdvice, waitsForUp } from "../operate/rotate/waiting-for-up";
import type { SiteCredentials } from "../stack/stack-outputs";
import type { Site } from "../fleet/sites";
import { warn } from "./warn";

/**
 * Credentials that nobody lets in, or not for long, are handed out all the same: a site may be prepared before it is let
 * in again.
 */
export async function warnOfUselessness(
  stack: Pick<OpenStack, "directory" | "stackName">,
  site: Site,
  { clientSecret, expiresAt }: Pick<SiteCredentials, "clientSecret" | "expiresAt">,
  now: Date,
): Promise<void> {
  if (!site.token.enabled) {
    warn(
      `${site.file}: is shut out (token.enabled is false), so its pushes are refused until it is let in again.`,
    );
  }
  if (expiresAt !== "" && Date.parse(expiresAt) <= now.getTime()) {
    warn(
      `${site.file}: its token expired on ${expiresAt} by the last up, so its pushes are refused. Run \`sitepass renew ${site.name}\`.`,
    );
  }
  if (waitsForUp(site, await readRotation(stack, site.name), fingerprint(clientSecret))) {
    warn(
      `${site.file}: its rotation is in the file alone, so this is the old secret. ${upAdvice(site, now)}`,
    );
  }
}
