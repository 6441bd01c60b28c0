import { execFileSync } from "node:child_process";

/**
 * Kills a process and all that it started, with SIGKILL and so without a word to any of them: a machine that loses power,
 * or the CI job that is cancelled. Not by process group, because the Pulumi CLI gives each of its plugins one of its own.
 */
export function killWithChildren(root: number): void {
  const parents = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [root];
  // Grows while it is gone through.
  for (const one of found) {
    found.push(...parents.flatMap(([pid = 0, parent]) => (parent === one ? [pid] : [])));
  }
  for (const pid of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
