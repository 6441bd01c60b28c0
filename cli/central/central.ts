import { Option, type Command } from "commander";
import type { CentralOptions } from "../../central/render-central";
import type { OpenStack } from "../../stack/open-stack";
import { stackCommand, type ExitCode, type OnStack, type Run, type StackOptions } from "../stack-command";
import { addKeys } from "./keys";
import { addMap } from "./map";
import { givenOptions, onStacksTogether, outOption } from "./central-options";

export function addCentral(program: Command, onStack: OnStack): void {
  const central = stackCommand(
    program,
    "central",
    [
      "central",
      "central --as systemd --out /srv/sitepass/central",
      "central --only gate",
      "central --stack eu --stack us",
      "central map --out /srv/sitepass/central",
    ],
    "several",
  )
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
      await onStacksTogether(onStack, given, (stacks, run) =>
        renderFolder(stacks, { ...given, checkout }, run),
      );
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
  stacks: readonly [OpenStack, ...OpenStack[]],
  options: CentralOptions & Pick<StackOptions, "json">,
  { terminal }: Run,
): Promise<ExitCode> {
  const { renderCentral } = await import("../../central/render-central.js");
  const { central, warnings } = await renderCentral(stacks, options);
  if (options.json === true) {
    terminal.print(JSON.stringify(central, undefined, 2));
  } else {
    const { printCentral } = await import("./central-report.js");
    printCentral(central, terminal);
  }
  for (const warning of warnings) {
    terminal.warn(warning);
  }
  return 0;
}
