import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { RunResult } from "./processes";

const root = join(__dirname, "..", "..");

const resultSchema = z.object({ exitCode: z.number(), text: z.string(), ended: z.boolean() });

/** Processes of local/engine that have loaded everything and wait for their next command. */
const waiting: ChildProcess[] = [];

/**
 * Runs a command of local/engine in a process that ran others before, where one waits. After a command that failed, and of
 * whose program something may still be under way, the process is ended.
 */
export async function runInWaitingEngine(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<RunResult> {
  const engine = waiting.pop() ?? startEngine();
  keepAlive(engine, true);
  const { ended, ...result } = await new Promise<z.infer<typeof resultSchema>>((resolve, reject) => {
    engine.once("message", (message) => {
      resolve(resultSchema.parse(message));
    });
    engine.once("error", reject);
    engine.once("exit", (code, signal) => {
      reject(new Error(`local/engine ended in the midst of ${args.join(" ")}: ${code ?? signal ?? ""}`));
    });
    engine.send({ args, environment: { ...process.env, ...environment } });
  });
  engine.removeAllListeners();
  if (ended) {
    keepAlive(engine, false);
    waiting.push(engine);
  } else {
    engine.disconnect();
  }
  return result;
}

function startEngine(): ChildProcess {
  return fork(join(root, "local", "engine", "serve.cjs"), {
    // tsx is resolved from here.
    cwd: root,
    // Nothing that this process itself was started with.
    execArgv: [],
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** Whether this process is to go on for the sake of one that it has started. It ends when this one does. */
export function keepAlive(child: ChildProcess, alive: boolean): void {
  if (alive) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
