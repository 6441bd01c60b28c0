import type { Command } from "commander";
import { problemText, UserError, type Problem } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import { comesOnlyWith, wholeNumber } from "./option-values";
import {
  asksForSeveral,
  stackCommand,
  type ExitCode,
  type OnStack,
  type Run,
  type StackOptions,
} from "./stack-command";

interface VerifyCommandOptions extends StackOptions {
  readonly watch: boolean;
  /** Seconds, like the next two. */
  readonly interval: number;
  readonly timeout?: number;
  readonly requestTimeout: number;
  readonly concurrency: number;
  readonly via?: string;
  readonly json: boolean;
}

/** In seconds; a timer of Node takes no more than 24 days. */
const day = 86_400;

/** Of each look with --watch; a screen's worth. */
const mostProblems = 10;

export function addVerify(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "verify",
    [
      "verify",
      "verify tokyo berlin-shop",
      "verify --watch --timeout 600",
      "verify --state .sitepass/prod.json --via http://127.0.0.1:8798",
      "verify --all-stacks",
    ],
    "of sites",
  )
    .description(
      "send real requests with the stored secrets: pushes are let in, and everything else is refused",
    )
    .argument("[site...]", "names of files in sites/, without extension; default all")
    .option("--watch", "look again until nothing is wrong", false)
    .option("--interval <seconds>", "between two looks with --watch", wholeNumber(1, day), 10)
    .option("--timeout <seconds>", "give up watching after this time; default never", wholeNumber(1))
    .option("--request-timeout <seconds>", "how long one request may take", wholeNumber(1, day), 10)
    .option("--concurrency <n>", "requests at a time", wholeNumber(1, 256), 16)
    .option("--via <url>", "send every request here instead of to the public host, as to a stand-in")
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Pushes are sent without a body, so nothing is stored. Access logs the wrong secret, once for each site and signal. Exit code
1 when anything is not as expected.`,
    )
    .action(async (sites: string[], options: VerifyCommandOptions, command: Command) => {
      const wrong =
        comesOnlyWith(command, ["--interval", "--timeout"], "--watch", options.watch) ??
        (asksForSeveral(options) && isEndless(options) ? problemText(endlessOverSeveral) : undefined);
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack({ ...options, sites, sitesTell: "both" }, (stack, run) => verify(stack, options, run));
    });
}

const isEndless = ({ watch, timeout }: VerifyCommandOptions): boolean => watch && timeout === undefined;

/** The stacks come one after the other. */
const endlessOverSeveral: Problem = {
  subject: "--watch",
  says: "would wait at the first stack that is not as expected, and never look at the others",
  todo: "Give --timeout, which is each stack's, or name one stack with --stack",
};

async function verify(
  stack: OpenStack,
  options: VerifyCommandOptions,
  { terminal, abort, sites: names, amongSeveral }: Run,
): Promise<ExitCode> {
  if (amongSeveral && isEndless(options)) {
    throw new UserError(endlessOverSeveral);
  }
  const { plural } = await import("../fleet/wording.js");
  const { selectSites } = await import("../operate/select-sites.js");
  const { verifySites } = await import("../operate/verify/verify-sites.js");
  const { fleetProblems } = await import("../operate/verify/verdict.js");
  const { printVerdict, summaryOf } = await import("./verify-report.js");
  const { readVia } = await import("./via-option.js");
  const via = readVia({ ...options, onStandIn: options.state !== undefined });
  const sites = names.length === 0 ? stack.sites : selectSites(stack, names);
  const { interval, timeout } = options;
  const bar = terminal.progress("requests");
  let told = "";
  try {
    const verdict = await verifySites(sites, {
      config: stack.config,
      outputs: await stack.outputs(),
      readOutputs: () => stack.outputs("anew"),
      via,
      concurrency: options.concurrency,
      requestTimeout: options.requestTimeout * 1000,
      abort,
      onProgress: bar.update,
      watch: options.watch
        ? {
            interval: interval * 1000,
            timeout: timeout === undefined ? undefined : timeout * 1000,
            onLook: (seen, pause) => {
              bar.stop();
              // What is wrong is said again only when it is something else.
              const problems = fleetProblems(seen);
              const telling = problems.map(problemText).join("\n");
              if (telling !== told) {
                terminal.sayProblems(problems.slice(0, mostProblems));
                const more = problems.length - mostProblems;
                if (more > 0) {
                  terminal.note(`And ${plural(more, "more problem")}: run it without --watch to see all.`);
                }
              }
              told = telling;
              terminal.note(
                `${summaryOf(seen, terminal)} Looking again in ${plural(Math.ceil(pause / 1000), "second")}.`,
              );
            },
          }
        : undefined,
    });
    bar.stop();
    printVerdict(verdict, options.json, terminal);
    return verdict.ok ? 0 : 1;
  } finally {
    bar.stop();
  }
}
