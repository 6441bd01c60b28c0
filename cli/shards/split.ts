import type { Command } from "commander";
import type { Split } from "../../operate/shards/split-fleet";
import type { ProjectFleet } from "../../operate/shards/project-fleet";
import { wholeNumber } from "../option-values";
import {
  projectCommand,
  type ExitCode,
  type OnProject,
  type OnStack,
  type ProjectOptions,
  type Run,
} from "../stack-command";
import { roomDocument, roomTable } from "./room-report";

interface SplitOptions extends ProjectOptions {
  readonly reserve: number;
  readonly write: boolean;
  readonly json: boolean;
}

export function addSplit(program: Command, _onStack: OnStack, onProject: OnProject): void {
  projectCommand(program, "split", ["split", "split --reserve 10 --json", "split --write"])
    .description(
      "plan which sites go to which shard, so that every account keeps room for more service tokens",
    )
    .option("--reserve <number>", "how many more tokens each account is to have room for", wholeNumber(0), 5)
    .option("--write", "write the plan into the site files", false)
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Changes nothing in Cloudflare, and without --write no file either. It is the fewest sites that can be: each is work at a site.
A site that has a token gets movingTo, and is moved as with \`npx sitepass move\`; one that has none yet gets the other shard at once.
Exit code 1 when an account stays below the reserve or cannot be read; the others are planned all the same.`,
    )
    .action(async (options: SplitOptions) => {
      await onProject(options, (project, run) => split(project, options, run));
    });
}

async function split(
  project: ProjectFleet,
  { reserve, write, json }: SplitOptions,
  { terminal, abort }: Pick<Run, "terminal" | "abort">,
): Promise<ExitCode> {
  const { problemText } = await import("../../fleet/problem.js");
  const { splitFleet } = await import("../../operate/shards/split-fleet.js");
  const done = await splitFleet(project, { reserve, write, abort });
  const { stacks, plan, written, problems, warnings } = done;
  const ok = problems.length === 0;
  if (json) {
    const document = {
      ok,
      reserve,
      moves: plan.moves.map(({ site, from, to, kind }) => ({
        site: site.name,
        file: site.file,
        from,
        to,
        kind,
        written: written.includes(site.file),
      })),
      stacks: stacks.map((stack) => ({
        ...roomDocument(stack),
        roomAfter: plan.roomAfter.get(stack.accountId) ?? null,
      })),
      warnings: warnings.map(problemText),
      problems: problems.map(problemText),
    };
    terminal.print(JSON.stringify(document, undefined, 2));
  } else {
    await showSplit(terminal, project, done, { reserve, write });
  }
  for (const warning of warnings) {
    terminal.warn(warning);
  }
  terminal.sayProblems(problems);
  return ok ? 0 : 1;
}

async function showSplit(
  terminal: Run["terminal"],
  project: ProjectFleet,
  { stacks, plan, written }: Split,
  { reserve, write }: Pick<SplitOptions, "reserve" | "write">,
): Promise<void> {
  const { plural } = await import("../../fleet/wording.js");
  const { placeText } = await import("../../operate/shards/split-fleet.js");
  const { printNext } = await import("../terminal.js");
  if (stacks.length > 0) {
    terminal.print(roomTable(terminal, stacks, plan.roomAfter));
  }
  const { moves } = plan;
  if (moves.length === 0) {
    const whole = plan.short.length === 0 && stacks.length === project.stacks.length;
    terminal.print(
      whole
        ? `\nEvery account has room for ${reserve} more: no site has to move.`
        : "\nNo site can be moved.",
    );
    return;
  }
  terminal.print(
    `\n${terminal.table(
      ["site", "from", "to", "its file"],
      moves.map((move) => [move.site.name, move.from === "" ? "-" : move.from, move.to, placeText(move)]),
    )}`,
  );
  terminal.print(
    write
      ? `\n${plural(written.length, "file")} of ${moves.length} ${written.length === 1 ? "was" : "were"} written.`
      : `\n${plural(moves.length, "site")} would go to another shard. Nothing was written; --write does it.`,
  );
  const targets = new Set(moves.filter(({ site }) => written.includes(site.file)).map(({ to }) => to));
  const moving = moves.filter(({ site, kind }) => kind === "move" && written.includes(site.file));
  const ups = project.stacks.filter(({ shard }) => targets.has(shard));
  printNext(terminal, [
    ...ups.map(({ stackFlag }) => [`pulumi up${stackFlag}`, "makes the tokens there"] as const),
    ...ups.flatMap(({ shard, stackFlag }) => {
      const names = moving.filter(({ to }) => to === shard).map(({ site }) => site.name);
      return names.length === 0
        ? []
        : [
            [
              `npx sitepass render ${names.join(" ")}${stackFlag}`,
              "and put the files in place at the sites",
            ] as const,
          ];
    }),
    ...(moving.length === 0
      ? []
      : [["npx sitepass move SITE --finish", "for each, when it pushes with them"] as const]),
  ]);
}
