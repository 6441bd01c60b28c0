import { Option, type Command } from "commander";
import { problemText, type Problem } from "../fleet/problem";
import type { StackChoice } from "../operate/choose-stacks";
import type { ProjectFleet } from "../operate/shards/project-fleet";
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
  /** Those of the sites that a person named that are this stack's. */
  readonly sites: readonly string[];
  /** Whether the stack is one of several that are worked on. */
  readonly amongSeveral: boolean;
  /** What the next command, of pulumi or this program, needs to work on the stack too, such as ` --stack eu`; empty where it would. */
  readonly stackFlag: string;
}

/** Which stacks, and where they are, as every command that works on them takes it. */
export interface StackOptions extends Partial<Pick<StackChoice, "sites" | "sitesTell" | "once">> {
  /** The project's folder. */
  readonly cwd: string;
  /** Chosen as `pulumi` does when it is left out, or by the sites that are named; see operate/choose-stacks.ts. */
  readonly stack?: readonly string[];
  readonly allStacks?: boolean;
  /** A state file of local/engine, in place of pulumi; `{stack}` in it is the stack's name. */
  readonly state?: string;
  /** Of commands that can print one JSON document: so is what is wrong. */
  readonly json?: boolean;
  /** Set by a command, not by a person: it works on a project without sites too. */
  readonly emptyFleet?: "allowed";
  /** Set by a command: it works before the first `up`, so that there may be no state file yet. */
  readonly neverUp?: "allowed";
  /** Set by a command: its work on several stacks together, in place of one after the other. */
  readonly together?: (stacks: readonly [OpenStack, ...OpenStack[]], run: Run) => Promise<ExitCode>;
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

/** Opens each stack and runs a command's work on it; see cli/on-stack.ts. */
export type OnStack = (options: StackOptions, work: Work) => Promise<void>;

/** Where the project is, as commands take it that look at all of its stacks together. */
export type ProjectOptions = Pick<StackOptions, "cwd" | "state" | "json" | "refused">;

export type ProjectWork = (project: ProjectFleet, run: Pick<Run, "terminal" | "abort">) => Promise<ExitCode>;

/** What a command is handed that looks at the project's folder alone. */
export type FolderWork = (run: Pick<Run, "terminal" | "abort">) => Promise<ExitCode>;

/** Runs a command's work on the project's folder, in which there need be no stack yet; see cli/on-stack.ts. */
export type OnFolder = (options: Pick<StackOptions, "json">, work: FolderWork) => Promise<void>;

/** Runs a command's work on all stacks of the project together; see cli/on-stack.ts. */
export type OnProject = (options: ProjectOptions, work: ProjectWork) => Promise<void>;

/** In the path of what there is one of for each stack. */
export const stackPlaceholder = "{stack}";

/** @param text such as a path, which stands for one of each stack. */
export const ofStack = (text: string, stackName: string): string =>
  text.replaceAll(stackPlaceholder, stackName);

/** Whether a person asked for several stacks, or all. */
export const asksForSeveral = ({ stack = [], allStacks = false }: StackOptions): boolean =>
  allStacks || new Set(stack).size > 1;

/**
 * Adds a command with the options that say which stacks it works on.
 *
 * @param stacks "one" where several make no sense; "of sites" where the sites that are named say which stacks they are in.
 */
export function stackCommand(
  program: Command,
  name: string,
  examples: readonly string[],
  stacks: "one" | "several" | "of sites" | "one of site",
): Command {
  const one = stacks === "one" || stacks === "one of site";
  const bySites = stacks === "of sites" || stacks === "one of site";
  const otherwise = `PULUMI_STACK, else ${bySites ? "where the project has several shards that of each named site, else " : ""}the selected stack`;
  return program
    .command(name)
    .addOption(
      new Option(
        "--stack <name>",
        `the stack, and so the file Pulumi.<name>.yaml${one ? "" : "; may be repeated"} (default: ${otherwise})`,
      ).argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]),
    )
    .addOption(new Option("--all-stacks", "every stack of the project, one after the other").hideHelp(one))
    .addOption(cwdOption())
    .addOption(stateOption("the stack from this"))
    .hook("preAction", (_command, acting) => {
      refuse(acting, stackUsage(acting, acting.opts<StackOptions>(), one));
    })
    .addHelpText("after", examplesText(examples));
}

/** Adds a command that looks at all stacks of the project together. */
export function projectCommand(program: Command, name: string, examples: readonly string[]): Command {
  return folderCommand(program, name, examples)
    .addOption(stateOption("each stack from its"))
    .hook("preAction", (_command, acting) => {
      refuse(acting, stateUsage(acting.opts<ProjectOptions>().state));
    });
}

/** Adds a command that looks at the project's folder alone: neither at a stack's outputs nor at its state. */
export function folderCommand(program: Command, name: string, examples: readonly string[]): Command {
  return program.command(name).addOption(cwdOption()).addHelpText("after", examplesText(examples));
}

const cwdOption = (): Option => new Option("--cwd <dir>", "the project's folder").default(".");

/** @param which whose state it is, and how many there are. */
const stateOption = (which: "the stack from this" | "each stack from its"): Option =>
  new Option(
    "--state <file>",
    `read ${which} state file of local/engine, not from pulumi; relative to --cwd; {stack} in it is the stack's name`,
  ).env("SITEPASS_STATE");

const examplesText = (examples: readonly string[]): string =>
  `\nExamples:\n${examples.map((example) => `  $ sitepass ${example}`).join("\n")}`;

/** Ends the command as wrong usage where something is wrong. */
function refuse(command: Command, wrong: string | undefined): void {
  if (wrong !== undefined) {
    command.error(`error: ${wrong}`);
  }
}

/** What is wrong with the state file of several stacks. */
export const stateUsage = (state: string | undefined): string | undefined =>
  state !== undefined && !state.includes(stackPlaceholder)
    ? `--state is "${state}", which is one stack's file. Put {stack} where the stack's name is, as in .sitepass/{stack}.json.`
    : undefined;

/** Options for stacks that mean nothing together, or nothing for this command. */
function stackUsage(command: Command, options: StackOptions, one: boolean): string | undefined {
  const { stack = [], allStacks = false, state } = options;
  if (one && asksForSeveral(options)) {
    return `${allStacks ? "--all-stacks" : "--stack, given more than once,"} does not go with \`${command.name()}\`, which works on one stack. Name one with --stack.`;
  }
  if (allStacks && stack.length > 0) {
    return `--all-stacks comes with --stack ${stack.join(", ")}. Name stacks, or take --all-stacks, not both.`;
  }
  return asksForSeveral(options) ? stateUsage(state) : undefined;
}

/** What `--json` prints in place of a command's own document when nothing came of it. */
export const failureDocument = (problems: readonly Problem[]): string =>
  JSON.stringify({ ok: false, problems: problems.map(problemText) }, undefined, 2);
