import { fork, type ChildProcess, type Serializable } from "node:child_process";
import { join } from "node:path";
import type { z } from "zod";

const root = join(__dirname, "..", "..");

/**
 * Starts a script that has loaded everything and then waits to be asked, by messages: loading takes longer than most of what it is asked.
 * It ends when this process does, which does not go on for its sake.
 *
 * @param script below the project's folder.
 */
export function startWaiting(...script: readonly string[]): ChildProcess {
  const child = fork(join(root, ...script), {
    // tsx is resolved from here.
    cwd: root,
    // Nothing that this process itself was started with.
    execArgv: [],
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  keepAlive(child, false);
  return child;
}

/**
 * Sends one message, and waits for the one that answers it.
 *
 * @param doing ends the sentence "ended ...", should it end in place of an answer.
 * @throws when it ends, cannot be started, or answers something else.
 */
export async function askWaiting<T>(
  child: ChildProcess,
  message: Serializable,
  answer: z.ZodType<T>,
  doing: string,
): Promise<T> {
  keepAlive(child, true);
  try {
    return answer.parse(
      await new Promise<unknown>((resolve, reject) => {
        const settle = (): void => {
          child.off("message", answered).off("error", failed).off("exit", ended);
        };
        const answered = (said: unknown): void => {
          settle();
          resolve(said);
        };
        const failed = (error: Error): void => {
          settle();
          reject(error);
        };
        const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
          failed(new Error(`ended ${doing}: ${code ?? signal ?? ""}`));
        };
        child.on("message", answered).on("error", failed).on("exit", ended);
        child.send(message);
      }),
    );
  } finally {
    keepAlive(child, false);
  }
}

/** Whether this process is to go on for the sake of one that it has started. */
function keepAlive(child: ChildProcess, alive: boolean): void {
  if (alive) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
