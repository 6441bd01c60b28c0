import { randomBytes } from "node:crypto";
import { renameSync, symlinkSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../fleet/problem";
import { isErrorOf, kindOf, linkTarget, temporaryPrefix } from "./disk";

export const lockName = ".sitepass.lock";

/** Locks that this process holds. Its own number in any other is a namesake's that was killed, as happens in containers. */
const held = new Set<string>();

/**
 * Runs work on a folder while no other render does. The lock is a symbolic link, because a link is made together with
 * its content, `<process>@<machine>`. One that a killed process left is taken over.
 *
 * @throws UserError when another process holds it.
 */
export function withFolderLock<T>(folder: string, work: () => T): T {
  const path = join(folder, lockName);
  while (!made(path)) {
    const problem = lockProblem(folder);
    if (problem !== undefined) {
      throw new UserError([problem]);
    }
    discard(path, linkTarget(path));
  }
  held.add(path);
  try {
    return work();
  } finally {
    held.delete(path);
    unlinkSync(path);
  }
}

/** Who is writing a folder right now, as a problem; undefined when nobody is. */
export function lockProblem(folder: string): string | undefined {
  const path = join(folder, lockName);
  const owner = linkTarget(path);
  if (owner === undefined) {
    return kindOf(path) === undefined
      ? undefined
      : `${path}: is in the way of the lock, which is a link. Delete it.`;
  }
  const [, id = "", machine = ""] = /^(\d+)@(.*)$/.exec(owner) ?? [];
  return machine === hostname() && isGone(Number(id), path)
    ? undefined
    : `${path}: process ${id} on ${machine} is writing this folder. Wait until it is done; if there is no such process, delete this link.`;
}

function made(path: string): boolean {
  try {
    symlinkSync(`${process.pid}@${hostname()}`, path);
    return true;
  } catch (error) {
    if (isErrorOf(error, "EEXIST")) {
      return false;
    }
    throw error;
  }
}

function isGone(id: number, path: string): boolean {
  if (id === process.pid) {
    return !held.has(path);
  }
  try {
    process.kill(id, 0);
    return false;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return isErrorOf(error, "ESRCH");
  }
}

/** Takes a lock away that was left behind, unless another render has done so and made its own since. */
function discard(path: string, leftBehind: string | undefined): void {
  const aside = `${path.slice(0, -lockName.length)}${temporaryPrefix}${randomBytes(6).toString("hex")}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrorOf(error, "ENOENT")) {
      return;
    }
    throw error;
  }
  if (linkTarget(aside) === leftBehind) {
    unlinkSync(aside);
  } else {
    renameSync(aside, path);
  }
}
