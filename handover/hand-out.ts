import { spawn } from "node:child_process";
import { lstatSync, realpathSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, resolve } from "node:path";
import { failure, orThrow, success, type Problem, type Result } from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { isSystemError, systemReason, systemRemedy } from "../fleet/system-errors";
import type { OpenStack } from "../stack/open-stack";
import { credentialWarnings, fingerprint } from "../stack/rotation-notes";
import { credentialsText, siteCredentials, type Format, type SecretName } from "./credentials";
import { Disk } from "./disk";

export interface HandOutInput {
  readonly site: Site;
  readonly format: Format;
  readonly secretName: SecretName;
  /** One place: a file, the stdin of a command with its arguments, or what writes them out. */
  readonly to:
    | { readonly file: string }
    | { readonly command: readonly string[] }
    | { readonly write: (text: string) => Promise<void> };
}

/**
 * Hands out a site's credentials, to one place.
 *
 * @param warn told, before they are handed out, why the credentials do not work or not for long.
 * @returns the exit code of the command, 0 without one, and by what the secret can be compared.
 * @throws UserError when the stack has no credentials that fit the site's file, or the file cannot be written.
 */
export async function handOutCredentials(
  stack: OpenStack,
  { site, format, secretName, to }: HandOutInput,
  { abort, warn }: { readonly abort: AbortSignal; readonly warn: (warning: Problem) => void },
): Promise<{ readonly exitCode: number; readonly secretFingerprint: string }> {
  const credentials = orThrow(siteCredentials(site, stack.config, await stack.outputs()));
  for (const warning of await credentialWarnings(stack, site, credentials, new Date())) {
    warn(warning);
  }
  const text = credentialsText(format, site.name, credentials, secretName);
  let exitCode = 0;
  if ("command" in to) {
    exitCode = await pipeToCommand(to.command, text, abort);
  } else if ("file" in to) {
    orThrow(writeSecretFile(to.file, text));
  } else {
    await to.write(text);
  }
  return { exitCode, secretFingerprint: fingerprint(credentials.clientSecret) };
}

/**
 * Writes a secret to a file that its owner alone may read: whole or not at all, over what was there. A link is followed,
 * and the owner of a file that is there stays, as when root writes for a service. It fails where others can put a file of
 * theirs in its place.
 */
export function writeSecretFile(file: string, text: string): Result<void> {
  const refused = (says: string, todo: string) => failure({ subject: file, says, todo });
  let todo = "Make its folder first, with mode 0700, or name another file";
  try {
    const path = resolve(file);
    const target = lstatSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path);
    const before = statSync(target, { throwIfNoEntry: false });
    if (before?.isFile() === false) {
      return refused("is there and is not a file", "Name a file, or use a pipe in place of --to");
    }
    // The folder of a link counts like that of the file: whoever may write there chooses who gets the secret.
    for (const folder of new Set([dirname(path), dirname(target)])) {
      const { mode } = statSync(folder);
      // The sticky bit of /tmp protects the file, but not the temporary one beside it.
      if ((mode & 0o002) !== 0) {
        return refused(
          `would lie in ${folder}, where everybody may write`,
          "Name a file in a folder of your own",
        );
      }
      if ((mode & 0o020) !== 0) {
        return refused(
          `would lie in ${folder}, where a group may write`,
          `Name a file in a folder that its owner alone may change, or run \`chmod g-w\` on this one`,
        );
      }
    }
    todo = "Fix that, or name another file";
    // Only root can write for somebody else.
    new Disk().writeFile(target, text, 0o600, process.getuid?.() === 0 ? before : undefined);
    return success(undefined);
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    return refused(`cannot be written (${systemReason(error)})`, systemRemedy(error, todo));
  }
}

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
 * @param abort ends the command.
 * @returns its exit code; as in a shell, 127 when it cannot be found, and 128 and the signal's number where a signal ended
 * it.
 */
export function pipeToCommand(command: readonly string[], text: string, abort: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", script, "sitepass", ...command], {
      stdio: ["pipe", "inherit", "inherit"],
      signal: abort,
    });
    child.on("error", (error) => {
      // It has been told to end, and tells how it did.
      if (error.name !== "AbortError") {
        reject(error);
      }
    });
    child.on("close", (code, name) => {
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(text);
  });
}
