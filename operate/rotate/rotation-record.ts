import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { UserError } from "../../fleet/problem";
import type { OpenStack } from "../../stack/open-stack";

const recordSchema = z.strictObject({
  /** The secret version that the rotation leads to. */
  version: z.int(),
  /** Of the secret before; null when the stack knew none, as of an adopted token. */
  formerFingerprint: z.string().nullable(),
  /** When the site's file was written: RFC 3339, like the next. */
  writtenAt: z.iso.datetime(),
  confirmedAt: z.iso.datetime().optional(),
});

/**
 * What `rotate` notes of a site, so that `rotate --confirm` can tell that the secret changed. No secret is in it: only a
 * fingerprint, from which a secret of 200 bits of chance cannot be found.
 *
 * It lies in `.sitepass/` on the machine that rotated, and is not under version control. Where it is missing, a person
 * can say the fingerprint (`--former`), which `rotate` prints.
 */
export type RotationRecord = z.infer<typeof recordSchema>;

/** A file for each site, so that two runs at one time lose nothing of each other's. */
const recordPath = (
  { directory, stackName }: Pick<OpenStack, "directory" | "stackName">,
  site: string,
): string => join(directory, ".sitepass", "rotations", stackName, `${site}.json`);

/** What was noted of a site's last rotation from this machine; undefined when nothing was, or it cannot be read. */
export async function readRotation(
  stack: Pick<OpenStack, "directory" | "stackName">,
  site: string,
): Promise<RotationRecord | undefined> {
  try {
    return recordSchema.safeParse(JSON.parse(await readFile(recordPath(stack, site), "utf8"))).data;
  } catch {
    return undefined;
  }
}

/**
 * Notes a rotation: mode 0600, in folders that only the owner may enter.
 *
 * @throws UserError when it cannot be written.
 */
export async function writeRotation(
  stack: Pick<OpenStack, "directory" | "stackName">,
  site: string,
  record: RotationRecord,
): Promise<void> {
  const path = recordPath(stack, site);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/, \w+ '.*$/, "") : String(error);
    throw new UserError([
      `${path}: cannot be written (${reason}), and what it is to hold proves a rotation. Make the folder writable.`,
    ]);
  }
}
