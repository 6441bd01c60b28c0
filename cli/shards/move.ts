import { InvalidArgumentError, type Command } from "commander";
import { shardProblem } from "../../fleet/names";
import type { MovedSite, MoveStep } from "../../operate/shards/move-sites";
import type { ProjectFleet } from "../../operate/shards/project-fleet";
import {
  projectCommand,
  type ExitCode,
  type OnProject,
  type OnStack,
  type ProjectOptions,
  type Run,
} from "../stack-command";

interface MoveOptions extends ProjectOptions {
  readonly to?: string;
  readonly finish: boolean;
  readonly undo: boolean;
  readonly unseen: boolean;
  readonly json: boolean;
}

export function addMove(program: Command, _onStack: OnStack, onProject: OnProject): void {
  projectCommand(program, "move", ["move tokyo --to us", "move tokyo --finish", "move tokyo --undo"])
    .description("move sites to another shard without a gap: both have a token for them meanwhile")
    .argument("<site...>", "names of files in sites/, without extension")
    .option("--to <shard>", "begin: the shard that they are moving to", shard)
    .option("--finish", "end: they stay in the shard that they were moving to", false)
    .option("--undo", "end: they stay in the shard that they came from", false)
    .option(
      "--unseen",
      "with --finish or --undo: do not ask Cloudflare whether the token that stays is the one in use",
      false,
    )
    .option("--json", "print one JSON document", false)
    .addHelpText(
      "after",
      `
Writes site files alone, and says what is next. --finish and --undo are refused until the token that stays was used,
and as long as the one that goes was used after it or in the last ten minutes. More in docs/scale.md.`,
    )
    .action(async (sites: string[], options: MoveOptions, command: Command) => {
      const step = stepOf(options);
      if (typeof step === "string") {
        command.error(`error: ${step}`);
      }
      await onProject(options, (project, run) => move(project, sites, step, options, run));
    });
}

/** Reads the name of a shard from the command line. */
function shard(text: string): string {
  if (shardProblem(text) !== undefined) {
    throw new InvalidArgumentError("Give a shard's name, such as eu.");
  }
  return text;
}

/** The step that the options say, or what is wrong with them. */
function stepOf({ to, finish, undo, unseen }: MoveOptions): MoveStep | string {
  const steps: readonly MoveStep[] = [
    ...(to === undefined ? [] : [{ kind: "start", to } as const]),
    ...(finish ? [{ kind: "finish" } as const] : []),
    ...(undo ? [{ kind: "undo" } as const] : []),
  ];
  const [step] = steps;
  if (step === undefined || steps.length > 1) {
    return `${step === undefined ? "none" : "more than one"} of --to, --finish and --undo is given. Give one of them.`;
  }
  return unseen && step.kind === "start" ? "--unseen comes only with --finish or --undo." : step;
}

async function move(
  project: ProjectFleet,
  names: readonly string[],
  step: MoveStep,
  { unseen, json }: MoveOptions,
  { terminal, abort }: Pick<Run, "terminal" | "abort">,
): Promise<ExitCode> {
  const { problemText } = await import("../../fleet/problem.js");
  const { shardText } = await import("../../fleet/names.js");
  const { moveSites } = await import("../../operate/shards/move-sites.js");
  const { printEdit } = await import("../rotation-report.js");
  const { printNext } = await import("../terminal.js");
  const { moved, problems } = await moveSites(project, names, step, { unseen, now: new Date(), abort });
  const next = nextSteps(project, moved, step);
  if (json) {
    const document = {
      ok: problems.length === 0,
      step: step.kind,
      moved,
      next: next.map(([command]) => command),
      problems: problems.map(problemText),
    };
    terminal.print(JSON.stringify(document, undefined, 2));
  } else {
    for (const { file, from, to, lines } of moved) {
      if (lines.length > 0) {
        printEdit(terminal, file, lines);
      } else {
        terminal.print(`${file} says already that it is moving from ${shardText(from)} to ${shardText(to)}.`);
      }
    }
    printNext(terminal, next);
  }
  terminal.sayProblems(problems);
  return problems.length > 0 ? 1 : 0;
}

type Step = readonly [command: string, says: string];

function nextSteps(project: ProjectFleet, moved: readonly MovedSite[], { kind }: MoveStep): readonly Step[] {
  const flags = (shards: readonly string[]): readonly string[] =>
    project.stacks.filter((stack) => shards.includes(stack.shard)).map(({ stackFlag }) => stackFlag);
  const names = moved.map(({ name }) => name).join(" ");
  const [from, to] = [moved.map((site) => site.from), moved.map((site) => site.to)];
  switch (kind) {
    case "start":
      return moved.length === 0
        ? []
        : [
            ...flags(to).map((flag): Step => [
              `pulumi up${flag}`,
              "makes a token there as well; the one in use stays",
            ]),
            ...flags(to).map((flag): Step => [
              `npx sitepass render ${names}${flag}`,
              "and put the files in place at the site",
            ]),
            ...flags(to).map((flag): Step => [
              `npx sitepass verify ${names}${flag}`,
              "proves that it is let in there",
            ]),
            [`npx sitepass move ${names} --finish`, "when it pushes with them"],
          ];
    case "finish":
      return flags(from).map((flag): Step => [`pulumi up${flag}`, "takes the former token away"]);
    case "undo":
      return flags(to).map((flag): Step => [`pulumi up${flag}`, "takes the token away that was made there"]);
  }
}
