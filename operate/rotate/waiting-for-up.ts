import type { Site } from "../../fleet/sites";
import type { RotationRecord } from "./rotation-record";
import { openWindow } from "./window";

/**
 * Whether a rotation is in the file and not in the stack: what was noted of the file's version says so, for the stack
 * still has the secret from before it.
 *
 * @param present fingerprint of the stack's secret: null when it knows none, undefined when it was not asked.
 */
export function waitsForUp(
  { token }: Site,
  record: RotationRecord | undefined,
  present: string | null | undefined,
): boolean {
  return (
    record?.version === token.secretVersion && present !== undefined && record.formerFingerprint === present
  );
}

/** What to do about it. A window that closed before `up` ran is a trap: `up` would carry out a rotation without one. */
export function upAdvice(site: Site, now: Date): string {
  return openWindow(site, now) === undefined
    ? `Its window closed at ${site.token.previousSecretExpiresAt ?? ""}, so \`pulumi up\` would end the secret in use at once: run \`sitepass rotate ${site.name}\` for a new window first.`
    : "Run `pulumi up`.";
}

/** For those who have run it: an answer that was lost looks the same from here. */
export const ifItRan = ({ name }: Site): string =>
  `If that was done, \`sitepass rotate --confirm ${name}\` says more.`;
