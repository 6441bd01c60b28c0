import { join } from "node:path";
import { runProcess } from "../local/stack/run-process";
import type { Scenario } from "./scenario";

const program = join(__dirname, "..", "bin", "sitepass.cjs");

/** How a run of the command line ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Besides what a command is told of the scenario; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Given what is printed, on both streams, as it comes. */
  readonly onText?: (text: string) => void;
}

/** Runs `sitepass` in a process of its own, as a person would; without colours. */
export async function sitepass(
  args: readonly string[],
  { environment = {}, cwd = process.cwd(), signal, onText }: CommandOptions = {},
): Promise<CommandResult> {
  return runProcess(process.execPath, [program, ...args], {
    cwd,
    environment: { NO_COLOR: "1", ...environment },
    onText,
    signal,
  });
}

/** Runs `sitepass` on a scenario's stack. */
export function sitepassOn(
  fleet: Scenario,
  [command = "", ...args]: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  // Before the others: what follows `--` belongs to another program.
  return sitepass([command, ...fleet.place.args, ...args], {
    ...options,
    environment: { ...fleet.place.environment, ...options.environment },
  });
}
