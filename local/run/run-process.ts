import { spawn } from "node:child_process";
import type { RunResult } from "./stack";

export interface ProcessOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onText?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a process printed on each of its streams alone, beside the whole. */
export interface ProcessResult extends RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end, with nothing to read and no terminal.
 *
 * On abort it is sent SIGINT, so that it can save what it has done, and is still waited for.
 */
export function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: a Ctrl-C at the terminal reaches it once, by way of the signal.
      detached: true,
    });
    let text = "";
    let stdout = "";
    let stderr = "";
    const take = (chunk: string) => {
      text += chunk;
      options.onText?.(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
      take(chunk);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
      take(chunk);
    });
    const interrupt = () => {
      child.kill("SIGINT");
    };
    options.signal?.addEventListener("abort", interrupt);
    child.on("error", reject);
    child.on("close", (code) => {
      options.signal?.removeEventListener("abort", interrupt);
      resolve({ exitCode: code ?? 1, text, stdout, stderr });
    });
    if (options.signal?.aborted === true) {
      interrupt();
    }
  });
}
