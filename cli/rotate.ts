import { InvalidArgumentError, Option, type Command } from "commander";
import { plural } from "../fleet/wording";
import type { WaveSize } from "../operate/rotate/waves";
import type { OpenStack } from "../stack/open-stack";
import {
  comesOnlyWith,
  doesNotGoWith,
  duration,
  graceDuration,
  repeated,
  siteChoiceProblem,
} from "./option-values";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "./stack-command";

interface RotateOptions extends StackOptions {
  readonly all: boolean;
  readonly confirm: boolean;
  readonly json: boolean;
  readonly waves?: WaveSize;
  /** Milliseconds, like the other durations. */
  readonly olderThan?: number;
  readonly grace: number;
  /** Of --now. */
  readonly now: boolean;
  readonly force: boolean;
  readonly offline: boolean;
  readonly dryRun: boolean;
  /** With --confirm: each `<site>=<fingerprint>`. */
  readonly former: readonly string[];
  readonly wait: number;
  readonly via?: string;
}

export function addRotate(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "rotate",
    [
      "rotate tokyo",
      "rotate tokyo --grace 3d --dry-run",
      "rotate tokyo --now",
      "rotate --all --waves 10% --older-than 90d",
      "rotate --confirm tokyo",
      "rotate --all --waves 10% --all-stacks",
    ],
    "of sites",
  )
    .description(
      "write a new secret version into site files, for `up` to rotate with; and prove afterwards that it did",
    )
    .argument("[site...]", "names of files in sites/, without extension")
    .option(
      "--all",
      "every site that is let in; with --confirm, every one whose rotation is under way",
      false,
    )
    .option(
      "--waves <size>",
      "with --all: only the next part of the fleet, so many sites or percent, when the part before is over",
      waveSize,
    )
    .option(
      "--older-than <duration>",
      "with --all: only sites whose last window closed so long ago, such as 90d, or that were never rotated",
      duration,
    )
    .addOption(
      new Option("--grace <duration>", "how long the old secret goes on working: 1h to 30d")
        .argParser(graceDuration)
        .default(graceDuration("7d"), "7d"),
    )
    .option("--now", "for a leaked secret: the old one stops with the next up", false)
    .option("--force", "rotate although a window is open, or a site was not seen since its last one", false)
    .option(
      "--offline",
      "do not look at the stack; the rotation can then not be proven by this machine",
      false,
    )
    .option("--dry-run", "show the lines that would change, and change nothing", false)
    .option("--confirm", "after up: prove that the secret changed and that the new one is let in", false)
    .option(
      "--former <site=fingerprint>",
      "with --confirm: the fingerprint before, where the rotation was written on another machine; may be repeated",
      repeated,
      [],
    )
    .addOption(
      new Option(
        "--wait <duration>",
        "with --confirm: how long to try again while the new secret is not let in",
      )
        .argParser(duration)
        .default(0, "not at all"),
    )
    .option("--via <url>", "with --confirm: send every request here, as `sitepass verify` does")
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
The order: rotate, \`pulumi up\` before the window is half over, rotate --confirm, render, and the files to the site.
With --waves, run it as often as you like: it does nothing while a part is under way. More in docs/rotation.md.`,
    )
    .action(async (sites: string[], options: RotateOptions, command: Command) => {
      const wrong = wrongUsage(sites, options, command);
      if (wrong !== undefined) {
        command.error(`error: ${wrong}`);
      }
      await onStack({ ...options, sites, sitesTell: "home", once: !options.confirm }, (stack, run) =>
        options.confirm ? confirm(stack, options, run) : rotate(stack, options, run),
      );
    });
}

/** Reads the size of a wave: `10%` of the fleet, or `5` sites. */
function waveSize(text: string): WaveSize {
  const [, digits = "", percent] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === "" || number < 1 || (percent === "%" && number > 100)) {
    throw new InvalidArgumentError("Give a number of sites such as 5, or a part of the fleet such as 10%.");
  }
  return percent === "%" ? { percent: number } : { sites: number };
}

/** Options that mean nothing together. */
function wrongUsage(sites: readonly string[], options: RotateOptions, command: Command): string | undefined {
  const { confirm, all, now, waves } = options;
  const ofWriting = ["--waves", "--older-than", "--grace", "--now", "--force", "--offline", "--dry-run"];
  const asking = "--waves, which asks Cloudflare when sites were last seen";
  return (
    siteChoiceProblem(command, sites, all) ??
    comesOnlyWith(command, ["--former", "--wait", "--via"], "--confirm", confirm) ??
    doesNotGoWith(command, ofWriting, "--confirm", confirm) ??
    comesOnlyWith(command, ["--waves", "--older-than"], "--all", all) ??
    doesNotGoWith(command, ["--grace", "--waves", "--older-than"], "--now", now) ??
    doesNotGoWith(command, ["--offline"], asking, waves !== undefined)
  );
}

async function rotate(
  stack: OpenStack,
  options: RotateOptions,
  { terminal, abort, sites, stackFlag }: Run,
): Promise<ExitCode> {
  const { rotateSites } = await import("../operate/rotate/rotate-sites.js");
  const { reportRotations } = await import("./rotation-report.js");
  const { warnOfOtherStacks } = await import("./on-stack.js");
  const others = warnOfOtherStacks(stack, terminal, "rotates these sites", sites);
  const now = new Date();
  const report = await rotateSites(
    stack,
    { ...options, sites, immediately: options.now },
    { now, abort, onWarning: terminal.warn },
  );
  const { rotations, planned, problems } = report;
  terminal.sayProblems(problems);
  // Stopped before the first file, nothing came of it.
  if (!abort.aborted || rotations.length > 0) {
    reportRotations(terminal, report, { ...options, now, others, stackFlag });
  }
  if (abort.aborted) {
    terminal.note(`Stopped: ${rotations.length} of ${plural(planned, "file")} were written.`);
    return 130;
  }
  return problems.length > 0 ? 1 : 0;
}

async function confirm(
  stack: OpenStack,
  options: RotateOptions,
  { terminal, abort, sites }: Run,
): Promise<ExitCode> {
  const { readVia } = await import("./via-option.js");
  const { confirmRotations } = await import("../operate/rotate/confirm-rotations.js");
  const { reportConfirmations } = await import("./rotation-report.js");
  const via = readVia({ ...options, onStandIn: options.state !== undefined });
  const { confirmations, problems } = await confirmRotations(
    stack,
    { ...options, sites, via },
    {
      now: new Date(),
      abort,
      progress: terminal.progress("requests"),
      onRetry: (pause) => {
        const seconds = plural(Math.ceil(pause / 1000), "second");
        terminal.note(`Not all is as it must be yet. Looking again in ${seconds}.`);
      },
    },
  );
  reportConfirmations(terminal, confirmations, problems, options.json);
  return confirmations.every(({ ok }) => ok) ? 0 : 1;
}
