import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { keepAlive } from "./waiting-engines";

const root = join(__dirname, "..", "..");

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
  const provider = (waiting ??= fork(join(root, "local", "provider", "serve.cjs"), {
    // tsx is resolved from here.
    cwd: root,
    // Nothing that this process itself was started with.
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  }));
  keepAlive(provider, true);
  const port = await new Promise<number>((resolve, reject) => {
    provider.once("message", (message) => {
      resolve(z.number().parse(message));
    });
    provider.once("error", reject);
    provider.once("exit", (code, signal) => {
      waiting = undefined;
      reject(new Error(`local/provider ended before it served: ${code ?? signal ?? ""}`));
    });
    provider.send(environment);
  });
  provider.removeAllListeners();
  keepAlive(provider, false);
  return port;
}
