import type { ChildProcess } from "node:child_process";
import { z } from "zod";
import { askWaiting, startWaiting } from "./waiting-process";

const answerSchema = z.union([z.object({ port: z.number() }), z.object({ failed: z.string() })]);

let waiting: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Has the provider of local/provider served by a process that serves others too.
 *
 * @param environment where the API token and the stand-in's address are.
 * @returns the port, which is served as long as this process runs.
 */
export function providerPort(environment: Readonly<Record<string, string>>): Promise<number> {
  // One after the other, so that it is known whose port is told.
  const next = last.then(() => ask(environment));
  last = next.catch(() => undefined);
  return next;
}

async function ask(environment: Readonly<Record<string, string>>): Promise<number> {
  if (waiting?.connected !== true) {
    waiting = startWaiting("local", "provider", "serve.cjs");
  }
  const answer = await askWaiting(waiting, environment, answerSchema, "before local/provider served");
  if ("failed" in answer) {
    throw new Error(`local/provider does not serve: ${answer.failed}`);
  }
  return answer.port;
}
