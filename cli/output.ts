import { fstatSync } from "node:fs";
import { fingerprint } from "../operate/fingerprint";
import type { OpenStack } from "../stack/open-stack";
import { credentialsText, type Format } from "../handover/credentials-text";
import { pipeToCommand } from "../handover/pipe-to-command";
import { writeSecretFile } from "../handover/write-secret-file";
import { selectSites } from "../operate/select-sites";
import { UserError } from "../fleet/problem";
import { provisioned } from "../handover/provisioned";
import type { ExitCode } from "./stack-command";
import { warn } from "./warn";
import { warnOfUselessness } from "./warn-of-uselessness";

export interface OutputOptions {
  readonly site: string;
  readonly format: Format;
  readonly to?: string;
  /** A command and its arguments; empty: no command. */
  readonly command: readonly string[];
  readonly show: boolean;
  /** Of a Kubernetes Secret. */
  readonly name?: string;
  readonly namespace?: string;
}

/** Hands out a site's credentials, to one place. */
export async function output(
  stack: OpenStack,
  options: OutputOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { to, command, show } = options;
  const toStdout = to === undefined && command.length === 0;
  if (toStdout && process.stdout.isTTY && !show) {
    throw new UserError([
      "stdout: is a terminal, and the credentials hold a secret. Name a file with --to or a command with --exec, or use a pipe; --show prints them all the same.",
    ]);
  }
  const [site] = selectSites(stack.sites, [options.site]);
  if (site === undefined) {
    throw new Error("selectSites gives a site for each name, or throws");
  }
  const found = provisioned(site, stack.config, await stack.outputs());
  if (found.problem !== undefined) {
    throw new UserError([found.problem]);
  }
  const { credentials } = found;
  await warnOfUselessness(stack, site, credentials, new Date());
  const text = credentialsText(options.format, site.name, credentials, {
    name: options.name ?? `sitepass-${site.name}`,
    namespace: options.namespace,
  });
  if (to !== undefined) {
    await writeSecretFile(to, text);
    console.log(
      `${site.name}: wrote ${to}, for its owner alone; client secret sha256 ${fingerprint(credentials.clientSecret)}.`,
    );
    return 0;
  }
  if (!toStdout) {
    return pipeToCommand(command, text, signal);
  }
  warnOfReaders();
  await new Promise<void>((resolve) =>
    process.stdout.write(text, () => {
      resolve();
    }),
  );
  return 0;
}

/** A shell's `>` makes a file with the shell's umask, which lets others read it more often than not. */
function warnOfReaders(): void {
  const { mode } = fstatSync(process.stdout.fd);
  const isFile = (mode & 0o170000) === 0o100000;
  if (isFile && (mode & 0o044) !== 0) {
    warn(
      `stdout: is a file that others may read (mode ${(mode & 0o777).toString(8)}). Take --to in place of >, which writes files for their owner alone.`,
    );
  }
}
