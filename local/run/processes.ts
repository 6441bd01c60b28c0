import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

interface ProcessOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onText?: ((text: string) => void) | undefined;
  /** Sends it SIGINT, so that it can save what it has done; it is still waited for. */
  readonly abort?: AbortSignal | undefined;
  /** Told its process ID, which is also its group's. */
  readonly onStart?: ((pid: number) => void) | undefined;
}

/** How a program ended. */
export interface RunResult {
  readonly exitCode: number;
  /** All that was printed, both streams. */
  readonly text: string;
}

/** What a process printed on each of its streams alone, beside the whole. */
export interface ProcessResult extends RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with nothing to read and no terminal. */
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
      // In a process group of its own, so that a Ctrl-C at the terminal reaches it only once, through `abort`.
      detached: true,
    });
    if (child.pid !== undefined) {
      options.onStart?.(child.pid);
    }
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
    options.abort?.addEventListener("abort", interrupt);
    child.on("error", reject);
    child.on("close", (code) => {
      options.abort?.removeEventListener("abort", interrupt);
      resolve({ exitCode: code ?? 1, text, stdout, stderr });
    });
    if (options.abort?.aborted === true) {
      interrupt();
    }
  });
}

/** The first line of what a program says of its version, or undefined when it is not on PATH. */
export function versionOf(program: string, flag = "--version"): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, [flag], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? (`${stdout}${stderr}`.split("\n", 1)[0] ?? "").trim() : undefined;
}

/**
 * Below the ports that a system gives out by itself (Linux from 32768, macOS from 49152): such a one may be somebody's outgoing
 * connection by the time it is listened on. Each process has a block of its own, so that two never think of the same port at once.
 */
const firstPort = 20_000;
const portsOfProcess = 60;
const blockStart = firstPort + (process.pid % 200) * portsOfProcess;
let nextPort = 0;

/**
 * A port that was free a moment ago; for programs that cannot choose one themselves and say which.
 *
 * @throws when each of this process's ports is in use.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < portsOfProcess; tried += 1) {
    const port = blockStart + nextPort;
    nextPort = (nextPort + 1) % portsOfProcess;
    if (await isFree(port)) {
      return port;
    }
  }
  throw new Error(`each TCP port from ${blockStart} to ${blockStart + portsOfProcess - 1} is in use`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** A program that runs until it is closed. */
export interface ServiceProcess {
  /** All that it printed so far. */
  readonly text: () => string;
  /** Sends it SIGTERM, and SIGKILL when it does not end within so many milliseconds; by default it is waited for without end. */
  readonly close: (patience?: number) => Promise<void>;
}

/**
 * Starts a program and waits until a page of it answers 200.
 *
 * @param readyUrl the page; undefined for a program that has none, which is not waited for.
 * @param environment beside this process's own.
 * @throws with what it printed when it ends first, or does not answer within a minute.
 */
export async function startService(
  program: string,
  args: readonly string[],
  readyUrl: string | undefined,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let text = "";
  const life = { ended: false };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const exit = new Promise<void>((resolve) => {
    child.on("close", () => {
      life.ended = true;
      resolve();
    });
  });
  const close = async (patience?: number) => {
    child.kill("SIGTERM");
    const timer = patience === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), patience);
    await exit;
    clearTimeout(timer);
  };
  const deadline = Date.now() + 60_000;
  while (!life.ended && Date.now() < deadline) {
    const ready =
      readyUrl === undefined ||
      (await fetch(readyUrl).then(
        ({ ok }) => ok,
        () => false,
      ));
    if (ready) {
      return { text: () => text, close };
    }
    await delay(50);
  }
  await close();
  throw new Error(`${program} did not get ready:\n${text}`);
}
