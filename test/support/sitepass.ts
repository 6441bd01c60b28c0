import { join } from "node:path";
import { runProcess } from "../../local/run/processes";
import { runHere, type CommandResult } from "./run-here";
import type { Scenario } from "./scenario";

const program = join(__dirname, "..", "..", "bin", "sitepass.cjs");

export interface CommandOptions {
  /** Besides what a command is told of the scenario; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Given what is printed, on both streams, as it comes. */
  readonly onText?: (text: string) => void;
  /** For what only a process of its own shows. Default: with `--exec`. */
  readonly ownProcess?: boolean;
}

/**
 * Runs `sitepass` as a person would, without colours: in this process, which has loaded most of it already, or in one of its
 * own where that matters.
 */
export async function sitepass(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  // A program that is handed the credentials inherits the streams.
  const { environment = {}, cwd, signal, onText, ownProcess = args.includes("--exec") } = options;
  const variables = { NO_COLOR: "1", ...environment };
  return ownProcess || cwd !== undefined || signal !== undefined || onText !== undefined
    ? runProcess(process.execPath, [program, ...args], {
        cwd: cwd ?? process.cwd(),
        environment: variables,
        onText,
        abort: signal,
      })
    : runHere(args, variables);
}

/** Runs `sitepass` on a scenario's stack. */
export function sitepassOn(
  fleet: Scenario,
  [command = "", ...args]: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  // Before the others: what follows `--` belongs to another program.
  return sitepass([command, ...fleet.forSitepass.args, ...args], {
    ...options,
    environment: { ...fleet.forSitepass.environment, ...options.environment },
  });
}
