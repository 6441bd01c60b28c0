import { Option, type Command } from "commander";
import { collectorNames } from "../../fleet/collector-names";
import { defaultRelay, relayNames } from "../../fleet/relay-names";
import { signalNames } from "../../fleet/signals";
import type { NewSites } from "../../operate/project/add-sites";
import { repeated } from "../option-values";
import {
  folderCommand,
  type ExitCode,
  type OnFolder,
  type OnProject,
  type OnStack,
  type Run,
} from "../stack-command";

interface AddOptions extends Omit<NewSites, "directory" | "names"> {
  readonly cwd: string;
  readonly json: boolean;
}

export function addAdd(program: Command, _onStack: OnStack, _onProject: OnProject, onFolder: OnFolder): void {
  folderCommand(program, "add", [
    "add tokyo",
    'add tokyo --collector alloy --relay --label region=apac --description "Tokyo, rack A"',
    "add berlin porto --signals metrics",
    "add lima --shard us",
  ])
    .description("add sites: write sites/<name>.yaml with every key that it may have and what each means")
    .argument("<name...>", "names of the new sites: a to z, 0 to 9 and inner hyphens")
    .option("--description <text>", "what and where it is, for people")
    .option("--collector <name>", `the collector that it runs: ${collectorNames.join(", ")}`)
    .addOption(
      new Option(
        "--relay [program]",
        `a proxy before the collector that keeps refused pushes from being lost; without a name ${defaultRelay}`,
      )
        .choices(relayNames)
        .preset(defaultRelay),
    )
    .addOption(
      new Option(
        "--signals <names>",
        `what it may push, of ${signalNames.join(", ")}; several with commas; default all`,
      ).argParser((value: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        ...value.split(",").map((name) => name.trim()),
      ]),
    )
    .option(
      "--label <key=value>",
      "a label that its collector adds to every sample and log line; may be repeated",
      repeated,
      [],
    )
    .option("--shard <name>", "the shard that it is in, in a project of several stacks")
    .option("--proxy <url>", "the HTTP proxy through which it pushes, such as http://proxy.example.net:3128")
    .option("--duration <duration>", "how long its token is valid, such as 8760h, or forever")
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
What is not given stands in the file as a comment. Nothing is asked of Pulumi or Cloudflare, and nothing is written when
something is wrong. Where the project's stacks are several shards, \`npx sitepass check --place NAME\` says which has most room.`,
    )
    .action((names: string[], given: AddOptions) => onFolder(given, (run) => add(names, given, run)));
}

async function add(
  names: readonly string[],
  { cwd, json, ...given }: AddOptions,
  { terminal }: Pick<Run, "terminal">,
): Promise<ExitCode> {
  const { addSites } = await import("../../operate/project/add-sites.js");
  const { shardText } = await import("../../fleet/names.js");
  const { problemText } = await import("../../fleet/problem.js");
  const { printNext } = await import("../terminal.js");
  const added = await addSites({ ...given, directory: cwd, names });
  const { stacks, amongSeveral } = added;
  // Which one is meant where several are the same shard, or none is, is for the person to say.
  const flags = amongSeveral ? stacks.map((stack) => ` --stack ${stack}`) : [""];
  const flag = stacks.length > 1 ? " --stack NAME" : "";
  const all = names.join(" ");
  const collector = given.collector === undefined ? " --collector NAME" : "";
  const next: readonly (readonly [string, string])[] = [
    ...flags.map(
      (one) => [`pulumi up${one}`, names.length === 1 ? "makes its token" : "makes their tokens"] as const,
    ),
    [
      `npx sitepass render ${all}${collector}${flag}`,
      "writes what the collector runs from, credentials included",
    ],
    [`npx sitepass verify ${all}${flag}`, "proves that pushes get through"],
  ];
  if (json) {
    const { sites, shard, warnings } = added;
    terminal.print(
      JSON.stringify(
        {
          ok: true,
          sites,
          shard: shard === "" ? null : shard,
          stacks,
          warnings: warnings.map(problemText),
          next: next.map(([command]) => command),
        },
        undefined,
        2,
      ),
    );
  } else {
    for (const { file } of added.sites) {
      terminal.print(`${file}: written${added.amongSeveral ? `, in ${shardText(added.shard)}` : ""}.`);
    }
  }
  for (const warning of added.warnings) {
    terminal.warn(warning);
  }
  if (!json) {
    printNext(terminal, next);
  }
  return 0;
}
