import { resolve } from "node:path";
import { attempt, problemText, UserError, type Problem } from "../fleet/problem";
import { systemProblem } from "../fleet/system-errors";
import { plural } from "../fleet/wording";
import { chooseStacks, type ChosenStack, type ChosenStacks } from "../operate/choose-stacks";
import type { ProjectFleet } from "../operate/shards/project-fleet";
import { openStack, type OpenStack } from "../stack/open-stack";
import { shardsOfProject, stackNameIn, stacksSharingSites } from "../stack/project-stacks";
import { pulumiReader } from "../stack/pulumi-stack-reader";
import { stateFileReader } from "../stack/state-file-reader";
import {
  failureDocument,
  ofStack,
  stackPlaceholder,
  type ExitCode,
  type FolderWork,
  type ProjectOptions,
  type ProjectWork,
  type Run,
  type StackOptions,
  type Work,
} from "./stack-command";
import { openTerminal, stackTerminal, type Streams, type Terminal } from "./terminal";

/**
 * Runs a command on a stack, or on several, and says what went wrong: what a person can put right in one line each, anything else with its
 * stack trace.
 */
export const onStack = (
  options: StackOptions,
  work: Work,
  streams: Streams,
  unread: AbortSignal,
): Promise<ExitCode> =>
  untilStopped(streams, (terminal, stopping) => runOnStacks(options, work, terminal, { stopping, unread }));

/** As onStack, for a command that looks at all stacks of the project together. */
export const onProject = (
  options: ProjectOptions,
  work: ProjectWork,
  streams: Streams,
  unread: AbortSignal,
): Promise<ExitCode> =>
  untilStopped(streams, async (terminal, stopping) => {
    try {
      const project = await openProject(options);
      const exitCode = await work(project, { terminal, abort: AbortSignal.any([stopping, unread]) });
      return stopping.aborted ? stopped(options, terminal) : exitCode;
    } catch (error) {
      return refused(error, options, undefined, terminal, { stopping, unread });
    }
  });

/** As onStack, for a command that looks at the project's folder alone. */
export const onFolder = (
  options: Pick<StackOptions, "json">,
  work: FolderWork,
  streams: Streams,
  unread: AbortSignal,
): Promise<ExitCode> =>
  untilStopped(streams, async (terminal, stopping) => {
    const given = { cwd: ".", ...options };
    try {
      const exitCode = await work({ terminal, abort: AbortSignal.any([stopping, unread]) });
      return stopping.aborted ? stopped(given, terminal) : exitCode;
    } catch (error) {
      return refused(error, given, undefined, terminal, { stopping, unread });
    }
  });

/** @throws UserError when the folder has no stack. */
async function openProject({ cwd, state }: ProjectOptions): Promise<ProjectFleet> {
  const anyStack = {
    cwd,
    ...(state === undefined ? {} : { state }),
    emptyFleet: "allowed",
    neverUp: "allowed",
  } as const;
  const { stacks } = await chooseStacks({ directory: cwd, named: [], all: true, sites: [] }, process.env);
  const shards = shardsOfProject(cwd);
  return {
    directory: resolve(cwd),
    stacks: stacks.map((stack) => {
      const stackName = stackNameIn(stack.reference);
      return {
        stackName,
        shard: shards.find((one) => one.stackName === stackName)?.shard ?? "",
        stackFlag: flagOf(stack),
        open: () => attempt(() => openedStack(anyStack, stack.reference, "allowed")),
      };
    }),
  };
}

