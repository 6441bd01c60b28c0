import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../fleet/problem";

/**
 * Keeps two runs from changing one state at the same time.
 *
 * @returns how to let go of it.
 * @throws UserError while another living process holds it.
 */
export function lockState(statePath: string): () => void {
  const path = `${statePath}.lock`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const attempt of [1, 2]) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => {
        rmSync(path, { force: true });
      };
    } catch (error) {
      const holder = holderOf(path);
      if (holder !== undefined || attempt === 2) {
        throw new UserError([
          `${statePath}: is in use by process ${holder ?? "unknown"}. Wait for it to end, or end it.`,
        ]);
      }
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
        throw error;
      }
      // Left behind by a process that was killed.
      rmSync(path, { force: true });
    }
  }
  throw new Error("unreachable");
}

/** The living process that holds the lock, if there is one. */
function holderOf(path: string): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(path, "utf8"));
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  return pid;
}
