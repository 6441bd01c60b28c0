import { Option, type Command } from "commander";
import type { Ask } from "../../operate/project/choose-values";
import type { StackPlan } from "../../operate/project/init-stack";
import type { StackValues } from "../../operate/project/stack-file";
import {
  folderCommand,
  type ExitCode,
  type OnFolder,
  type OnProject,
  type OnStack,
  type Run,
} from "../stack-command";
import type { Terminal } from "../terminal";

interface InitOptions extends StackValues {
  readonly cwd: string;
  readonly stack: string;
  readonly overwrite: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export function addInit(
  program: Command,
  _onStack: OnStack,
  _onProject: OnProject,
  onFolder: OnFolder,
): void {
  folderCommand(program, "init", [
    "init",
    "init --stack staging",
    "init --yes --account 0123456789abcdef0123456789abcdef --zone example.org",
    "init --yes --overwrite --tunnel central-2 --json",
  ])
    .description(
      "set a stack up: ask for account, zone and host names, and write them into Pulumi.<stack>.yaml",
    )
    .option("--stack <name>", "the stack, and so the file Pulumi.<name>.yaml", "prod")
    .option("--account <id>", "the Cloudflare account: 32 hexadecimal digits")
    .option("--zone <name>", "the zone that the host names lie in, by name or ID")
    .option("--metrics-host <name>", "the host name that metrics are pushed to (proposed: prom.<zone>)")
    .option("--logs-host <name>", "the host name that logs are pushed to (proposed: loki.<zone>)")
    .option("--tunnel <name>", "the tunnel that `up` makes (proposed: central-observability)")
    .option("--team <name>", "the Zero Trust team name (default: looked up)")
    .addOption(
      new Option(
        "--identity <how>",
        "how the central host tells who pushed (default: label in a new file)",
      ).choices(["label", "tenant", "off"]),
    )
    .option("--yes", "ask nothing: take what is proposed", false)
    .option("--overwrite", "let these options take the place of what the file says already", false)
    .option("--json", "print one JSON document, and ask nothing", false)
    .addHelpText(
      "after",
      `
With CLOUDFLARE_API_TOKEN set, accounts, zones and the team name are looked up, and what is given is compared with them;
without it what is given is checked for its form alone. The API token is written nowhere. Of a file that is there already,
comments and every other key stay, and what a person has filled in is changed only when it is said. Without a terminal nothing
is asked: what is missing is named, with its option.`,
    )
    .action((options: InitOptions) => onFolder(options, (run) => init(options, run)));
}

async function init(options: InitOptions, run: Pick<Run, "terminal" | "abort">): Promise<ExitCode> {
  const { terminal, abort } = run;
  const { planStack, writeStack } = await import("../../operate/project/init-stack.js");
  const { cwd, stack: stackName, overwrite, yes, json, ...given } = options;
  const dialog = yes || json ? undefined : terminal.dialog;
  const questions = dialog === undefined ? undefined : await import("./init-questions.js");
  const nobody: Ask = ({ current, proposal }) => Promise.resolve(current ?? (yes ? proposal : undefined));
  const request = {
    directory: cwd,
    stackName,
    given,
    // On a terminal the change is shown before it is made.
    overwrite: overwrite || dialog !== undefined,
    environment: process.env,
  };
  if ((process.env.CLOUDFLARE_API_TOKEN ?? "") === "" && dialog !== undefined) {
    terminal.note(notLookedUp);
  }
  let plan: StackPlan;
  try {
    plan =
      dialog === undefined || questions === undefined
        ? await planStack(request, nobody)
        : await planStack(
            request,
            questions.askOn(dialog, abort),
            questions.waitingOn(dialog, "Asking Cloudflare"),
          );
  } catch (error) {
    if (questions !== undefined && error instanceof questions.Cancelled) {
      terminal.note("Nothing was written.");
      return 130;
    }
    throw error;
  }
  for (const warning of plan.warnings) {
    terminal.warn(warning);
  }
  if (dialog !== undefined && questions !== undefined && plan.before !== plan.after) {
    await showChange(plan, terminal);
    if (!(await questions.confirmOn(dialog, abort, `Write ${plan.file}?`))) {
      terminal.note("Nothing was written.");
      return 130;
    }
  }
  await report(plan, await writeStack(plan), options, terminal);
  return 0;
}

const notLookedUp =
  "CLOUDFLARE_API_TOKEN is not set: nothing is looked up, and what is typed is checked for its form alone.";

async function showChange({ file, text, after }: StackPlan, { colors, note }: Terminal): Promise<void> {
  const { changedLines } = await import("../../operate/site-file/edit-token.js");
  note(colors.bold(file));
  for (const { sign, text: line } of changedLines(text, after)) {
    note(sign === "+" ? colors.green(`+ ${line}`) : colors.red(`- ${line}`));
  }
}

async function report(
  plan: StackPlan,
  written: boolean,
  { json }: InitOptions,
  terminal: Terminal,
): Promise<void> {
  const { printNext } = await import("../terminal.js");
  const { problemText } = await import("../../fleet/problem.js");
  const { file, stackName, values, lookedUp, warnings, amongSeveral } = plan;
  const flag = amongSeveral ? ` --stack ${stackName}` : "";
  const next = [
    ...(lookedUp ? [] : [["export CLOUDFLARE_API_TOKEN", "what the next two need"] as const]),
    [`npx sitepass check${flag}`, "says what `up` would stumble over, and changes nothing"],
    [`pulumi stack init ${stackName}`, "once, where pulumi does not know the stack yet"],
    [`pulumi up${flag}`, "makes what sites/ declares"],
  ] as const;
  if (json) {
    const document = {
      ok: true,
      stack: stackName,
      file,
      written,
      lookedUp,
      values,
      warnings: warnings.map(problemText),
      next: next.map(([command]) => command),
    };
    terminal.print(JSON.stringify(document, undefined, 2));
    return;
  }
  terminal.print(`${file}: ${written ? "written" : "says this already; nothing was written"}.`);
  if (!lookedUp) {
    terminal.note("Nothing was looked up at Cloudflare: what was given was checked for its form alone.");
  }
  printNext(terminal, next);
}
