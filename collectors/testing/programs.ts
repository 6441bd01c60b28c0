import { spawn } from "node:child_process";
import { findProgram, type GoModuleName } from "../../local/programs/programs";

/** A pinned collector's program, and why a test with it is skipped where it was not built. */
export function pinnedProgram(name: GoModuleName): {
  readonly program: string;
  readonly skip: string | false;
} {
  const program = findProgram(name, name);
  return {
    program: program ?? name,
    skip: program === undefined && `no ${name} on this machine; npm run programs -- ${name} builds it`,
  };
}

/** Long enough for a machine that does ten other things. */
const patienceSeconds = 240;

/** Runs a program to its end, with nothing but HOME and PATH in its environment; one that hangs is ended, and `stderr` says so. */
export function outcome(
  program: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { HOME: process.env.HOME, PATH: process.env.PATH },
      timeout: patienceSeconds * 1000,
    });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        said[stream] += chunk;
      });
    }
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const ended =
        signal === null ? "" : `\n${program} was ended by ${signal}; after ${patienceSeconds} s it is.\n`;
      resolve({ status, ...said, stderr: said.stderr + ended });
    });
  });
}
