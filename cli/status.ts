import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import type { Result } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import { wholeNumber } from "./option-values";
import {
  asksForSeveral,
  ofStack,
  stackCommand,
  stackPlaceholder,
  type ExitCode,
  type OnStack,
  type StackOptions,
} from "./stack-command";
import type { Terminal } from "./terminal";

interface StatusOptions extends StackOptions {
  readonly warn: number;
  readonly stale: number | "off";
  readonly wide: boolean;
  readonly openmetrics?: string;
  readonly json: boolean;
}

export function addStatus(program: Command, onStack: OnStack): void {
  stackCommand(
    program,
    "status",
    [
      "status",
      "status tokyo osaka --wide",
      "status --warn 60 --stale 72",
      "status --openmetrics /var/lib/node_exporter/textfile/sitepass.prom > /dev/null",
      "status --all-stacks --openmetrics /var/lib/node_exporter/textfile/sitepass-{stack}.prom > /dev/null",
    ],
    "of sites",
  )
    .description("show the fleet: one row a site, worst first, and what to do about what is wrong")
    .addArgument(new Argument("[site...]", "only these; default all, and tokens that belong to no site"))
    .addOption(
      new Option("--warn <days>", "an alarm for a token that expires sooner")
        .argParser(wholeNumber(0))
        .default(30),
    )
    .addOption(
      new Option("--stale <hours>", 'an alarm for a site that was not seen for longer; "off" does not look')
        .argParser(hoursOrOff)
        .default(24),
    )
    .option("--wide", "every column", false)
    .addOption(
      new Option(
        "--openmetrics <file>",
        "also write gauges of the whole fleet to this .prom file, for node_exporter's textfile collector; {stack} in it is the stack's name",
      ).argParser(promFile),
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Exit code 1 with an alarm: something expires or was not seen, pushes are refused, or something could not be read. Secret
versions, and until when a previous secret works, come from the site files: Cloudflare does not tell them.`,
    )
    .action(async (sites: string[], options: StatusOptions, command: Command) => {
      const { openmetrics } = options;
      const ofOneStack = openmetrics !== undefined && !openmetrics.includes(stackPlaceholder);
      if (ofOneStack && asksForSeveral(options)) {
        command.error(
          `error: --openmetrics is "${openmetrics}", which every stack would overwrite. Put {stack} where the stack's name is, as in sitepass-{stack}.prom.`,
        );
      }
      await onStack(
        {
          ...options,
          sites,
          sitesTell: ofOneStack ? undefined : "both",
          refused: (problems, terminal, stackName = "") =>
            status({ ok: false, problems }, sites, { ...options, stackName }, terminal),
        },
        (stack, { terminal, sites: named }) =>
          status({ ok: true, value: stack }, named, { ...options, stackName: stack.stackName }, terminal),
      );
    });
}

async function status(
  opened: Result<OpenStack>,
  sites: readonly string[],
  { stackName, warn, stale, openmetrics, json, wide }: StatusOptions & Pick<OpenStack, "stackName">,
  terminal: Terminal,
): Promise<ExitCode> {
  const { reportFleet } = await import("../operate/status/report-fleet.js");
  const { isWell, reportDocument, reportText } = await import("./status-report.js");
  // Which stack's file it would be is not known when not even the stack could be told.
  const isTold = stackName !== "" || openmetrics?.includes(stackPlaceholder) !== true;
  const report = await reportFleet(opened, {
    stackName,
    sites,
    now: new Date(),
    warnDays: warn,
    staleHours: stale === "off" ? undefined : stale,
    metricsFile: isTold && openmetrics !== undefined ? ofStack(openmetrics, stackName) : undefined,
  });
  terminal.print(
    json ? JSON.stringify(reportDocument(report), undefined, 2) : reportText(report, wide, terminal),
  );
  return isWell(report) ? 0 : 1;
}

function hoursOrOff(text: string): number | "off" {
  if (text !== "off" && !/^\d+$/.test(text)) {
    throw new InvalidArgumentError('Give a whole number of hours from 1 on, or "off".');
  }
  return text === "off" ? "off" : wholeNumber(1)(text);
}

/** node_exporter reads no other files. */
function promFile(text: string): string {
  if (!text.endsWith(".prom")) {
    throw new InvalidArgumentError("Give a file whose name ends in .prom.");
  }
  return text;
}
