import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { UserError, type Problem } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { systemReason, systemRemedy } from "../fleet/system-errors";
import type { OpenStack } from "./open-stack";
import type { SiteCredentials } from "./stack-outputs";

type StackFolder = Pick<OpenStack, "directory" | "stackName">;

const noteSchema = z.strictObject({
  /** The secret version that the rotation leads to. */
  version: z.int(),
  /** Of the secret before; null when the stack did not know it, as of an adopted token. */
  formerFingerprint: z.string().nullable(),
  /** When the site's file was written: RFC 3339, like the next. */
  writtenAt: z.iso.datetime(),
  confirmedAt: z.iso.datetime().optional(),
});

/**
 * What `rotate` notes of a site, so that `rotate --confirm` can tell that the secret changed. It holds no secret, only a
 * fingerprint.
 *
 * A note lies in `.sitepass/` on the machine that rotated, and is not under version control. Where it is missing, a
 * person can give the fingerprint, which `rotate` prints, with `--former`.
 */
export type RotationNote = z.infer<typeof noteSchema>;

/** One file for each site, so that two runs at the same time do not overwrite each other's notes. */
const notePath = ({ directory, stackName }: StackFolder, site: string): string =>
  join(directory, ".sitepass", "rotations", stackName, `${site}.json`);

/** What was noted of a site's last rotation from this machine; undefined when there is no note, or it cannot be read. */
export async function readRotationNote(stack: StackFolder, site: string): Promise<RotationNote | undefined> {
  try {
    return noteSchema.safeParse(JSON.parse(await readFile(notePath(stack, site), "utf8"))).data;
  } catch {
    return undefined;
  }
}

/**
 * Notes a rotation: mode 0600, in folders that only the owner may enter.
 *
 * @throws UserError when the note cannot be written.
 */
export async function writeRotationNote(stack: StackFolder, site: string, note: RotationNote): Promise<void> {
  const path = notePath(stack, site);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, `${JSON.stringify(note, undefined, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new UserError({
      subject: path,
      says: `cannot be written (${systemReason(error)}), and \`npx sitepass rotate --confirm\` needs it`,
      todo: systemRemedy(error, "Make the folder writable"),
    });
  }
}

/** Takes away the notes of sites that have no file any more. */
export async function removeNotesOfOthers(stack: StackFolder & Pick<OpenStack, "sites">): Promise<void> {
  const folder = dirname(notePath(stack, "any"));
  const kept = new Set(stack.sites.map(({ name }) => `${name}.json`));
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names.filter((name) => !kept.has(name)).map((name) => rm(join(folder, name), { force: true })),
  );
}

/**
 * What people compare two secrets by without seeing them: the first 12 hexadecimal digits of the SHA-256. A client secret
 * has more than 200 random bits, so its digest reveals nothing.
 */
export function fingerprint(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 12);
}

/** The fingerprint of a site's secret in the stack; null when the stack does not know the secret. */
export const presentFingerprint = (credentials: Pick<SiteCredentials, "clientSecret"> | undefined) =>
  (credentials?.clientSecret ?? "") === "" ? null : fingerprint(credentials?.clientSecret ?? "");

/** When the secret before a site's last rotation stops working, by its file; undefined when it was never rotated. */
export function windowEnd({ token }: Pick<Site, "token">): Date | undefined {
  return token.previousSecretExpiresAt === undefined ? undefined : new Date(token.previousSecretExpiresAt);
}

/** The end of the window in which both secrets work, by the file; undefined when no window is open. */
export function openWindow(site: Pick<Site, "token">, now: Date): Date | undefined {
  const end = windowEnd(site);
  return end !== undefined && end > now ? end : undefined;
}

/** The end of a window that is at least as long as asked for: RFC 3339, in whole minutes. */
export const windowEndAfter = (now: Date, graceMilliseconds: number): string =>
  wholeMinutes(Math.ceil((now.getTime() + graceMilliseconds) / 60_000));

/** A time in the past, as the end of a window that never opens: RFC 3339. */
export const noWindow = (now: Date): string => wholeMinutes(Math.floor(now.getTime() / 60_000));

/** RFC 3339 without fractions of a second, which nobody needs to read. */
const wholeMinutes = (minutes: number): string =>
  new Date(minutes * 60_000).toISOString().replace(".000Z", "Z");

/**
 * Whether a site's file says a rotation that no `up` has carried out: the stack's secret is still the one that was noted
 * as the secret before.
 *
 * @param present fingerprint of the stack's secret: null when the stack does not know it, undefined when the stack was not
 * asked.
 */
export function isRotationPending(
  { token }: Site,
  note: RotationNote | undefined,
  present: string | null | undefined,
): boolean {
  return note?.version === token.secretVersion && present !== undefined && note.formerFingerprint === present;
}

/**
 * How to carry out a pending rotation. When the window closed before `up` ran, `up` would end the old secret at once, so a
 * new window comes first.
 */
export function howToApplyRotation(site: Site, now: Date): string {
  return openWindow(site, now) === undefined
    ? `Its window closed at ${site.token.previousSecretExpiresAt ?? ""}, so \`pulumi up\` would end the secret in use at once: run \`npx sitepass rotate ${site.name}\` for a new window first`
    : "Run `pulumi up`";
}

/**
 * Why credentials that are handed out do not work, or not for long. They are handed out all the same: a site may be
 * prepared before it is let in again.
 */
export async function credentialWarnings(
  stack: StackFolder,
  site: Site,
  credentials: Pick<SiteCredentials, "clientSecret" | "expiresAt">,
  now: Date,
): Promise<readonly Problem[]> {
  const { file: subject, name, token } = site;
  const { expiresAt } = credentials;
  const warnings: Problem[] = [];
  const warn = (says: string, todo: string) => {
    warnings.push({ subject, says, todo });
  };
  if (!token.enabled) {
    warn("is shut out (token.enabled is false)", "Its pushes are refused until it is let in again");
  }
  if (token.duration !== "forever" && Date.parse(expiresAt) <= now.getTime()) {
    warn(
      `its token expired on ${expiresAt} by the last up, so its pushes are refused`,
      `Run \`npx sitepass renew ${name}\``,
    );
  }
  if (isRotationPending(site, await readRotationNote(stack, name), presentFingerprint(credentials))) {
    const todo = howToApplyRotation(site, now);
    warn("its rotation is only in the file so far, so this is the old secret", todo);
  }
  return warnings;
}
