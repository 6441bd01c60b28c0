import { existsSync } from "node:fs";
import { join } from "node:path";
import { Option, type Command } from "commander";
import type { OpenStack } from "../../stack/open-stack";
import type { ExitCode, OnStack, Run, StackOptions } from "../stack-command";

/** Not `central`, which in this project is a folder of its source. */
export const outOption = (): Option =>
  new Option("--out <dir>", "the folder of the central host").default("central-host");

/**
 * What was given, before the subcommand or after it: `sitepass central --stack prod map` is about the stack prod too. A default folder
 * belongs to the project, where it is kept out of version control.
 */
export function givenOptions<Options extends StackOptions & { readonly out: string }>(
  options: Options,
  command: Command,
): Options {
  const { parent } = command;
  const isGiven = (one: Command | null, name: string): boolean =>
    !["default", undefined].includes(one?.getOptionValueSource(name));
  const before = Object.entries(parent?.opts() ?? {}).filter(
    ([name]) =>
      isGiven(parent, name) &&
      !isGiven(command, name) &&
      command.options.some((option) => option.attributeName() === name),
  );
  const given: Options = { ...options, ...Object.fromEntries(before) };
  return isGiven(command, "out") || before.some(([name]) => name === "out")
    ? given
    : { ...given, out: join(given.cwd, given.out) };
}

/** What the gate's subcommands take beside. */
export interface GateOptions extends StackOptions {
  readonly out: string;
  readonly run?: string;
}

/** What becomes of the map or the keys while no gate listens; one that runs by systemd has a folder and sockets of its own. */
export const whileNoGateRuns = (out: string, run: string, unit: "map" | "keys"): string =>
  existsSync(join(out, "install.sh"))
    ? `no gate runs that listens in ${run}; one that was installed from here takes it by \`sudo systemctl start sitepass-${unit}\``
    : `no gate runs that listens in ${run}; one that starts reads the ${unit === "map" ? "file" : "files"}`;

export const runOption = (): Option =>
  new Option("--run <dir>", "the folder of the gate's sockets (default: run in the folder of --out)");

/** Runs one work on all the stacks that were named, for they have one central host; on one alike. */
export const onStacksTogether = (
  onStack: OnStack,
  options: StackOptions,
  work: (stacks: readonly [OpenStack, ...OpenStack[]], run: Run) => Promise<ExitCode>,
): Promise<void> => onStack({ ...options, together: work }, (stack, run) => work([stack], run));
