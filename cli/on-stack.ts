import { UserError } from "../fleet/problem";
import { openStack, type OpenStack } from "../stack/open-stack";
import { chooseStack, stackNameIn, stacksSharingSites } from "../stack/project-stacks";
import { pulumiReader } from "../stack/pulumi-stack-reader";
import { stateFileReader } from "../stack/state-file-reader";
import type { ExitCode, Run, StackOptions, Work } from "./stack-command";
import { openTerminal, type Streams, type Terminal } from "./terminal";

/**
 * Runs a command on a stack, and says what went wrong: what a person can put right in one line each, anything else with its
 * stack trace.
 */
export async function onStack(options: StackOptions, work: Work, streams: Streams): Promise<ExitCode> {
  const terminal = openTerminal(streams);
  const stopping = new AbortController();
  const stop = () => {
    if (stopping.signal.aborted) {
      process.exit(130);
    }
    stopping.abort();
  };
  // Whoever reads may stop reading, as in `sitepass status | head`.
  const unread = () => {
    process.exit(1);
  };
  // Not `once`: write-file-atomic's signal-exit ends the process when it finds no other listener left.
  for (const name of stoppingSignals) {
    process.on(name, stop);
  }
  streams.stdout.on("error", unread);
  try {
    return await runOnStack(options, work, { terminal, abort: stopping.signal });
  } finally {
    for (const name of stoppingSignals) {
      process.off(name, stop);
    }
    streams.stdout.off("error", unread);
  }
}

const stoppingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function runOnStack(options: StackOptions, work: Work, run: Run): Promise<ExitCode> {
  const { terminal, abort } = run;
  let reference: string | undefined;
  try {
    reference = chooseStack(options.cwd, options.stack, process.env);
    const reader = options.state === undefined ? pulumiReader : stateFileReader(options.state);
    const stack = openStack(options.cwd, reference, reader, options.emptyFleet);
    const exitCode = await work(stack, run);
    return abort.aborted ? 130 : exitCode;
  } catch (error) {
    if (abort.aborted) {
      return 130;
    }
    if (!(error instanceof UserError)) {
      throw error;
    }
    if (options.refused !== undefined) {
      return options.refused(
        error.problems,
        terminal,
        reference === undefined ? undefined : stackNameIn(reference),
      );
    }
    terminal.sayProblems(error.problems);
    return 1;
  }
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
