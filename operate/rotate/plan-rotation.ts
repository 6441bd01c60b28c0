import type { Site } from "../../fleet/sites";
import { roughDuration } from "../../fleet/duration";
import { fingerprint } from "../../stack/rotation-notes";
import type { TokenChanges } from "../site-file/token-changes";
import type { SiteCredentials } from "../../stack/stack-outputs";
import type { RotationNote } from "../../stack/rotation-notes";
import { howToApplyRotation, isRotationPending } from "../../stack/rotation-notes";
import { noWindow, openWindow, windowEndAfter } from "../../stack/rotation-notes";

/** What is known of a site besides its file. */
export interface KnownOfSite {
  /** "not asked" when the file is to be edited without looking at the stack. */
  readonly credentials: SiteCredentials | undefined | "not asked";
  readonly record: RotationNote | undefined;
}

export interface RotationOptions {
  /** Milliseconds in which both secrets work; "none" ends the old one at once. */
  readonly grace: number | "none";
  /** Rotates inside an open window too. */
  readonly force: boolean;
  readonly now: Date;
}

/** A rotation that can be written into its site's file. */
export interface PlannedRotation {
  readonly site: Site;
  readonly toVersion: number;
  /** RFC 3339. */
  readonly previousSecretExpiresAt: string;
  readonly changes: TokenChanges;
  /** Of the secret that is to be replaced: null when the stack knows none, undefined when it was not asked. */
  readonly formerFingerprint: string | null | undefined;
  /** The window that it breaks into. */
  readonly cutsShort: Date | undefined;
}

/**
 * Plans one site's rotation.
 *
 * @returns why it is refused, in the project's error form.
 */
export function planRotation(
  site: Site,
  { credentials, record }: KnownOfSite,
  { grace, force, now }: RotationOptions,
): PlannedRotation | string {
  if (credentials === undefined) {
    return `${site.file}: has no service token yet, and so no secret to rotate. Run \`pulumi up\`.`;
  }
  const former =
    credentials === "not asked"
      ? undefined
      : credentials.clientSecret === ""
        ? null
        : fingerprint(credentials.clientSecret);
  const open = openWindow(site, now);
  if (open !== undefined && !force && grace !== "none") {
    return refusal(site, { open, now, inFileAlone: isRotationPending(site, record, former) });
  }
  const toVersion = site.token.secretVersion + 1;
  const previousSecretExpiresAt = grace === "none" ? noWindow(now) : windowEndAfter(now, grace);
  return {
    site,
    toVersion,
    previousSecretExpiresAt,
    changes: { secretVersion: toVersion, previousSecretExpiresAt },
    formerFingerprint: former,
    cutsShort: open,
  };
}

interface Refusal {
  readonly open: Date;
  readonly now: Date;
  readonly inFileAlone: boolean;
}

function refusal(site: Site, { open, now, inFileAlone }: Refusal): string {
  const { file, token } = site;
  const until = `until ${token.previousSecretExpiresAt ?? ""}, in ${roughDuration(open.getTime() - now.getTime())}`;
  return inFileAlone
    ? `${file}: says secretVersion ${token.secretVersion} already, with a window ${until}, and the stack still has the secret before it. ${howToApplyRotation(site, now)}. If that was done, \`sitepass rotate --confirm ${site.name}\` says more.`
    : `${file}: the window of its last rotation is open ${until}. Cloudflare keeps one previous secret: another rotation ends the oldest at once, and collectors that still send it lose what they push. Wait, or pass --force when every collector has the present one.`;
}
