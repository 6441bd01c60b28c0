import type { Command } from "commander";
import type { Problem } from "../fleet/problem";
import { someOf } from "../fleet/wording";
import type { Renewal, SkippedToken } from "../operate/renew";
import type { OpenStack } from "../stack/open-stack";
import { duration, siteChoiceProblem } from "./option-values";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";
import type { Terminal } from "./terminal";

interface RenewOptions extends StackOptions {
  readonly all: boolean;
  /** Milliseconds. */
  readonly within?: number;
  readonly json: boolean;
}

export function addRenew(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "renew",
    ["renew tokyo", "renew --within 60d", "renew --all --json", "renew --within 60d --all-stacks"],
    "of sites",
  )
    .description("push out by a year when service tokens expire, without a new secret")
    .argument("[site...]", "names of files in sites/, without extension")
    .option("--all", "every site that is let in", false)
    .option(
      "--within <duration>",
      "only tokens that expire in this time, such as 60d; without names, of every site",
      duration,
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Each renewal adds a year, so what runs regularly takes --within. Exit code 1 when a token does not last longer afterwards.`,
    )
    .action(async (sites: string[], options: RenewOptions, command: Command) => {
      const wrong = siteChoiceProblem(command, sites, options.all, {
        given: options.within !== undefined,
        named: " or --within",
      });
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack({ ...options, sites, sitesTell: "both" }, (stack, run) => renew(stack, options, run));
    });
}

async function renew(
  stack: OpenStack,
  { within, json }: RenewOptions,
  { terminal, abort, sites, stackFlag }: Run,
): Promise<ExitCode> {
  const { problemText } = await import("../fleet/problem.js");
  const { renewSites } = await import("../operate/renew.js");
  const bar = terminal.progress("tokens");
  try {
    const { renewals, skipped } = await renewSites(
      stack,
      { sites, within },
      { now: new Date(), abort, onWarning: terminal.warn, onProgress: bar.update },
    );
    bar.stop();
    if (json) {
      terminal.print(JSON.stringify(asDocument(renewals, skipped, problemText), undefined, 2));
    } else {
      show(terminal, renewals, skipped, stackFlag);
    }
    const problems = renewals.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
    terminal.sayProblems(problems);
    return problems.length > 0 ? 1 : 0;
  } finally {
    bar.stop();
  }
}

function asDocument(
  renewals: readonly Renewal[],
  skipped: readonly SkippedToken[],
  textOf: (problem: Problem) => string,
): object {
  return {
    renewed: renewals.map(({ site, before, after, problem }) => ({
      site: site.name,
      ok: problem === undefined,
      formerExpiresAt: before ?? null,
      expiresAt: after ?? null,
      problem: problem === undefined ? null : textOf(problem),
    })),
    skipped,
  };
}

const skipReasons: readonly SkippedToken["reason"][] = [
  "lasts forever",
  "lasts longer",
  "shut out",
  "no token yet",
];

function show(
  { colors, print, table }: Terminal,
  renewals: readonly Renewal[],
  skipped: readonly SkippedToken[],
  stackFlag: string,
): void {
  if (renewals.length === 0) {
    print("No token was to be renewed.");
  } else {
    print(
      table(
        ["site", "renewal", "expiry before", "expiry now"],
        renewals.map(({ site, before, after, problem }) => [
          site.name,
          problem === undefined ? colors.green("renewed") : colors.red("not renewed"),
          before ?? "unknown",
          after === null ? "never" : (after ?? "unknown"),
        ]),
      ),
    );
  }
  for (const reason of skipReasons) {
    const names = skipped.filter((one) => one.reason === reason).map(({ site }) => site);
    if (names.length > 0) {
      print(`Passed over, ${reason}: ${someOf(names)}.`);
    }
  }
  if (renewals.some(({ problem }) => problem === undefined)) {
    print(
      `\nThe stack's outputs show the old expiry until \`pulumi up --refresh${stackFlag}\`; nothing else depends on it.`,
    );
  }
}
