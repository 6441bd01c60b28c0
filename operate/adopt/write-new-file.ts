import { randomBytes } from "node:crypto";
import { existsSync, linkSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isSystemError } from "../../fleet/system-errors";

/** What became of a file: written, there already with this very text, or there with another and left alone. */
export type NewFileOutcome = "written" | "unchanged" | "taken";

/** What writing would come to, without writing. */
export function newFileOutcome(path: string, text: string): NewFileOutcome {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    return "written";
  }
  // Also of a link that leads nowhere: what is written takes no link's place.
  return existsSync(path) && readFileSync(path, "utf8") === text ? "unchanged" : "taken";
}

/**
 * Writes a file that is not there yet: whole or not at all, and never over another, not even over one that comes at the
 * same moment. What a killed run leaves behind begins with a dot, which is passed over in `sites/`.
 */
export function writeNewFile(path: string, text: string): NewFileOutcome {
  // Named as operate/site-file/site-file-edits.ts does, which clears away what processes that are gone have left.
  const temporary = join(
    dirname(path),
    `.${basename(path)}.${process.pid}-${randomBytes(4).toString("hex")}.sitepass`,
  );
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: 0o666, flush: true });
    return moveInto(path, temporary) ? "written" : newFileOutcome(path, text);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** @returns false when there is a file already. */
function moveInto(path: string, temporary: string): boolean {
  try {
    // Unlike a rename, a link never takes another file's place.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (isSystemError(error, "EEXIST")) {
      return false;
    }
    // File systems without links, such as FAT and some shares.
    if (!isSystemError(error, "EPERM", "ENOTSUP", "ENOSYS")) {
      throw error;
    }
  }
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    return false;
  }
  renameSync(temporary, path);
  return true;
}
