import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { failure, success, type Problem, type Result } from "../../fleet/problem";
import { isSystemError, systemReason } from "../../fleet/system-errors";

/** The gate's two control sockets, in the folder of its sockets. */
export const adminSocket = (runDirectory: string): string => join(runDirectory, "admin.sock");
export const masterSocket = (runDirectory: string): string => join(runDirectory, "master.sock");

/** How long the gate may take for one answer: a reload reads every file again. */
const answerTimeout = 20_000;

/**
 * Sends one command to a running HAProxy and takes its whole answer; the connection is closed after it (HAProxy management guide,
 * 9.3 and 9.4).
 *
 * @returns undefined when no gate is running: there is no socket, or nobody listens.
 */
export async function ask(socketPath: string, command: string): Promise<Result<string | undefined>> {
  try {
    return success(await exchange(socketPath, command));
  } catch (error) {
    return isSystemError(error, "ENOENT", "ECONNREFUSED")
      ? success(undefined)
      : failure(unreachable(socketPath, error));
  }
}

const exchange = (socketPath: string, command: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = createConnection(socketPath);
    socket.setTimeout(answerTimeout, () => {
      socket.destroy(new Error(`no answer within ${answerTimeout / 1000} seconds`));
    });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", (failed) => {
      if (!failed) {
        resolve(Buffer.concat(chunks).toString("utf8"));
      }
    });
    // The master's socket waits for further commands until this side is closed.
    socket.end(`${command}\n`);
  });

const unreachable = (socketPath: string, error: unknown): Problem => ({
  subject: socketPath,
  says: `did not take a command (${systemReason(error)})`,
  todo: "Run this as root or as the user that the gate runs as, and look at the gate's log",
});

/** How long a new worker may take until it is the one. */
const takeoverTimeout = 20_000;

/**
 * Makes the running gate read its files again: a new worker takes over the sockets, the old one finishes what it has begun. Where the
 * files cannot be used the old worker stays, and this is a failure.
 */
export async function reloadGate(runDirectory: string): Promise<Result<"reloaded" | "not running">> {
  const path = masterSocket(runDirectory);
  const before = await currentWorker(path);
  if (!before.ok) {
    return before;
  }
  if (before.value === undefined) {
    return success("not running");
  }
  const answer = await ask(path, "reload");
  // Since 2.7 the answer says how it went, in the first line; before, it is empty (management guide, 9.4.1).
  if (answer.ok && answer.value?.startsWith("Success=0") === true) {
    return failure(notReloaded(path));
  }
  const deadline = Date.now() + takeoverTimeout;
  while (Date.now() < deadline) {
    // While the master executes itself anew its socket may refuse for a moment.
    const now = await currentWorker(path);
    if (now.ok && now.value !== undefined) {
      if (now.value.pid !== before.value.pid && now.value.pid !== undefined) {
        return success("reloaded");
      }
      if (now.value.failures > before.value.failures || now.value.pid === undefined) {
        return failure(notReloaded(path));
      }
    }
    await sleep(50);
  }
  return failure(notReloaded(path));
}

const notReloaded = (path: string): Problem => ({
  subject: path,
  says: "could not make the gate read its files again; it goes on with those that it had read before",
  todo: "Look at the gate's log, or let it say what is wrong: haproxy -c -f haproxy.cfg",
});

/** What `show proc` of the master says of the worker that serves. */
interface Worker {
  /** Undefined where none serves but those on their way out. */
  readonly pid: string | undefined;
  /** Reloads that failed one after the other. */
  readonly failures: number;
}

async function currentWorker(path: string): Promise<Result<Worker | undefined>> {
  const answer = await ask(path, "show proc");
  if (!answer.ok || answer.value === undefined) {
    return answer.ok ? success(undefined) : answer;
  }
  const [head = "", rest = ""] = answer.value.split(/^# workers$/m);
  const [serving = ""] = rest.split(/^# old workers$/m);
  return success({
    pid: /^(\d+)\s+worker/m.exec(serving)?.[1],
    failures: Number(/\[failed: (\d+)\]/.exec(head)?.[1] ?? 0),
  });
}
