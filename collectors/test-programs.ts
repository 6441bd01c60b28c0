import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import fc from "fast-check";
import { findProgram, type GoModuleName } from "../local/programs/programs";
import type { RenderedFile } from "./collector";
import { labelValues } from "./test-sites";

/** A pinned program, and why a test with it is skipped where it was not built. */
export function pinnedProgram(name: GoModuleName): { readonly program: string; readonly skip: string | false } {
  const program = findProgram(name, name);
  return {
    program: program ?? name,
    skip: program === undefined && `no ${name} on this machine; npm run programs -- ${name} builds it`,
  };
}

/** Files in a folder that is gone after the test. */
export function installed(
  context: TestContext,
  render: (directory: string) => readonly RenderedFile[],
): string {
  const directory = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  for (const { path, mode, content } of render(directory)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content, { mode });
  }
  return directory;
}

/** Runs a program to its end, with nothing but HOME and PATH in its environment. */
export function outcome(
  program: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { HOME: process.env.HOME, PATH: process.env.PATH },
      timeout: 60_000,
    });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        said[stream] += chunk;
      });
    }
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, ...said });
    });
  });
}

/** Fifty labels of all kinds, the same in every run, to be shown to a real program at once. */
export const hostileLabels: Readonly<Record<string, string>> = Object.fromEntries(
  fc.sample(labelValues, { numRuns: 50, seed: 5 }).map((value, index) => [`label_${index}`, value]),
);
