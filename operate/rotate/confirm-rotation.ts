import type { Site } from "../../fleet/sites";
import { fingerprint } from "../../stack/rotation-notes";
import type { SiteCredentials } from "../../stack/stack-outputs";
import type { RotationNote } from "../../stack/rotation-notes";
import { howToApplyRotation } from "../../stack/rotation-notes";

/** What the stack's present secret says of a rotation. */
export type SecretChange =
  | { readonly kind: "changed"; readonly from: string | null; readonly to: string }
  | { readonly kind: "unchanged"; readonly fingerprint: string }
  /** What the secret was before is not known here. */
  | { readonly kind: "unknown"; readonly to: string }
  /** There is nothing to compare: no token, or none whose secret the stack knows. */
  | { readonly kind: "none"; readonly problem: string };

/**
 * Compares the stack's present secret with the one before the rotation that the site's file says.
 *
 * @param former fingerprint that a person gave; it counts before the record.
 */
export function secretChange(
  { file, name, token }: Site,
  credentials: SiteCredentials | undefined,
  record: RotationNote | undefined,
  former: string | undefined,
): SecretChange {
  if (credentials === undefined) {
    return { kind: "none", problem: `${file}: has no service token yet. Run \`pulumi up\`.` };
  }
  if (token.secretVersion === 1) {
    return { kind: "none", problem: `${file}: was never rotated. Run \`sitepass rotate ${name}\` first.` };
  }
  if (credentials.clientSecret === "") {
    return {
      kind: "none",
      problem: `${file}: the stack knows no secret of its token. Run \`pulumi up\`; if it stays so, rotate once more.`,
    };
  }
  const to = fingerprint(credentials.clientSecret);
  const from = former ?? (record?.version === token.secretVersion ? record.formerFingerprint : undefined);
  if (from === undefined) {
    return { kind: "unknown", to };
  }
  return from === to ? { kind: "unchanged", fingerprint: to } : { kind: "changed", from, to };
}

/** What else is known of a rotation whose secret did not change. */
export interface UnchangedContext {
  /** When the rotation was written into the file, RFC 3339; undefined when that was elsewhere. */
  readonly writtenAt: string | undefined;
  /** When Cloudflare last changed the token, RFC 3339; undefined when it was not to be had. */
  readonly updatedAt: string | undefined;
  readonly now: Date;
}

/**
 * Why a secret did not change, as far as can be told. Cloudflare's time tells whether `up` ran: any update of the token
 * moves it, and no answer to one but the first holds the secret.
 */
export function unchangedProblem(
  site: Site,
  secret: string,
  { writtenAt, updatedAt, now }: UnchangedContext,
): string {
  const { file, name, token } = site;
  const unchanged = `${file}: the stack's secret did not change (sha256 ${secret})`;
  const until = token.previousSecretExpiresAt ?? "";
  if (writtenAt === undefined || updatedAt === undefined) {
    return `${unchanged}. If \`pulumi up\` ran since it was rotated, the new secret was lost (docs/rotation.md says what to do). If not: ${howToApplyRotation(site, now)}.`;
  }
  return Date.parse(updatedAt) < Date.parse(writtenAt)
    ? `${unchanged}, and Cloudflare has not changed the token since ${updatedAt}. ${howToApplyRotation(site, now)}.`
    : `${unchanged}, although Cloudflare changed the token at ${updatedAt}, after the rotation was written: the answer with the new secret was lost, or the provider kept the old one. Nobody has the new secret, and the old one stops at ${until}. Make ready to put a secret in place at the site at once, then \`sitepass rotate ${name} --force\` and \`pulumi up\`.`;
}
