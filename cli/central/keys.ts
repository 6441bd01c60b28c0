import { join } from "node:path";
import { Option, type Command } from "commander";
import { orThrow } from "../../fleet/problem";
import { plural } from "../../fleet/wording";
import type { OpenStack } from "../../stack/open-stack";
import { joinedName, teamsOf } from "../../central/several-stacks";
import { stackCommand, type ExitCode, type OnStack, type Run } from "../stack-command";
import {
  givenOptions,
  onStacksTogether,
  outOption,
  runOption,
  whileNoGateRuns,
  type GateOptions,
} from "./central-options";

interface KeysOptions extends GateOptions {
  readonly textfiles?: string;
}

export function addKeys(central: Command, onStack: OnStack): void {
  stackCommand(
    central,
    "keys",
    [
      "central keys",
      "central keys --out /etc/sitepass/central --run /run/sitepass --textfiles /var/lib/sitepass/textfiles",
    ],
    "several",
  )
    .description(
      "fetch the keys that Cloudflare Access signs with, and give them to the gate where they changed",
    )
    .addOption(outOption())
    .addOption(runOption())
    .addOption(
      new Option(
        "--textfiles <dir>",
        "where node_exporter looks for .prom files (default: textfiles in the folder of --out)",
      ),
    )
    .option("--json", "print one JSON document", false)
    .action(async (options: KeysOptions, command: Command) => {
      const given = givenOptions(options, command);
      await onStacksTogether(onStack, given, (stacks, run) => fetchKeys(stacks, given, run));
    });
}

async function fetchKeys(
  stacks: readonly [OpenStack, ...OpenStack[]],
  { out, run = join(out, "run"), textfiles = join(out, "textfiles"), json }: KeysOptions,
  { terminal }: Run,
): Promise<ExitCode> {
  const { readCentralHosts } = await import("../../central/read-central-host.js");
  const { refreshAccessKeys } = await import("../../central/gate/access-keys.js");
  const { throwUnlessRendered } = await import("../../central/gate/rendered-gate.js");
  throwUnlessRendered(out, joinedName(stacks.map(({ stackName }) => stackName)));
  const central = await readCentralHosts(stacks, new Set());
  const team = teamsOf(central) ?? central.teamName;
  const refreshed = orThrow(await refreshAccessKeys(out, run, team, { textfiles }));
  const gate = {
    reloaded: "the running gate has taken them in",
    unchanged: "the gate needs no reload",
    "not running": whileNoGateRuns(out, run, "keys"),
  }[refreshed.gate];
  terminal.print(
    json === true
      ? JSON.stringify(refreshed, undefined, 2)
      : `${join(out, "gate/keys")}: ${plural(refreshed.keys, "key")} of ${[team].flat().join(", ")}, ${refreshed.changed ? "written" : "unchanged"}; ${gate}.`,
  );
  return 0;
}
