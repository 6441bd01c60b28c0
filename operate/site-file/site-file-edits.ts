import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, chown, lstat, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { failure, problemsOf, success, throwIfAny, UserError } from "../../fleet/problem";
import type { Problem, Result } from "../../fleet/problem";
import { parseSite } from "../../fleet/site-files";
import type { SiteFile } from "../../fleet/site-schema";
import type { Site } from "../../fleet/sites";
import { isSystemError, systemReason, systemRemedy } from "../../fleet/system-errors";
import { editPlace, type PlaceInFile } from "./edit-place";
import { changedLines, editToken, withoutMark, type LineChange, type TokenChanges } from "./edit-token";

/** A site file and what it is to become. */
export interface SiteFileEdit {
  /** As people name it, such as `sites/tokyo.yaml`. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly before: Buffer;
  readonly after: string;
  /** Empty when the file already says what it is to say. */
  readonly lines: readonly LineChange[];
}

/** What is prepared: the edits that can be made, and a problem for each file that is left to the person. */
export interface PreparedEdits {
  readonly edits: readonly SiteFileEdit[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the files of sites and works out what becomes of their tokens. Writes nothing.
 *
 * @param wanted sites as they were when the stack was opened: a file that says something else by now is left alone.
 */
export const prepareEdits = (
  directory: string,
  wanted: readonly { readonly site: Site; readonly changes: TokenChanges }[],
): Promise<PreparedEdits> =>
  prepareAll(
    directory,
    wanted.map(({ site: { file, token }, changes }) => ({
      file,
      isAsRead: ({ token: now }) =>
        now.enabled === token.enabled &&
        now.secretVersion === token.secretVersion &&
        now.previousSecretExpiresAt === token.previousSecretExpiresAt,
      edit: (text) => editToken(text, changes, file),
    })),
  );

/**
 * As prepareEdits, of the shards that site files name.
 *
 * @param wanted what the files said when they were read, and are to say.
 */
export const preparePlaceEdits = (
  directory: string,
  wanted: readonly { readonly file: string; readonly from: PlaceInFile; readonly to: PlaceInFile }[],
): Promise<PreparedEdits> =>
  prepareAll(
    directory,
    wanted.map(({ file, from, to }) => ({
      file,
      isAsRead: ({ shard, movingTo }) => shard === from.shard && movingTo === from.movingTo,
      edit: (text) => editPlace(text, to, file),
    })),
  );

interface WantedEdit {
  readonly file: string;
  readonly isAsRead: (now: SiteFile) => boolean;
  readonly edit: (text: string) => Result<string>;
}

async function prepareAll(directory: string, wanted: readonly WantedEdit[]): Promise<PreparedEdits> {
  const prepared = await Promise.all(wanted.map((one) => prepareEdit(join(directory, one.file), one)));
  return {
    edits: prepared.flatMap((one) => (one.ok ? [one.value] : [])),
    problems: prepared.flatMap(problemsOf),
  };
}

async function prepareEdit(
  path: string,
  { file, isAsRead, edit }: WantedEdit,
): Promise<Result<SiteFileEdit>> {
  const read = await readOwnFile(path, file);
  if (!read.ok) {
    return read;
  }
  const text = textIn(read.value);
  const parsed = text === undefined ? undefined : parseSite(withoutMark(text), file);
  if (text === undefined || parsed?.ok !== true || !isAsRead(parsed.value)) {
    return failure(changedMeanwhile(file));
  }
  const edited = edit(text);
  if (!edited.ok) {
    return edited;
  }
  const after = edited.value;
  return success({ file, path, before: read.value, after, lines: changedLines(text, after) });
}

/** A site file's text with its byte order mark, which goes back into the file; undefined for what is not UTF-8. */
function textIn(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) : undefined;
}

/**
 * Writes edited site files, each of them in one step: whoever reads one meanwhile, or after this process was killed,
 * finds it whole, as it was or as it is to be.
 *
 * All new contents lie on the disk before the first file is replaced. Files that were changed since they were read are
 * left alone; what another program writes in the moment between that look and the rename is lost.
 *
 * @param abort when it aborts, no further file is written.
 * @returns the files that were written, as people name them, and why others could not be put in place after all.
 * @throws UserError when a file was changed meanwhile or cannot be staged; nothing is changed then.
 */
export async function writeEdits(
  edits: readonly SiteFileEdit[],
  abort?: AbortSignal,
): Promise<{ readonly written: readonly string[]; readonly problems: readonly Problem[] }> {
  const changing = edits.filter(({ lines }) => lines.length > 0);
  const staged: { readonly edit: SiteFileEdit; readonly copy: string }[] = [];
  const written: string[] = [];
  const problems: Problem[] = [];
  try {
    for (const edit of changing) {
      staged.push({ edit, copy: await stage(edit) });
    }
    const changed = (await Promise.all(changing.map(changeSinceRead))).filter((one) => one !== undefined);
    throwIfAny(changed);
    for (const { edit, copy } of staged) {
      if (abort?.aborted === true) {
        break;
      }
      const problem =
        (await changeSinceRead(edit)) ??
        (await rename(copy, edit.path).catch((error: unknown) => notWritten(edit.file, error)));
      if (problem === undefined) {
        written.push(edit.file);
      } else {
        problems.push(problem);
      }
    }
  } finally {
    // Those in place are gone from where they were staged.
    await Promise.all(staged.map(({ copy }) => rm(copy, { force: true })));
  }
  return { written, problems };
}

async function changeSinceRead({ path, file, before }: SiteFileEdit): Promise<Problem | undefined> {
  const now = await readOwnFile(path, file);
  return now.ok && now.value.equals(before) ? undefined : changedMeanwhile(file);
}

const changedMeanwhile = (file: string): Problem => ({
  subject: file,
  says: "was changed while this ran",
  todo: "Run it again",
});

/** The bytes of a file that may be written. */
async function readOwnFile(path: string, subject: string): Promise<Result<Buffer>> {
  try {
    // To write through a link would change a file that is not in sites/, or turn the link into a copy.
    if ((await lstat(path)).isSymbolicLink()) {
      const todo = "Edit the file that it leads to, or put a file in its place";
      return failure({ subject, says: "is a symbolic link", todo });
    }
    await access(path, constants.W_OK);
    return success(await readFile(path));
  } catch (error) {
    const says = `cannot be read and written (${systemReason(error)})`;
    return failure({ subject, says, todo: systemRemedy(error, "Make it readable and writable") });
  }
}

const suffix = ".sitepass";

/**
 * Writes a file's next content beside it, with the mode and the owner that the file has, so that one rename puts it in
 * place. A killed run leaves behind a file whose name begins with a dot: the program passes over it when it reads
 * `sites/`, and the next edit of the same file removes it. The temporary files of write-file-atomic have no such names,
 * and would make the program refuse the whole folder.
 *
 * @returns the path of the copy.
 * @throws UserError
 */
async function stage({ path, file, after }: SiteFileEdit): Promise<string> {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  const copy = join(folder, `${prefix}${process.pid}-${randomBytes(4).toString("hex")}${suffix}`);
  try {
    const copies = (await readdir(folder)).filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
    for (const left of copies.filter((name) => isGone(parseInt(name.slice(prefix.length))))) {
      await rm(join(folder, left), { force: true });
    }
    const { mode, uid, gid } = await stat(path);
    await using handle = await open(copy, "wx", 0o600);
    await handle.writeFile(after);
    await handle.sync();
    await chmod(copy, mode & 0o7777);
    // Only root may give files away; whoever else writes a file owns it from then on, as with any editor.
    await chown(copy, uid, gid).catch(() => undefined);
    return copy;
  } catch (error) {
    await rm(copy, { force: true });
    throw new UserError(notWritten(file, error));
  }
}

/** Whether a process has ended. One that may not be signalled is another user's, and alive. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return isSystemError(error, "ESRCH");
  }
}

const notWritten = (file: string, error: unknown): Problem => ({
  subject: file,
  says: `cannot be written (${systemReason(error)})`,
  todo: systemRemedy(error, "Fix that, and run it again"),
});
