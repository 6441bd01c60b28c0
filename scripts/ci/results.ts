import { spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const resultSchema = z.object({
  stack: z.string(),
  /** What was run, for a heading. */
  title: z.string(),
  exitCode: z.number(),
  /** What it printed. */
  text: z.string(),
});

/** What came of one command on one stack. */
export type StackResult = Readonly<z.infer<typeof resultSchema>>;

/** The stacks that SITEPASS_STACKS names: a JSON list of names. */
export function stackNames(text: string | undefined): readonly string[] {
  const names = z
    .array(z.string().regex(/^[\w.-]+(?:\/[\w.-]+){0,2}$/))
    .min(1)
    .safeParse(safeJson(text));
  if (!names.success) {
    throw new Error(
      `SITEPASS_STACKS: is ${JSON.stringify(text ?? "")}, which is not a JSON list of stack names. Write ["prod"], or ["eu", "us"].`,
    );
  }
  return names.data;
}

function safeJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** Variables whose values must not be shown, whatever prints them. */
const secretName = /TOKEN|SECRET|PASSPHRASE|PASSWORD|CREDENTIAL|(?:^|_)KEY/;

/**
 * A text without secrets: the values that the environment has under a name that tells, and whatever looks like a client
 * secret, a tunnel's token, a token of Cloudflare's or a password in an address (a state in PostgreSQL has one). GitHub masks in its logs alone, and not in comments and issues.
 */
export function withoutSecrets(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const values = Object.entries(environment)
    .filter(([name]) => secretName.test(name))
    .flatMap(([, value = ""]) => spellingsOf(value))
    .filter((value) => value.length >= 6);
  return values
    .sort((one, other) => other.length - one.length)
    .reduce((rest, value) => rest.replaceAll(value, "[secret]"), text)
    .replace(/(:\/\/[^\s/@:]*:)[^\s/@]+(?=@)/g, "$1[secret]")
    .replace(/\bcf[a-z]*_[A-Za-z0-9_-]{20,}|\b[0-9a-f]{64}\b|\bey[A-Za-z0-9_-]{30,}/g, "[secret]");
}

/** A secret as programs show it: as it is, one of its lines that tells enough, in quotes, or in an address. */
const spellingsOf = (value: string): readonly string[] =>
  [value, ...value.split(/\r?\n/).filter((line) => line.length >= 16)].flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
  ]);

/** Runs a program, shows what it prints, and keeps that without secrets. */
export async function run(
  stack: string,
  title: string,
  command: readonly [string, ...string[]],
): Promise<StackResult> {
  const [program, ...args] = command;
  const chunks: Buffer[] = [];
  const exitCode = await new Promise<number>((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      from.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        to.write(chunk);
      });
    }
    child.on("error", (error) => {
      chunks.push(Buffer.from(`${program}: cannot be started (${error.message}).\n`));
      resolve(127);
    });
    child.on("close", (code) => {
      resolve(code ?? 1);
    });
  });
  const text = withoutSecrets(Buffer.concat(chunks).toString("utf8"), process.env);
  return { stack, title, exitCode, text };
}

/** Writes a result into a folder, which becomes an artifact. */
export function writeResult(folder: string, result: StackResult): void {
  mkdirSync(folder, { recursive: true });
  const name = `${result.stack}-${result.title}`.replace(/[^\w.-]+/g, "-");
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

/** The results in a folder; what is not one, such as half a file, is left out, and so is missed. */
export function readResults(folder: string): readonly StackResult[] {
  let files: string[];
  try {
    files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => {
      const result = resultSchema.safeParse(safeJson(textOf(join(folder, file))));
      return result.success ? [result.data] : [];
    });
}

/** Undefined for what is no file: what a run has left behind may be anything. */
function textOf(path: string): string | undefined {
  return lstatSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
}

/** What a comment or an issue may hold at most (GitHub's own limit for both), with room for what is put around. */
const mostCharacters = 65_536 - 4_096;

/** What is not seen, or has what stands beside it seen elsewhere: a line of a preview could be hidden with it. */
const unseen = /[^\P{C}\n\t]/gu;

/** A text in a block that nothing in it can end, cut in the middle to a length: its beginning says what, its end how it went. */
export function block(text: string, characters: number): string {
  const clean = text.replace(unseen, "").trimEnd();
  const half = Math.max(0, Math.floor(characters / 2));
  const cut =
    clean.length <= characters
      ? clean
      : `${clean.slice(0, half)}\n… ${clean.length - 2 * half} characters are left out here; the run has them …\n${half === 0 ? "" : clean.slice(-half)}`;
  const longest = Math.max(2, ...[...cut.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${cut}\n${fence}`;
}

/** How many characters each of some blocks may have, so that a body of them is short enough for GitHub. */
export const shareOf = (blocks: number): number => Math.floor(mostCharacters / Math.max(1, blocks)) - 512;

/** How many of what a preview is about, as its end says it: `+ 2 to create`, `- 1 to delete`. Empty where it does not say. */
export function countsIn(text: string): readonly string[] {
  const end = text.split(/^Resources:$/m);
  return end.length < 2
    ? []
    : [...(end.at(-1) ?? "").matchAll(/^ {4}((?:[^\w\s`]{1,2} ?)?\d+ [a-z][a-z0-9. ]*)$/gm)].flatMap(
        ([, count = ""]) => count,
      );
}
