import { existsSync, fstatSync, statSync } from "node:fs";
import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { dnsLabelProblem } from "../fleet/names";
import { UserError } from "../fleet/problem";
import type { Format } from "../handover/credentials";
import type { OpenStack } from "../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";
import type { Terminal } from "./terminal";

export function addOutput(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "output",
    [
      "output tokyo --to /etc/sitepass/tokyo.env",
      "output tokyo --exec -- ssh tokyo 'umask 077; cat > /etc/sitepass/credentials'",
      "output tokyo --format kubernetes --namespace monitoring --exec -- kubectl apply -f -",
      "output tokyo --format json | jq -r .endpoints.metrics",
    ],
    "one of site",
  )
    .description("hand out one site's credentials: to a file, a command or a pipe")
    .addArgument(new Argument("<site>", "name of a file in sites/, without extension"))
    .addArgument(new Argument("[command...]", "with --exec: the command and its arguments, after --"))
    .addOption(
      new Option("--format <format>", "how they are written")
        .choices(["env", "json", "kubernetes"])
        .default("env"),
    )
    .option("--to <file>", "to a file that its owner alone may read")
    .option("--exec", "to the stdin of a command; ends with its exit code", false)
    .option("--show", "print them even on a terminal", false)
    .addOption(
      new Option(
        "--name <name>",
        "with --format kubernetes: what the Secret is called; default sitepass-<site>",
      ).argParser(subdomain),
    )
    .addOption(
      new Option("--namespace <name>", "with --format kubernetes: where it belongs").argParser(label),
    )
    .action(async (site: string, words: string[], options: OutputOptions, command: Command) => {
      const wrong = wrongUsage(words, options);
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack({ ...options, sites: [site], sitesTell: "told" }, (stack, run) =>
        output(stack, site, words, options, run),
      );
    });
}

interface OutputOptions extends StackOptions {
  readonly format: Format;
  readonly to?: string;
  readonly exec: boolean;
  readonly show: boolean;
  /** Of a Kubernetes Secret. */
  readonly name?: string;
  readonly namespace?: string;
}

/** Options that contradict each other, or mean nothing without another. */
function wrongUsage(
  words: readonly string[],
  { exec, to, show, format, name, namespace }: OutputOptions,
): string | undefined {
  const given = { "--exec": exec, "--to": to !== undefined, "--show": show };
  const ways = Object.entries(given).flatMap(([way, isGiven]) => (isGiven ? [way] : []));
  if (exec && words.length === 0) {
    return "--exec has no command. Write it after --, as in --exec -- kubectl apply -f -.";
  }
  if (!exec && words.length > 0) {
    return `"${words.join(" ")}" comes without --exec. Name one site, and put a command after --exec --.`;
  }
  if (ways.length > 1) {
    return `${ways.join(" and ")} do not go together. Give one of them.`;
  }
  return format !== "kubernetes" && (name ?? namespace) !== undefined
    ? "--name and --namespace come only with --format kubernetes."
    : undefined;
}

/** Names of objects in Kubernetes are DNS subdomains, those of namespaces DNS labels (kubernetes.io, object names and IDs). */
function subdomain(text: string): string {
  if (text.length > 253) {
    throw new InvalidArgumentError("It is longer than 253 characters.");
  }
  text.split(".").forEach(label);
  return text;
}

function label(text: string): string {
  const problem = dnsLabelProblem(text);
  if (problem !== undefined) {
    throw new InvalidArgumentError(`It ${problem}.`);
  }
  return text;
}

/** Hands out a site's credentials, to one place. */
async function output(
  stack: OpenStack,
  siteName: string,
  command: readonly string[],
  { format, to, show, name, namespace }: OutputOptions,
  { terminal, abort }: Run,
): Promise<ExitCode> {
  const toStdout = to === undefined && command.length === 0;
  if (toStdout && isNowhere(terminal)) {
    throw new UserError({
      subject: "stdout",
      says: "is closed or leads to /dev/null, so that nobody would get the credentials",
      todo: "Name a file with --to or a command with --exec, or use a pipe",
    });
  }
  if (toStdout && terminal.stdout.isTTY === true && !show) {
    throw new UserError([
      {
        subject: "stdout",
        says: "is a terminal, and the credentials hold a secret",
        todo: "Name a file with --to or a command with --exec, or use a pipe; --show prints them all the same",
      },
    ]);
  }
  const { selectSites } = await import("../operate/select-sites.js");
  const { handOutCredentials } = await import("../handover/hand-out.js");
  const [site] = selectSites(stack, [siteName]);
  if (site === undefined) {
    throw new Error("selectSites gives a site for each name, or throws");
  }
  const place = to !== undefined ? { file: to } : toStdout ? { write: writerTo(terminal) } : { command };
  const { exitCode, secretFingerprint } = await handOutCredentials(
    stack,
    { site, format, secretName: { name, namespace }, to: place },
    { abort, warn: terminal.warn },
  );
  if (to !== undefined) {
    terminal.print(
      `${site.name}: wrote ${to}, for its owner alone; client secret sha256 ${secretFingerprint}.`,
    );
  }
  return exitCode;
}

/** Node opens /dev/null in place of a standard stream that is closed. */
function isNowhere({ stdout: { fd } }: Terminal): boolean {
  if (fd === undefined || !existsSync("/dev/null")) {
    return false;
  }
  const [is, nowhere] = [fstatSync(fd), statSync("/dev/null")];
  return is.isCharacterDevice() && is.rdev === nowhere.rdev;
}

const writerTo =
  ({ stdout, warn }: Terminal) =>
  (text: string): Promise<void> => {
    // A shell's `>` makes a file with the shell's umask, which lets others read it more often than not.
    const { mode } = stdout.fd === undefined ? { mode: 0 } : fstatSync(stdout.fd);
    const isFile = (mode & 0o170000) === 0o100000;
    if (isFile && (mode & 0o044) !== 0) {
      warn({
        subject: "stdout",
        says: `is a file that others may read (mode ${(mode & 0o777).toString(8)})`,
        todo: "Use --to instead of >: it writes files for their owner alone",
      });
    }
    // What cannot be written is said once the command has ended.
    return new Promise((resolve) => {
      stdout.write(text, () => {
        resolve();
      });
    });
  };