async function untilStopped(
  streams: Streams,
  work: (terminal: Terminal, stopping: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const terminal = openTerminal(streams);
  const stopping = new AbortController();
  const stop = () => {
    if (stopping.signal.aborted) {
      process.exit(130);
    }
    stopping.abort();
  };
  // Not `once`: write-file-atomic's signal-exit ends the process when it finds no other listener left.
  for (const name of stoppingSignals) {
    process.on(name, stop);
  }
  try {
    return await work(terminal, stopping.signal);
  } finally {
    for (const name of stoppingSignals) {
      process.off(name, stop);
    }
  }
}

const stoppingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Ends {
  readonly stopping: AbortSignal;
  readonly unread: AbortSignal;
}

/**
 * Works on one stack, or on several, each by itself: what one refuses does not keep the others from being worked on. One after the other,
 * because API tokens of one user share one budget of calls, in different accounts too (docs/facts/cloudflare.md, C45).
 */
async function runOnStacks(
  options: StackOptions,
  work: Work,
  terminal: Terminal,
  ends: Ends,
): Promise<ExitCode> {
  const { cwd, stack: named = [], allStacks: all = false, state, sites = [], sitesTell, once } = options;
  let chosen: ChosenStacks;
  try {
    // One state file is that of one stack, which a person knows.
    const canTell = state === undefined || state.includes(stackPlaceholder);
    chosen = await chooseStacks(
      { directory: cwd, named, all, sites, sitesTell: canTell ? sitesTell : undefined, once },
      process.env,
    );
  } catch (error) {
    return refused(error, options, undefined, terminal, ends);
  }
  const [first] = chosen.stacks;
  if (first !== undefined && !chosen.joint) {
    const stackFlag = chosen.bySites ? flagOf(first) : "";
    return runOnStack(options, work, first, { ...ends, terminal, amongSeveral: false, stackFlag });
  }
  return options.together === undefined
    ? runOnEach(options, work, chosen.stacks, terminal, ends)
    : runTogether(options, options.together, chosen.stacks, terminal, ends);
}

/** All of them in one work, whose document is that of one stack. */
async function runTogether(
  options: StackOptions,
  together: NonNullable<StackOptions["together"]>,
  stacks: readonly ChosenStack[],
  terminal: Terminal,
  ends: Ends,
): Promise<ExitCode> {
  const abort = AbortSignal.any([ends.stopping, ends.unread]);
  const run: Run = {
    terminal,
    abort,
    sites: [],
    amongSeveral: true,
    stackFlag: stacks.map(flagOf).join(""),
  };
  const names = stacks.map(({ reference }) => stackNameIn(reference));
  try {
    const [first, ...others] = stacks.map(({ reference }) => openedStack(options, reference));
    const exitCode = first === undefined ? 1 : await together([first, ...others], run);
    return ends.stopping.aborted ? stopped(options, terminal) : exitCode;
  } catch (error) {
    return refused(error, options, names.join(", "), terminal, ends);
  }
}

/** @param overfull "allowed" for commands that look for a place for sites that are too many. */
function openedStack(
  { cwd, state, emptyFleet, neverUp }: Pick<StackOptions, "cwd" | "state" | "emptyFleet" | "neverUp">,
  reference: string,
  overfull?: "allowed",
): OpenStack {
  const reader =
    state === undefined
      ? pulumiReader
      : stateFileReader(resolve(cwd, ofStack(state, stackNameIn(reference))), neverUp);
  return openStack(cwd, reference, reader, emptyFleet, overfull);
}

async function runOnEach(
  options: StackOptions,
  work: Work,
  stacks: readonly ChosenStack[],
  terminal: Terminal,
  ends: Ends,
): Promise<ExitCode> {
  const json = options.json === true;
  const documents: object[] = [];
  const failed: string[] = [];
  const left: string[] = [];
  let worst: ExitCode = 0;
  try {
    for (const stack of stacks) {
      const stackName = stackNameIn(stack.reference);
      if (ends.stopping.aborted) {
        left.push(stackName);
        documents.push({ stack: stackName, ok: false, problems: [problemText(stoppedBefore)] });
        continue;
      }
      const part = stackTerminal(terminal, stackName, json);
      const exitCode = await runOnStack(options, work, stack, {
        ...ends,
        terminal: part.terminal,
        amongSeveral: true,
        stackFlag: flagOf(stack),
      });
      documents.push(part.document() ?? { stack: stackName });
      worst = Math.max(worst, exitCode);
      failed.push(...(exitCode === 0 ? [] : [stackName]));
    }
  } finally {
    if (json) {
      terminal.print(JSON.stringify({ stacks: documents }, undefined, 2));
    }
  }
  if (left.length > 0) {
    terminal.note(
      `Stopped before ${plural(left.length, "stack")} ${left.length === 1 ? "was" : "were"} worked on: ${left.join(", ")}.`,
    );
  } else if (failed.length > 0 && stacks.length > 1) {
    terminal.note(
      `Exit code ${worst} is for ${failed.length} of ${plural(stacks.length, "stack")}: ${failed.join(", ")}.`,
    );
  }
  return worst;
}

const flagOf = ({ reference }: ChosenStack): string => ` --stack ${reference}`;

const stoppedBefore: Problem = {
  subject: "sitepass",
  says: "was stopped before this stack",
  todo: "Run it again",
};

async function runOnStack(
  options: StackOptions,
  work: Work,
  { reference, sites }: ChosenStack,
  { stopping, unread, ...given }: Pick<Run, "terminal" | "amongSeveral" | "stackFlag"> & Ends,
): Promise<ExitCode> {
  const run: Run = { ...given, abort: AbortSignal.any([stopping, unread]), sites };
  const stackName = stackNameIn(reference);
  try {
    const exitCode = await work(openedStack(options, reference), run);
    return stopping.aborted ? stopped(options, given.terminal) : exitCode;
  } catch (error) {
    return refused(error, options, stackName, given.terminal, { stopping, unread });
  }
}

/** @throws what is not for a person to put right. */
async function refused(
  error: unknown,
  options: StackOptions,
  stackName: string | undefined,
  terminal: Terminal,
  { stopping, unread }: Ends,
): Promise<ExitCode> {
  if (stopping.aborted) {
    return stopped(options, terminal);
  }
  if (unread.aborted) {
    return 1;
  }
  const ofSystem = systemProblem(error);
  const problems = error instanceof UserError ? error.problems : ofSystem === undefined ? [] : [ofSystem];
  if (problems.length === 0) {
    throw error;
  }
  if (options.refused !== undefined) {
    return options.refused(problems, terminal, stackName);
  }
  if (options.json === true) {
    terminal.print(failureDocument(problems));
  }
  terminal.sayProblems(problems);
  return 1;
}

/** Who reads a document gets one, also when the command was stopped before it had anything to say. */
function stopped({ json }: StackOptions, terminal: Terminal): ExitCode {
  if (json === true && !terminal.hasPrinted()) {
    const todo = "Run it again";
    terminal.print(failureDocument([{ subject: "sitepass", says: "was stopped before its end", todo }]));
  }
  return 130;
}

/**
 * Warns, before site files are written, of the other stacks of the project that read the same files.
 *
 * @param does what their next `up` does with what is written.
 * @param named the sites that it is about; none: all.
 * @returns what belongs into the command's JSON document.
 */
export function warnOfOtherStacks(
  stack: OpenStack,
  terminal: Terminal,
  does: string,
  named: readonly string[] = [],
): object {
  const written = stack.sites.filter(({ name }) => named.length === 0 || named.includes(name));
  const otherStacks = stacksSharingSites({ ...stack, sites: written });
  if (otherStacks.length === 0) {
    return {};
  }
  terminal.warn({
    subject: "sites/",
    says: `is read by the ${otherStacks.length === 1 ? "stack" : "stacks"} ${otherStacks.join(", ")} too, whose next \`up\` ${does} there as well`,
    todo: "Where that is not meant, give that stack a checkout of its own",
  });
  return { otherStacks };
}
