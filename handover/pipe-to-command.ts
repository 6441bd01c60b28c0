import { spawn } from "node:child_process";
import { constants } from "node:os";

/**
 * Becomes the command, with what came on stdin in a pipe. Between Node and its children are sockets, and a command that
 * opens /dev/stdin by name cannot open one. Unset first, because a variable of that name could be one that is exported.
 */
const script = `set +a
unset sitepass_text
sitepass_text=$(cat)
exec "$@" <<EOF
$sitepass_text
EOF
`;

/**
 * Runs a command with a text on its stdin and nowhere else: neither in its arguments nor in its environment, where other
 * processes could see it. Its own output goes where this process's goes.
 *
 * @param text ends with a line's end; short enough for a pipe to hold it (4 KiB).
 * @param signal ends the command when it aborts.
 * @returns its exit code; as in a shell, 127 when it cannot be found, and 128 and the signal's number where a signal ended
 * it.
 */
export function pipeToCommand(
  command: readonly string[],
  text: string,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", script, "sitepass", ...command], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    const stop = () => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop);
    child.on("error", reject);
    child.on("close", (code, name) => {
      signal.removeEventListener("abort", stop);
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(text);
    if (signal.aborted) {
      stop();
    }
  });
}
