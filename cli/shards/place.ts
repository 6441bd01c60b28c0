import type { Placement } from "../../operate/shards/place-site";
import type { ProjectFleet } from "../../operate/shards/project-fleet";
import type { ExitCode, Run } from "../stack-command";
import { roomDocument, roomTable } from "./room-report";
import { printNext } from "../terminal";

/** `check --place`: how much room each stack's account has, and where a new site would go. */
export async function place(
  project: ProjectFleet,
  name: string,
  json: boolean,
  { terminal }: Pick<Run, "terminal">,
): Promise<ExitCode> {
  const { problemText } = await import("../../fleet/problem.js");
  const { placeSite } = await import("../../operate/shards/place-site.js");
  const placement = await placeSite(project, name);
  const { problems, warnings, shard } = placement;
  const ok = problems.length === 0;
  if (json) {
    const document = {
      ok,
      site: name,
      shard: shard ?? null,
      stacks: placement.stacks.map(roomDocument),
      warnings: warnings.map(problemText),
      problems: problems.map(problemText),
    };
    terminal.print(JSON.stringify(document, undefined, 2));
  } else {
    await showPlacement(terminal, project, name, placement);
  }
  for (const warning of warnings) {
    terminal.warn(warning);
  }
  terminal.sayProblems(problems);
  return ok ? 0 : 1;
}

async function showPlacement(
  terminal: Run["terminal"],
  project: ProjectFleet,
  name: string,
  { stacks, shard }: Placement,
): Promise<void> {
  const { shardText } = await import("../../fleet/names.js");
  if (stacks.length > 0) {
    terminal.print(roomTable(terminal, stacks));
  }
  if (shard === undefined) {
    return;
  }
  const file = `sites/${name}.yaml`;
  const how = shard === "" ? `leave shard out of ${file}` : `write \`shard: ${shard}\` into ${file}`;
  terminal.print(`\nMost room has ${shardText(shard)}: ${how}. Nothing was written.`);
  printNext(
    terminal,
    project.stacks
      .filter((stack) => stack.shard === shard)
      .map(({ stackFlag }) => [`pulumi up${stackFlag}`, "makes its token"]),
  );
}
