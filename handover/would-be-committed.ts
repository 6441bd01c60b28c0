import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/**
 * Whether git would take what is written to a folder into a commit: it lies in a work tree, and nothing ignores it. The
 * folder need not exist yet. Without git nobody commits, so that the answer is no.
 */
export function wouldBeCommitted(folder: string): boolean {
  const path = resolve(folder);
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) {
    existing = dirname(existing);
  }
  // A file in it: a pattern such as rendered/ ignores folders alone, and git takes what is not there for a file.
  const file = join(relative(existing, path), "README.md");
  const { status } = spawnSync("git", ["check-ignore", "--quiet", "--", file], {
    cwd: realpathSync(existing),
    stdio: "ignore",
  });
  // 0: ignored; 1: not; 128: no work tree (git-check-ignore(1), "EXIT STATUS").
  return status === 1;
}
