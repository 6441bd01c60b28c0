import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { buffer, text as textOf } from "node:stream/consumers";
import { Encrypter } from "age-encryption";
import { pack } from "tar-stream";
import type { RenderedFile } from "../collectors/collector";
import {
  failure,
  orThrow,
  problemsOf,
  success,
  throwIfAny,
  type Problem,
  type Result,
} from "../fleet/problem";
import { isSystemError, systemReason } from "../fleet/system-errors";
import { foldersOf } from "./rendered-layout";

/** Seals a site's files for handing over: a tar of one folder, named like the site, encrypted with age. */
export type Seal = (site: string, files: readonly RenderedFile[]) => Promise<Uint8Array>;

/**
 * Reads recipients as `age -r` and `age -R` do: `age1…`, `ssh-ed25519 AAAA…`, `ssh-rsa AAAA…`, or a file of such lines,
 * in which empty ones and those that begin with # are left out. Each of them can open what is sealed. SSH keys are left to
 * the program `age`, and with any of them so is the whole bundle.
 *
 * @throws UserError with everything that is wrong. What may be a private key is never shown.
 */
export async function openSeal(recipients: readonly string[]): Promise<Seal> {
  const read = recipients.map(linesOf);
  const lines = read.flatMap((one) => (one.ok ? one.value : []));
  const problems = read.flatMap(problemsOf);
  for (const { name, line } of lines) {
    const typed = typeProblem(name, line);
    const encrypt = isSshKey(line) ? encryptWithProgram : encryptWithLibrary;
    problems.push(...(typed === undefined ? problemsOf(await encrypt([line], Buffer.of(), name)) : [typed]));
  }
  // That the program is not there is said once.
  throwIfAny([...new Set(problems)]);
  const keys = lines.map(({ line }) => line);
  const encrypt = keys.some(isSshKey) ? encryptWithProgram : encryptWithLibrary;
  return async (site, files) => orThrow(await encrypt(keys, await siteTar(site, files), "--bundle"));
}

/** The public keys that an option names, each with where it is from, for messages. */
function linesOf(text: string): Result<readonly { readonly name: string; readonly line: string }[]> {
  const option = "--bundle";
  const refused = (subject: string, says: string, todo: string) => failure({ subject, says, todo });
  if (isPrivate(text)) {
    return refused(
      option,
      "is a private key, which is not shown here",
      "Give the public key that goes with it, and make a new pair: this one is in the shell's history",
    );
  }
  if (isKey(text)) {
    return success([{ name: option, line: text.trim() }]);
  }
  let content: string;
  try {
    content = readFileSync(text, "utf8");
  } catch (error) {
    return isSystemError(error, "ENOENT", "ENAMETOOLONG")
      ? refused(
          option,
          `${asPath(text)} is neither a public key nor a file`,
          'Give age1…, "ssh-ed25519 AAAA…", or a file of such lines',
        )
      : refused(text, `cannot be read (${systemReason(error)})`, "Give a file of public keys");
  }
  if (isPrivate(content)) {
    const itsPublicKey = existsSync(`${text}.pub`)
      ? `, ${text}.pub`
      : ", as ssh-keygen -y or age-keygen -y prints it";
    return refused(text, "is a private key", `Give its public key${itsPublicKey}`);
  }
  const lines = content
    .split("\n")
    .map((line, index) => ({ name: `${text}:${index + 1}`, line: line.trim() }))
    .filter(({ line }) => line !== "" && !line.startsWith("#"));
  return lines.length === 0
    ? refused(text, "holds no public key to encrypt to", "Write one into it")
    : success(lines);
}

function typeProblem(subject: string, line: string): Problem | undefined {
  if (!isKey(line)) {
    return {
      subject,
      says: "is neither an age public key nor an SSH one",
      todo: "Write age1… or ssh-ed25519 AAAA…, and nothing before it",
    };
  }
  return line.startsWith("age1") || isSshKey(line)
    ? undefined
    : {
        subject,
        says: `is of type ${line.split(/\s/, 1).join("").slice(0, 40)}, which age cannot encrypt to`,
        todo: "Give an age key, or an SSH key of type ssh-ed25519 or ssh-rsa",
      };
}

const isKey = (text: string): boolean => /^(?:age1|(?:ssh|ecdsa|sk)-\S*\s)/.test(text.trim());

const isSshKey = (line: string): boolean => /^ssh-(?:ed25519|rsa)\s/.test(line);

const isPrivate = (text: string): boolean =>
  /AGE-SECRET-KEY-|AGE-PLUGIN-|PRIVATE KEY|PuTTY-User-Key/i.test(text);

/** Shown whole only when it looks like a path: it may be a key of a kind that nobody thought of. */
function asPath(text: string): string {
  return /^(?:[~.]|\/)|\.(?:pub|txt|keys?)$/.test(text) && text.length < 200 ? text : `${text.slice(0, 8)}…`;
}

/** Encrypts to public keys. The subject is what a problem with them is about. */
type Encrypt = (keys: readonly string[], content: Buffer, subject: string) => Promise<Result<Uint8Array>>;

const encryptWithLibrary: Encrypt = async (keys, content, subject) => {
  const encrypter = new Encrypter();
  for (const key of keys) {
    try {
      encrypter.addRecipient(key);
    } catch {
      return failure({
        subject,
        says: `is ${key.slice(0, 20)}…, which is not a whole public key`,
        todo: "Copy it again",
      });
    }
  }
  return success(await encrypter.encrypt(content));
};

const ageAbsent: Problem = {
  subject: "age",
  says: "is not on PATH, and SSH recipients need it",
  todo: "Install age, or give an age recipient",
};

/** The program's arguments are public keys, without the comment that says whose each is. Content goes through pipes. */
const encryptWithProgram: Encrypt = async (keys, content, subject) => {
  const args = keys.flatMap((key) => ["--recipient", key.split(/\s+/, 2).join(" ")]);
  const age = spawn("age", args, { stdio: "pipe" });
  // It does not read when it refuses a key.
  age.stdin.on("error", () => undefined);
  age.stdin.end(content);
  try {
    const [sealed, said] = await Promise.all([buffer(age.stdout), textOf(age.stderr), once(age, "close")]);
    if (age.exitCode === 0) {
      return success(sealed);
    }
    // Its first line, less the key that it repeats; what follows is how to report bugs.
    const [reason = ""] = said
      .replace(/^age: error: /, "")
      .replace(/:? "[^"]*":/, ":")
      .split("\n");
    return failure({
      subject,
      says: `is refused by age (${reason})`,
      todo: "Copy the whole line of the .pub file, or make a new key with ssh-keygen -t ed25519",
    });
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES")) {
      return failure(ageAbsent);
    }
    throw error;
  }
};

/** The same files give the same bytes. Secrets lie as plain files here: install.sh makes the links at the site. */
export async function siteTar(site: string, files: readonly RenderedFile[]): Promise<Buffer> {
  const tar = pack();
  // Root's and of no particular day, whoever renders and whenever; not 1970, which tar warns of.
  const same = { uid: 0, gid: 0, uname: "root", gname: "root", mtime: new Date("2000-01-01T00:00:00Z") };
  for (const folder of ["", ...foldersOf(files.map(({ path }) => path))]) {
    tar.entry({ ...same, type: "directory", name: `${posix.join(site, folder)}/`, mode: 0o700 });
  }
  for (const { path, mode, content } of [...files].sort((one, other) => (one.path < other.path ? -1 : 1))) {
    tar.entry({ ...same, name: `${site}/${path}`, mode }, content);
  }
  tar.finalize();
  return buffer(tar);
}
