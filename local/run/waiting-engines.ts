import type { ChildProcess } from "node:child_process";
import { z } from "zod";
import type { RunResult } from "./processes";
import { askWaiting, startWaiting } from "./waiting-process";

const resultSchema = z.object({ exitCode: z.number(), text: z.string(), ended: z.boolean() });

/** Processes of local/engine that wait for their next command. */
const waiting: ChildProcess[] = [];

/**
 * Runs a command of local/engine in a process that ran others before, where one waits. After a command that failed, and of
 * whose program something may still be under way, the process is ended.
 */
export async function runInWaitingEngine(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<RunResult> {
  const engine = takeWaiting() ?? startWaiting("local", "engine", "serve.cjs");
  const message = { args: [...args], environment: { ...process.env, ...environment } };
  const doing = `in the midst of ${args.join(" ")} of local/engine`;
  const { ended, ...result } = await askWaiting(engine, message, resultSchema, doing);
  if (ended) {
    waiting.push(engine);
  } else {
    engine.disconnect();
  }
  return result;
}

/** One that was not killed while it waited. */
function takeWaiting(): ChildProcess | undefined {
  const alive = waiting.splice(0).filter(({ connected }) => connected);
  const engine = alive.pop();
  waiting.push(...alive);
  return engine;
}
