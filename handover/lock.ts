import { renameSync, symlinkSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { UserError, type Problem } from "../fleet/problem";
import { kindOf, linkTarget, temporaryBeside, unlessErrorOf } from "./disk";
import { isSystemError } from "../fleet/system-errors";

/** Locks that this process holds. Another one with its number is an earlier process's, as in containers. */
const held = new Set<string>();

/**
 * Takes a lock. It is a symbolic link, because a link is made together with its content, `<process>@<machine>`. One that a
 * killed process left is taken over.
 *
 * @param use what the holder does meanwhile, for the message to others: `is writing this folder`.
 * @returns how to let go of it.
 * @throws UserError when another process holds it.
 */
export function takeLock(path: string, use: string): () => void {
  const own = `${process.pid}@${hostname()}`;
  while (
    !unlessErrorOf(["EEXIST"], () => {
      symlinkSync(own, path);
    })
  ) {
    // Read once: the one that is judged is the one that may be taken away.
    const owner = linkTarget(path);
    const problem = ownerProblem(path, owner, use);
    if (problem !== undefined) {
      throw new UserError([problem]);
    }
    discard(path, owner);
  }
  held.add(path);
  return () => {
    held.delete(path);
    // A person may have deleted it, and another process have taken it since.
    if (linkTarget(path) === own) {
      unlinkSync(path);
    }
  };
}

/** Who holds a lock right now, as a problem; undefined when nobody does. */
export const lockProblem = (path: string, use: string): Problem | undefined =>
  ownerProblem(path, linkTarget(path), use);

/** @param owner where the link leads; undefined where there is no link. */
function ownerProblem(path: string, owner: string | undefined, use: string): Problem | undefined {
  if (owner === undefined) {
    return kindOf(path) === undefined
      ? undefined
      : { subject: path, says: "is in the way of the lock, which is a link", todo: "Delete it" };
  }
  const [, id, machine = ""] = /^(\d+)@(.*)$/.exec(owner) ?? [];
  if (id === undefined) {
    return { subject: path, says: `leads to ${owner}, and is in the way of the lock`, todo: "Delete it" };
  }
  return machine === hostname() && isGone(Number(id), path)
    ? undefined
    : {
        subject: path,
        says: `process ${id} on ${machine} ${use}`,
        todo: "Wait until it is done; if there is no such process, delete this link",
      };
}

function isGone(id: number, path: string): boolean {
  if (id === process.pid) {
    return !held.has(path);
  }
  try {
    process.kill(id, 0);
    return false;
  } catch (error) {
    // EPERM means that the process lives, and is another user's.
    return isSystemError(error, "ESRCH");
  }
}

/** Takes a lock away that was left behind, unless another process has done so and made its own since. */
function discard(path: string, leftBehind: string | undefined): void {
  const aside = temporaryBeside(path);
  const isAside = unlessErrorOf(["ENOENT"], () => {
    renameSync(path, aside);
  });
  if (!isAside) {
    return;
  }
  if (linkTarget(aside) === leftBehind) {
    unlinkSync(aside);
  } else {
    renameSync(aside, path);
  }
}
