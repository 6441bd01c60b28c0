import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** The first line of what a program says of its version, or undefined when it is not on PATH. */
export function versionOf(program: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? (`${stdout}${stderr}`.split("\n", 1)[0] ?? "").trim() : undefined;
}

/** A port that was free a moment ago; for programs that cannot choose one themselves and say which. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") {
    throw new Error("no TCP port could be had");
  }
  return address.port;
}

/** A program that runs until it is closed. */
export interface ServiceProcess {
  /** All that it printed so far. */
  readonly text: () => string;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly close: () => Promise<void>;
}

/**
 * Starts a program and waits until a page of it answers 200.
 *
 * @throws with what it printed when it ends first, or does not answer within half a minute.
 */
export async function startService(
  program: string,
  args: readonly string[],
  readyUrl: string,
): Promise<ServiceProcess> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
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
  const close = async () => {
    child.kill("SIGTERM");
    await exit;
  };
  const deadline = Date.now() + 30_000;
  while (!life.ended && Date.now() < deadline) {
    const ready = await fetch(readyUrl).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) {
      return {
        text: () => text,
        signal: (signal) => {
          child.kill(signal);
        },
        close,
      };
    }
    await delay(50);
  }
  await close();
  throw new Error(`${program} did not get ready:\n${text}`);
}
