import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { keepAlive } from "./waiting-engines";

const root = join(__dirname, "..", "..");

const answerSchema = z.union([z.object({ port: z.number() }), z.object({ failed: z.string() })]);

let waiting: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Starts the provider of local/provider in a process that serves others too: loading it takes longer than most of what it is asked.
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
  const provider = (waiting ??= startProvider());
  keepAlive(provider, true);
  const answer = await new Promise<z.infer<typeof answerSchema>>((resolve, reject) => {
    const settle = (): void => {
      provider.off("message", answered).off("error", failed).off("exit", ended);
    };
    const answered = (message: unknown): void => {
      settle();
      resolve(answerSchema.parse(message));
    };
    const failed = (error: Error): void => {
      settle();
      reject(error);
    };
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      failed(new Error(`local/provider ended before it served: ${code ?? signal ?? ""}`));
    };
    provider.on("message", answered).on("error", failed).on("exit", ended);
    provider.send(environment);
  });
  keepAlive(provider, false);
  if ("failed" in answer) {
    throw new Error(`local/provider does not serve: ${answer.failed}`);
  }
  return answer.port;
}

function startProvider(): ChildProcess {
  const provider = fork(join(root, "local", "provider", "serve.cjs"), {
    // tsx is resolved from here.
    cwd: root,
    // Nothing that this process itself was started with.
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  // Whenever it ends, also while nobody asks it: the next one to ask starts another.
  for (const end of ["exit", "disconnect"]) {
    provider.on(end, () => {
      waiting = waiting === provider ? undefined : waiting;
    });
  }
  return provider;
}
