import { UserError } from "../../fleet/problem";
import { readOwnFile, type SiteFileEdit } from "./prepare-edits";
import { stageFile, type StagedFile } from "./staged-file";

/** What became of the files. */
export interface WrittenEdits {
  /** Files in place, as people name them. */
  readonly written: readonly string[];
  /** In the project's error form: files that could not be put in place after all. */
  readonly problems: readonly string[];
}

export interface WriteOptions {
  /** When it aborts, no further file is written. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes edited site files, each of them in one step: whoever reads one meanwhile, or after this process was killed,
 * finds it whole, as it was or as it is to be.
 *
 * All new contents lie on the disk before the first file is replaced. Files that were changed since they were read are
 * left alone; what another program writes in the moment between that look and the rename is lost.
 *
 * @throws UserError when a file was changed meanwhile or there is no room; nothing is changed then.
 */
export async function writeEdits(
  edits: readonly SiteFileEdit[],
  { signal }: WriteOptions = {},
): Promise<WrittenEdits> {
  const changing = edits.filter(({ changes }) => changes);
  const staged: { edit: SiteFileEdit; file: StagedFile }[] = [];
  const written: string[] = [];
  const problems: string[] = [];
  try {
    for (const edit of changing) {
      staged.push({ edit, file: await stage(edit) });
    }
    const moved = (await Promise.all(changing.map(changedMeanwhile))).filter(
      (problem) => problem !== undefined,
    );
    if (moved.length > 0) {
      throw new UserError(moved);
    }
    for (const { edit, file } of staged) {
      if (signal?.aborted === true) {
        break;
      }
      const problem = (await changedMeanwhile(edit)) ?? (await committed(edit, file));
      if (problem === undefined) {
        written.push(edit.file);
      } else {
        problems.push(problem);
      }
    }
  } finally {
    // Those in place are gone from where they were staged.
    await Promise.all(staged.map(({ file }) => file.discard()));
  }
  return { written, problems };
}

async function stage(edit: SiteFileEdit): Promise<StagedFile> {
  try {
    return await stageFile(edit.path, edit.after);
  } catch (error) {
    throw new UserError([notWritten(edit, error)]);
  }
}

async function changedMeanwhile({ path, file, before }: SiteFileEdit): Promise<string | undefined> {
  const now = await readOwnFile(path);
  return typeof now !== "string" && now.equals(before)
    ? undefined
    : `${file}: was changed while this ran. Run it again.`;
}

async function committed(edit: SiteFileEdit, file: StagedFile): Promise<string | undefined> {
  try {
    await file.commit();
    return undefined;
  } catch (error) {
    return notWritten(edit, error);
  }
}

function notWritten({ file }: SiteFileEdit, error: unknown): string {
  const reason = error instanceof Error ? error.message.replace(/, \w+ '.*$/, "") : String(error);
  return `${file}: cannot be written (${reason}). Mend that, and run it again.`;
}
