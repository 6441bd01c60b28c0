import { join } from "node:path";
import type { Command } from "commander";
import { orThrow } from "../../fleet/problem";
import { plural } from "../../fleet/wording";
import type { OpenStack } from "../../stack/open-stack";
import { joinedName } from "../../central/several-stacks";
import { stackCommand, type ExitCode, type OnStack, type Run } from "../stack-command";
import {
  givenOptions,
  onStacksTogether,
  outOption,
  runOption,
  whileNoGateRuns,
  type GateOptions,
} from "./central-options";

export function addMap(central: Command, onStack: OnStack): void {
  stackCommand(
    central,
    "map",
    ["central map", "central map --out /etc/sitepass/central --run /run/sitepass"],
    "several",
  )
    .description("tell the gate which client ID is which site, without a reload")
    .addOption(outOption())
    .addOption(runOption())
    .option("--json", "print one JSON document", false)
    .action(async (options: GateOptions, command: Command) => {
      const given = givenOptions(options, command);
      await onStacksTogether(onStack, given, (stacks, run) => writeMap(stacks, given, run));
    });
}

async function writeMap(
  stacks: readonly [OpenStack, ...OpenStack[]],
  { out, run = join(out, "run"), json }: GateOptions,
  { terminal }: Run,
): Promise<ExitCode> {
  const { readCentralHosts } = await import("../../central/read-central-host.js");
  const { updateSiteMap } = await import("../../central/gate/site-map.js");
  const { throwUnlessRendered } = await import("../../central/gate/rendered-gate.js");
  throwUnlessRendered(out, joinedName(stacks.map(({ stackName }) => stackName)));
  const { sites } = await readCentralHosts(stacks, new Set());
  const updated = orThrow(await updateSiteMap(out, run, sites));
  const gate = {
    updated: "the running gate has taken it in",
    unchanged: "the running gate had it already",
    "not running": whileNoGateRuns(out, run, "map"),
  }[updated.gate];
  terminal.print(
    json === true
      ? JSON.stringify(updated, undefined, 2)
      : `${join(out, "gate/sites.map")}: ${plural(updated.sites, "site")}, ${updated.changed ? "written" : "unchanged"}; ${gate}.`,
  );
  return 0;
}
