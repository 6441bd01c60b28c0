import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isSystemError } from "../fleet/system-errors";

/** Told of each change to the disk just before it is made; tests end the process there. */
export type OnChange = (change: string) => void;

/** Begins the names of files that only a run that was cut short leaves behind. */
export const temporaryPrefix = ".sitepass-new-";

/** A fresh name in the folder of a path, from which a rename puts something in its place. */
export const temporaryBeside = (path: string): string =>
  join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`);

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
    this.#onChange(`make folder ${basename(path)}`);
    const missing: string[] = [];
    for (let folder = resolve(path); kindOf(folder) === undefined; folder = dirname(folder)) {
      missing.unshift(folder);
    }
    // Not Node's `recursive`, which tries without end where no folder can be made, such as in /proc.
    for (const folder of missing) {
      unlessErrorOf(["EEXIST"], () => {
        fs.mkdirSync(folder, { mode: 0o700 });
      });
      syncFolder(dirname(folder));
    }
  }

  /** Makes a folder of a name that nothing else has: the path with six characters more. */
  makeFreshFolder(pathPrefix: string): string {
    this.#onChange(`make folder ${basename(pathPrefix)}*`);
    return fs.mkdtempSync(pathPrefix);
  }

  /**
   * Puts a file in place, whole at every moment: what was there is replaced by rename, not written to.
   *
   * @param owner whose it is to be; default this process's user.
   */
  writeFile(
    path: string,
    content: string | Uint8Array,
    mode: number,
    owner?: { readonly uid: number; readonly gid: number },
  ): void {
    const temporary = temporaryBeside(path);
    this.#onChange(`open ${basename(path)}`);
    const file = fs.openSync(temporary, "wx", mode);
    try {
      this.#onChange(`write ${basename(path)}`);
      fs.writeFileSync(file, content);
      if (owner !== undefined) {
        fs.fchownSync(file, owner.uid, owner.gid);
      }
      // Exactly this mode, whatever the umask.
      fs.fchmodSync(file, mode);
      fs.fsyncSync(file);
      this.#onChange(`put ${basename(path)} in place`);
      fs.renameSync(temporary, path);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    } finally {
      fs.closeSync(file);
    }
    syncFolder(dirname(path));
  }

  /** Puts a symbolic link in place, in one step also where there was one. */
  setLink(path: string, target: string): void {
    const temporary = temporaryBeside(path);
    this.#onChange(`make link ${basename(path)}`);
    fs.symlinkSync(target, temporary);
    this.#onChange(`put link ${basename(path)} in place`);
    fs.renameSync(temporary, path);
    syncFolder(dirname(path));
  }

  setMode(path: string, mode: number): void {
    this.#onChange(`set mode of ${basename(path)}`);
    fs.chmodSync(path, mode);
  }

  /** Removes a file or a link, not what it points to. */
  remove(path: string): void {
    this.#onChange(`remove ${basename(path)}`);
    fs.unlinkSync(path);
    syncFolder(dirname(path));
  }

  removeTree(path: string): void {
    this.#onChange(`remove ${basename(path)} and all in it`);
    fs.rmSync(path, { recursive: true });
    syncFolder(dirname(path));
  }

  /** Removes a folder unless something is left in it. */
  removeFolderIfEmpty(path: string): void {
    this.#onChange(`remove folder ${basename(path)}`);
    unlessErrorOf(["ENOTEMPTY", "EEXIST", "ENOENT"], () => {
      fs.rmdirSync(path);
      syncFolder(dirname(path));
    });
  }
}

/** What lies at a path, a link being a link; undefined when nothing does, also where one of its folders is a file. */
export function kindOf(path: string): "file" | "folder" | "link" | "other" | undefined {
  let found: fs.Stats | undefined;
  unlessErrorOf(["ENOTDIR"], () => {
    found = fs.lstatSync(path, { throwIfNoEntry: false });
  });
  if (found === undefined) {
    return undefined;
  }
  return found.isFile() ? "file" : found.isDirectory() ? "folder" : found.isSymbolicLink() ? "link" : "other";
}

/** The nine bits of who may do what; undefined when nothing is there. */
export function modeOf(path: string): number | undefined {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found && found.mode & 0o777;
}

/** Whether a file of these bytes lies at a path, not a link to one. */
export function holds(path: string, content: string): boolean {
  return kindOf(path) === "file" && fs.readFileSync(path).equals(Buffer.from(content));
}

/** Where a link points to; undefined when there is no link. */
export function linkTarget(path: string): string | undefined {
  return kindOf(path) === "link" ? fs.readlinkSync(path) : undefined;
}

/** @returns whether it was done: not when it failed with one of these codes. */
export function unlessErrorOf(codes: readonly string[], work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!isSystemError(error, ...codes)) {
      throw error;
    }
    return false;
  }
}

/** A rename is durable when its folder is. */
function syncFolder(path: string): void {
  const folder = fs.openSync(path, "r");
  try {
    // Some network file systems cannot do this for folders.
    unlessErrorOf(["EINVAL", "ENOTSUP", "EPERM"], () => {
      fs.fsyncSync(folder);
    });
  } finally {
    fs.closeSync(folder);
  }
}
