import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { UserError } from "../fleet/problem";

/**
 * Writes a secret to a file that its owner alone may read: whole or not at all, over what was there. A link is followed,
 * and the owner of a file that is there stays, as when root writes for a service.
 *
 * @throws UserError when it cannot be written, or would lie where others can put a file of theirs in its place.
 */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const path = target(file);
  const folder = dirname(path);
  const { mode } = describedErrors(file, () => statSync(folder));
  // The sticky bit of /tmp protects the file, but not the temporary one beside it.
  if ((mode & 0o002) !== 0) {
    throw new UserError([
      `${file}: would lie in ${folder}, where everybody may write. Name a file in a folder of your own.`,
    ]);
  }
  try {
    await writeFileAtomic(path, text, { mode: 0o600 });
  } catch (error) {
    throw new UserError([`${file}: cannot be written (${reason(error)}). Mend that, or name another file.`]);
  }
}

/** Where the text goes in the end; what is not a regular file is refused. */
function target(file: string): string {
  const path = resolve(file);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) {
    return path;
  }
  const real = describedErrors(file, () => realpathSync(path));
  if (!statSync(real).isFile()) {
    throw new UserError([`${file}: is there, and no file. Name a file, or use a pipe in place of --to.`]);
  }
  return real;
}

function describedErrors<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UserError([
      `${file}: cannot be written (${reason(error)}). Make its folder first, with mode 0700, or name another file.`,
    ]);
  }
}

const reason = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/^E[A-Z]+: /, "").replace(/, \w+ '.*'$/, "") : String(error);
