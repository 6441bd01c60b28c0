import { Option, type Command } from "commander";
import type { Result } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import {
  stackCommand,
  stateUsage,
  type ExitCode,
  type OnProject,
  type OnStack,
  type StackOptions,
} from "./stack-command";
import type { Terminal } from "./terminal";

interface CheckOptions extends StackOptions {
  readonly offline: boolean;
  readonly readsOnly: boolean;
  readonly json: boolean;
  readonly place?: string;
}

export function addCheck(program: Command, onStack: OnStack, onProject: OnProject): void {
  stackCommand(
    program,
    "check",
    ["check", "check --offline", "check --reads-only --json", "check --all-stacks", "check --place lima"],
    "several",
  )
    .description(
      "say before `up` what is wrong with configuration and sites, and what in Cloudflare it would stumble over",
    )
    .option("--offline", "look at configuration and sites alone; needs no API token", false)
    .addOption(
      new Option(
        "--reads-only",
        "ask for no permission to write, which is done with changes that can change nothing",
      )
        .default(false)
        .conflicts("offline"),
    )
    .addOption(
      new Option(
        "--place <name>",
        "say instead how much room the account of each stack of the project has, and which shard a new site of this name would best be in",
      ).conflicts(["offline", "readsOnly", "stack", "allStacks"]),
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Changes nothing. Exit code 1 with a problem, which up would stop at or pushes would be lost by; 0 with warnings alone.`,
    )
    .action(async (options: CheckOptions, command: Command) => {
      const name = options.place;
      if (name !== undefined) {
        const wrong = stateUsage(options.state);
        if (wrong !== undefined) {
          command.error(`error: ${wrong}`);
        }
        await onProject(options, async (project, run) => {
          const { place } = await import("./shards/place.js");
          return place(project, name, options.json, run);
        });
        return;
      }
      await onStack(
        {
          ...options,
          neverUp: "allowed",
          refused: (problems, terminal) => check({ ok: false, problems }, options, terminal),
        },
        (stack, { terminal }) => check({ ok: true, value: stack }, options, terminal),
      );
    });
}

async function check(
  opened: Result<OpenStack>,
  { json, offline, readsOnly }: CheckOptions,
  { colors, print }: Terminal,
): Promise<ExitCode> {
  const { checkStack } = await import("../operate/check/check-stack.js");
  const { findingText } = await import("../operate/check/finding.js");
  const { plural } = await import("../fleet/wording.js");
  const { findings, plan } = await checkStack(opened, { offline, readsOnly, now: new Date() });
  const shown = findings.map((finding) => {
    const { topic, level } = finding;
    return { topic, level, says: findingText(finding) };
  });
  const count = (wanted: "problem" | "warning") => shown.filter(({ level }) => level === wanted).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  if (json) {
    const document = { ok: problems === 0, offline, problems, warnings, findings: shown, plan: plan ?? null };
    print(JSON.stringify(document, undefined, 2));
    return problems === 0 ? 0 : 1;
  }
  const marks = {
    ok: colors.green("ok:"),
    warning: colors.yellow("warning:"),
    problem: colors.red("error:"),
  };
  // Worst last: that is what stays in sight.
  for (const wanted of ["ok", "warning", "problem"] as const) {
    for (const { says } of shown.filter(({ level }) => level === wanted)) {
      print(`${marks[wanted]} ${says}`);
    }
  }
  const asked = offline ? " Nothing was asked of Cloudflare." : "";
  print(
    problems === 0
      ? `${plural(warnings, "warning")}, no problem.${asked}`
      : colors.bold(`${plural(problems, "problem")}, ${plural(warnings, "warning")}.`),
  );
  return problems === 0 ? 0 : 1;
}
