import { join } from "node:path";
import { Option, type Command } from "commander";
import type { CentralOptions } from "../../central/render-central";
import type { OpenStack } from "../../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "../stack-command";
import { addKeys } from "./keys";
import { addMap } from "./map";
import { givenOptions, outOption } from "./central-options";

export function addCentral(program: Command, onStack: OnStack): void {
  const central = stackCommand(program, "central", [
    "central",
    "central --as systemd --out /srv/sitepass/central",
    "central --only gate",
    "central map --out /srv/sitepass/central",
  ])
    .description(
      "write the folder that the central host runs from: the gate that tells who pushed, stores, alarms, dashboards",
    )
    .addOption(outOption())
    .addOption(
      new Option("--as <packaging>", "how the programs are run")
        .choices(["compose", "systemd"])
        .default("compose"),
    )
    .addOption(
      new Option("--only <part>", "the gate alone, to be put before stores that are there already").choices([
        "gate",
      ]),
    )
    .option(
      "--checkout <dir>",
      "where the project lies on the central host: its timers run from there (default: the project's folder)",
    )
    .option("--json", "print one JSON document", false)
    .action(async (options: CentralCommand, command: Command) => {
      const given = givenOptions(options, command);
      const checkout = given.checkout ?? given.cwd;
      await onStack(given, (stack, run) => renderFolder(stack, { ...given, checkout }, run));
    });
  // Those of the subcommands have the same names.
  central.enablePositionalOptions();
  addMap(central, onStack);
  addKeys(central, onStack);
}

interface CentralCommand extends StackOptions, Omit<CentralOptions, "checkout"> {
  readonly checkout?: string;
}

async function renderFolder(
  stack: OpenStack,
  options: CentralOptions & Pick<StackOptions, "json">,
  { terminal }: Run,
): Promise<ExitCode> {
  const { renderCentral } = await import("../../central/render-central.js");
  const { central, warnings } = await renderCentral(stack, options);
  if (options.json === true) {
    terminal.print(JSON.stringify(central, undefined, 2));
  } else {
    const count = (paths: readonly string[], name: string): string =>
      `${paths.filter((path) => path.startsWith(`${name}/`)).length}`;
    const { programs, written, unchanged, removed } = central;
    const row = (title: string, name: string): string[] => [
      title,
      join(central.path, name),
      count(written, name),
      count(unchanged, name),
      count(removed, name),
    ];
    const folders = new Set(
      [...written, ...unchanged, ...removed]
        .map((path) => path.split("/"))
        .flatMap(([first, rest]) => (rest === undefined ? [] : [first ?? ""])),
    );
    const others = [...folders].filter((name) => !programs.some((program) => program.name === name)).sort();
    const beside = (paths: readonly string[]): string =>
      `${paths.filter((path) => !path.includes("/")).length}`;
    terminal.print(
      terminal.table(
        ["for", "in", "written", "unchanged", "removed"],
        [
          ...programs.filter(({ name }) => folders.has(name)).map(({ name, title }) => row(title, name)),
          ...others.map((name) => row(name === "credentials" ? "secrets" : name, name)),
          ["all of them", central.path, beside(written), beside(unchanged), beside(removed)],
        ],
      ),
    );
    terminal.print(
      central.next.length === 0
        ? "Nothing changed that has to be told to a program that runs."
        : `Next, on the central host:\n${central.next.map((step) => `  ${step}`).join("\n")}`,
    );
  }
  for (const warning of warnings) {
    terminal.warn(warning);
  }
  return 0;
}
