import { resolve } from "node:path";
import { UserError } from "../fleet/problem";
import { systemProblem } from "../fleet/system-errors";
import { openStack, type OpenStack } from "../stack/open-stack";
import { chooseStack, stackNameIn, stacksSharingSites } from "../stack/project-stacks";
import { pulumiReader } from "../stack/pulumi-stack-reader";
import { stateFileReader } from "../stack/state-file-reader";
import { failureDocument, type ExitCode, type Run, type StackOptions, type Work } from "./stack-command";
import { openTerminal, type Streams, type Terminal } from "./terminal";

/**
 * Runs a command on a stack, and says what went wrong: what a person can put right in one line each, anything else with its
 * stack trace.
 */
export async function onStack(
  options: StackOptions,
  work: Work,
  streams: Streams,
  unread: AbortSignal,
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
    return await runOnStack(options, work, { terminal, stopping: stopping.signal, unread });
  } finally {
    for (const name of stoppingSignals) {
      process.off(name, stop);
    }
  }
}

const stoppingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function runOnStack(
  options: StackOptions,
  work: Work,
  {
    terminal,
    stopping,
    unread,
  }: { readonly terminal: Terminal; readonly stopping: AbortSignal; readonly unread: AbortSignal },
): Promise<ExitCode> {
  const run: Run = { terminal, abort: AbortSignal.any([stopping, unread]) };
  let reference: string | undefined;
  try {
    reference = chooseStack(options.cwd, options.stack, process.env);
    const reader =
      options.state === undefined
        ? pulumiReader
        : stateFileReader(resolve(options.cwd, options.state), options.neverUp);
    const stack = openStack(options.cwd, reference, reader, options.emptyFleet);
    const exitCode = await work(stack, run);
    return stopping.aborted ? stopped(options, terminal) : exitCode;
  } catch (error) {
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
      const stackName = reference === undefined ? undefined : stackNameIn(reference);
      return options.refused(problems, terminal, stackName);
    }
    if (options.json === true) {
      terminal.print(failureDocument(problems));
    }
    terminal.sayProblems(problems);
    return 1;
  }
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
 * @returns what belongs into the command's JSON document.
 */
export function warnOfOtherStacks(stack: OpenStack, terminal: Terminal, does: string): object {
  const otherStacks = stacksSharingSites(stack);
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
