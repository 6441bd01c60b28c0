import { existsSync, readFileSync } from "node:fs";
import { Encrypter, type Recipient } from "age-encryption";
import { UserError } from "../fleet/problem";
import { isErrorOf } from "./disk";
import { readSshPublicKey } from "./ssh-public-key";
import { sshRecipient } from "./ssh-recipient";

/** Whom a bundle is sealed for: an age public key, or an SSH one. */
export type BundleRecipient = string | Recipient;

/**
 * Reads recipients as `age -r` and `age -R` do: `age1…`, `ssh-ed25519 AAAA…`, `ssh-rsa AAAA…`, or a file of such lines,
 * in which empty ones and those that begin with # are left out.
 *
 * @throws UserError with everything that is wrong. What may be a private key is never shown.
 */
export function readRecipients(texts: readonly string[]): readonly BundleRecipient[] {
  const problems: string[] = [];
  const recipients: BundleRecipient[] = [];
  for (const { name, line } of texts.flatMap((text) => linesOf(text, problems))) {
    const found = readRecipient(line);
    if ("problem" in found) {
      problems.push(`${name}: ${found.problem}.`);
    } else {
      recipients.push(found.recipient);
    }
  }
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return recipients;
}

interface NamedLine {
  /** Where it is from, for messages. */
  readonly name: string;
  readonly line: string;
}

function linesOf(text: string, problems: string[]): readonly NamedLine[] {
  const option = "--bundle";
  if (isPrivate(text)) {
    problems.push(
      `${option}: is a private key, which is not shown here. Give the public key that goes with it, and have a new pair made: this one is in the shell's history.`,
    );
    return [];
  }
  if (isKey(text)) {
    return [{ name: option, line: text }];
  }
  let content: string;
  try {
    content = readFileSync(text, "utf8");
  } catch (error) {
    problems.push(
      isErrorOf(error, "ENOENT", "ENAMETOOLONG")
        ? `${option}: ${asPath(text)} is neither a public key nor a file. Give age1…, "ssh-ed25519 AAAA…", or a file of such lines.`
        : `${text}: cannot be read (${error instanceof Error ? error.message : "unknown error"}). Give a file of public keys.`,
    );
    return [];
  }
  if (isPrivate(content)) {
    problems.push(
      `${text}: is a private key. Give its public key${existsSync(`${text}.pub`) ? `, ${text}.pub` : ", as ssh-keygen -y or age-keygen -y prints it"}.`,
    );
    return [];
  }
  const lines = content
    .split("\n")
    .map((line, index) => ({ name: `${text}:${index + 1}`, line: line.trim() }))
    .filter(({ line }) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0) {
    problems.push(`${text}: names nobody to encrypt to. Write a public key into it.`);
  }
  return lines;
}

function readRecipient(text: string): { readonly recipient: BundleRecipient } | { readonly problem: string } {
  const line = text.trim();
  if (!isKey(line)) {
    return {
      problem:
        "is neither an age public key nor an SSH one. Write age1… or ssh-ed25519 AAAA…, and nothing before it",
    };
  }
  try {
    if (line.startsWith("age1")) {
      new Encrypter().addRecipient(line);
      return { recipient: line };
    }
    const key = readSshPublicKey(line);
    if (typeof key === "string") {
      return { problem: key };
    }
    const recipient = sshRecipient(key);
    // A point of low order, to which nothing can be kept secret, shows only when it is used.
    recipient.wrapFileKey(new Uint8Array(16));
    return { recipient };
  } catch {
    return { problem: `is ${line.slice(0, 20)}…, which is not a whole public key. Copy it again` };
  }
}

function isKey(text: string): boolean {
  return /^(?:age1|(?:ssh|ecdsa|sk)-\S*\s)/.test(text.trim());
}

function isPrivate(text: string): boolean {
  return /AGE-SECRET-KEY-|AGE-PLUGIN-|PRIVATE KEY|PuTTY-User-Key/i.test(text);
}

/** Shown whole only when it looks like a path: it may be a key of a kind that nobody thought of. */
function asPath(text: string): string {
  return /^(?:[~.]|\/)|\.(?:pub|txt|keys?)$/.test(text) && text.length < 200 ? text : `${text.slice(0, 8)}…`;
}
