import { readFileSync } from "node:fs";
import { UserError, type Problem } from "./problem";

/** The error of a system call, as Node throws it. */
interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

/** Whether this is the error of a system call; where codes are given, with one of them. */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is SystemError {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "code" in error &&
    (codes.length === 0 || codes.some((code) => error.code === code))
  );
}

/** The text of a system's error, without its code and path, which the message around it names: `permission denied`. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const [, name] = isSystemError(error) ? (/^spawn (.*) E[A-Z]+$/.exec(error.message) ?? []) : [];
  return name === undefined
    ? error.message.replace(/^E[A-Z]+: /, "").replace(/, \w+( '.*')?$/, "")
    : `${name} is not there or may not be run`;
}

/** What helps against an error wherever it comes from, by its code; the cause is seldom the file that it names. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "Make room on the disk, and run it again",
  EDQUOT: "Make room within the disk quota, and run it again",
  EROFS: "Mount the disk for writing, or name another place",
  EMFILE: "Raise the limit on open files (ulimit -n), and run it again",
  ENFILE: "Close other programs, or raise the system's limit on open files, and run it again",
  EIO: "Look at the disk: the system could not read or write it",
};

/** What to do about a system's error; what a caller knows to do counts where the error itself does not say. */
export function systemRemedy(error: unknown, otherwise: string): string {
  return (isSystemError(error) ? remedies[error.code] : undefined) ?? otherwise;
}

/**
 * Reads a file that a person names or that belongs to the project.
 *
 * @returns undefined when it is not there.
 * @throws UserError when it cannot be read.
 */
export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) {
      return undefined;
    }
    const problem = systemProblem(error, path);
    throw problem === undefined ? error : new UserError(problem);
  }
}

/**
 * A system's error in one sentence, for whatever file a command may meet.
 *
 * @param file what was used; the error does not always name it.
 * @returns undefined for other errors, which are bugs.
 */
export function systemProblem(error: unknown, file?: string): Problem | undefined {
  if (!isSystemError(error)) {
    return undefined;
  }
  const { code, syscall } = error;
  const path = file ?? error.path ?? `the system's ${syscall}`;
  switch (code) {
    case "ENOENT":
      return { subject: path, says: "is not there", todo: "Make it, or name another" };
    case "EISDIR":
      return { subject: path, says: "is a folder, not a file", todo: "Name a file" };
    case "ENOTDIR":
    case "EEXIST":
      return { subject: path, says: "is a file, where a folder is needed", todo: "Name a folder" };
    case "ELOOP":
      return {
        subject: path,
        says: "is a symbolic link that leads in a circle",
        todo: "Put a file in its place",
      };
    case "EACCES":
    case "EPERM":
      return {
        subject: path,
        says: `may not be used by this user (${systemReason(error)})`,
        todo: "Give this user the permission, or run it as the owner",
      };
    default:
      return {
        subject: path,
        says: `cannot be used (${systemReason(error)})`,
        todo: systemRemedy(error, "Fix that, and run it again"),
      };
  }
}
