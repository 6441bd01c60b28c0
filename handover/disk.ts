import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** Told of each change to the disk just before it is made; tests end the process there. */
export type OnChange = (change: string) => void;

/** Begins the names of files that only a run that was cut short leaves behind. */
export const temporaryPrefix = ".sitepass-new-";

/**
 * Changes on the disk, one system call or one whole file at a time, each durable before the next that depends on it.
 * No change follows a link at its path.
 */
export class Disk {
  readonly #onChange: OnChange;

  constructor(onChange: OnChange = () => undefined) {
    this.#onChange = onChange;
  }

  /** Makes a folder that only its owner may enter, and what is missing above it. */
  makeFolder(path: string): void {
    if (kindOf(path) !== undefined) {
      return;
    }
    if (dirname(path) !== path) {
      this.makeFolder(dirname(path));
    }
    this.#onChange(`make folder ${basename(path)}`);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      // Another render makes the folder above its own site's at the same time.
      if (!isErrorOf(error, "EEXIST")) {
        throw error;
      }
    }
    syncFolder(dirname(path));
  }

  /** Makes a folder of a name that nothing else has: the path with six characters more. */
  makeFreshFolder(pathPrefix: string): string {
    this.#onChange(`make folder ${basename(pathPrefix)}*`);
    return mkdtempSync(pathPrefix);
  }

  /** Puts a file in place, whole at every moment: what was there is replaced by rename, not written to. */
  writeFile(path: string, content: string, mode: number): void {
    const temporary = join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`);
    this.#onChange(`open ${basename(path)}`);
    const file = openSync(temporary, "wx", mode);
    try {
      this.#onChange(`write ${basename(path)}`);
      writeFileSync(file, content);
      // Exactly this mode, whatever the umask.
      fchmodSync(file, mode);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#onChange(`put ${basename(path)} in place`);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  }

  /** Puts a symbolic link in place, in one step also where there was one. */
  setLink(path: string, target: string): void {
    const temporary = join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`);
    this.#onChange(`make link ${basename(path)}`);
    symlinkSync(target, temporary);
    this.#onChange(`put link ${basename(path)} in place`);
    renameSync(temporary, path);
    syncFolder(dirname(path));
  }

  setMode(path: string, mode: number): void {
    this.#onChange(`set mode of ${basename(path)}`);
    chmodSync(path, mode);
  }

  /** Removes a file or a link, not what it points to. */
  remove(path: string): void {
    this.#onChange(`remove ${basename(path)}`);
    unlinkSync(path);
    syncFolder(dirname(path));
  }

  removeTree(path: string): void {
    this.#onChange(`remove ${basename(path)} and all in it`);
    rmSync(path, { recursive: true });
    syncFolder(dirname(path));
  }

  /** Removes a folder unless something is left in it. */
  removeFolderIfEmpty(path: string): void {
    this.#onChange(`remove folder ${basename(path)}`);
    try {
      rmdirSync(path);
      syncFolder(dirname(path));
    } catch (error) {
      if (!isErrorOf(error, "ENOTEMPTY", "EEXIST", "ENOENT")) {
        throw error;
      }
    }
  }
}

/** What lies at a path, a link being a link; undefined when nothing does. */
export function kindOf(path: string): "file" | "folder" | "link" | "other" | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    return undefined;
  }
  return found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
}

/** The nine bits of who may do what; undefined when nothing is there. */
export function modeOf(path: string): number | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found && found.mode & 0o777;
}

/** Whether a file of these bytes lies at a path, not a link to one. */
export function holds(path: string, content: string): boolean {
  return kindOf(path) === "file" && readFileSync(path).equals(Buffer.from(content));
}

/** Where a link points to; undefined when there is no link. */
export function linkTarget(path: string): string | undefined {
  return kindOf(path) === "link" ? readlinkSync(path) : undefined;
}

/** Whether an operating system's call failed for one of these reasons. */
export function isErrorOf(error: unknown, ...codes: readonly string[]): error is Error {
  return error instanceof Error && "code" in error && codes.some((code) => error.code === code);
}

/** A rename is durable when its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } catch (error) {
    // Some file systems of the network cannot do this for folders.
    if (!isErrorOf(error, "EINVAL", "ENOTSUP", "EPERM")) {
      throw error;
    }
  } finally {
    closeSync(folder);
  }
}
