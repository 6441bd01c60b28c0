import { randomBytes } from "node:crypto";
import { renameSync, symlinkSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../fleet/problem";
import { isErrorOf, kindOf, linkTarget, temporaryPrefix } from "./disk";

export const lockName = ".sitepass.lock";

/** Locks that this process holds. Its own number in any other is a namesake's that was killed, as happens in containers. */
const held = new Set<string>();

/**
 * Runs work on a folder while no other render does.
 *
 * @throws UserError when another process holds its lock.
 */
export function withFolderLock<T>(folder: string, work: () => T): T {
  const unlock = takeLock(join(folder, lockName), folderUse);
  try {
    return work();
  } finally {
    unlock();
  }
}

/** Who is writing a folder right now, as a problem; undefined when nobody is. */
export const lockProblem = (folder: string): string | undefined =>
  problemAt(join(folder, lockName), folderUse);

const folderUse = "is writing this folder";

/**
 * Takes a lock. It is a symbolic link, because a link is made together with its content, `<process>@<machine>`. One that a
 * killed process left is taken over.
 *
 * @param use what the holder does meanwhile, for whom it keeps out: `is writing this folder`.
 * @returns how to let go of it.
 * @throws UserError when another process holds it.
 */
export function takeLock(path: string, use: string): () => void {
  while (!made(path)) {
    const problem = problemAt(path, use);
    if (problem !== undefined) {
      throw new UserError([problem]);
    }
    discard(path, linkTarget(path));
  }
  held.add(path);
  return () => {
    held.delete(path);
    unlinkSync(path);
  };
}

function problemAt(path: string, use: string): string | undefined {
  const owner = linkTarget(path);
  if (owner === undefined) {
    return kindOf(path) === undefined
      ? undefined
      : `${path}: is in the way of the lock, which is a link. Delete it.`;
  }
  const [, id = "", machine = ""] = /^(\d+)@(.*)$/.exec(owner) ?? [];
  return machine === hostname() && isGone(Number(id), path)
    ? undefined
    : `${path}: process ${id} on ${machine} ${use}. Wait until it is done; if there is no such process, delete this link.`;
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
  const aside = join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`);
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
