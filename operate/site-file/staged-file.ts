import { randomBytes } from "node:crypto";
import { chmod, chown, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** A file's next content, whole and on the disk beside it, so that putting it in place is one rename. */
export interface StagedFile {
  /** Puts it in the file's place. */
  readonly commit: () => Promise<void>;
  /** Takes it away again. */
  readonly discard: () => Promise<void>;
}

const suffix = ".sitepass";

/**
 * Writes a file's next content beside it, with the mode and the owner that the file has.
 *
 * Not with write-file-atomic: while it writes, or after it was killed, its temporary file lies in `sites/` under a name
 * that does not begin with a dot, and the program then refuses the whole folder (fleet/site-files.ts).
 *
 * @param path of a file that is there.
 */
export async function stageFile(path: string, content: string): Promise<StagedFile> {
  await removeLeftovers(path);
  const { mode, uid, gid } = await stat(path);
  const staged = join(
    dirname(path),
    `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}${suffix}`,
  );
  const discard = () => rm(staged, { force: true });
  try {
    const file = await open(staged, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(staged, mode & 0o7777);
    await chown(staged, uid, gid).catch(unlessRefused);
  } catch (error) {
    await discard();
    throw error;
  }
  return { commit: () => rename(staged, path), discard };
}

/** Only root may give files away; whoever else writes one owns it from then on, as with any editor. */
function unlessRefused(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPERM" && error.code !== "ENOSYS") {
    throw error;
  }
}

/** What was staged for this file by processes that were killed. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = `.${basename(path)}.`;
  for (const entry of await readdir(dirname(path))) {
    const writer =
      entry.startsWith(prefix) && entry.endsWith(suffix) ? /^\d+/.exec(entry.slice(prefix.length)) : null;
    if (writer !== null && !isAlive(Number(writer[0]))) {
      await rm(join(dirname(path), entry), { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else's is alive, and may not be asked.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
