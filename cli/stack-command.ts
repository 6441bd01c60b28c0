import { Option, type Command } from "commander";
import { problemText, type Problem } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import type { Terminal } from "./terminal";

/**
 * How a command ends: 0 all is well; 1 something is wrong or could not be done, and was said; 2 wrong usage, nothing was
 * done; 130 stopped by a signal of the system. Any other is that of the command which `output --exec` ran.
 */
export type ExitCode = number;

/** What a command's work is handed beside its options. */
export interface Run {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C and its like. */
  readonly abort: AbortSignal;
}

/** Where the stack is, as every command that works on one takes it. */
export interface StackOptions {
  /** The project's folder. */
  readonly cwd: string;
  /** Chosen as `pulumi` does when it is left out; see stack/project-stacks.ts. */
  readonly stack?: string;
  /** A state file of local/engine, in place of pulumi. */
  readonly state?: string;
  /** Of commands that can print one JSON document: so is what is wrong. */
  readonly json?: boolean;
  /** Set by a command, not by a person: it works on a project without sites too. */
  readonly emptyFleet?: "allowed";
  /** Set by a command: it works before the first `up`, so that there may be no state file yet. */
  readonly neverUp?: "allowed";
  /**
   * Set by a command: tells, in place of printing, what is wrong and that nothing was done. The stack's name is
   * undefined when not even that could be told.
   */
  readonly refused?: (
    problems: readonly Problem[],
    terminal: Terminal,
    stackName: string | undefined,
  ) => Promise<ExitCode>;
}

export type Work = (stack: OpenStack, run: Run) => Promise<ExitCode>;

/** Opens the stack and runs a command's work on it; see cli/on-stack.ts. */
export type OnStack = (options: StackOptions, work: Work) => Promise<void>;

/** Adds a command with the options that say which stack it works on. */
export function stackCommand(program: Command, name: string, examples: readonly string[]): Command {
  return program
    .command(name)
    .option(
      "--stack <name>",
      "the stack, and so the file Pulumi.<name>.yaml (default: PULUMI_STACK, else the selected stack)",
    )
    .option("--cwd <dir>", "the project's folder", ".")
    .addOption(
      new Option(
        "--state <file>",
        "read the stack from this state file of local/engine, not from pulumi; relative to --cwd",
      ).env("SITEPASS_STATE"),
    )
    .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ sitepass ${example}`).join("\n")}`);
}

/** What `--json` prints in place of a command's own document when nothing came of it. */
export const failureDocument = (problems: readonly Problem[]): string =>
  JSON.stringify({ ok: false, problems: problems.map(problemText) }, undefined, 2);
