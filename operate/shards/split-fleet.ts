import { throwIfAny, type Problem } from "../../fleet/problem";
import { waysOutOfTheLimit } from "../../fleet/sites";
import { plural } from "../../fleet/wording";
import { preparePlaceEdits, writeEdits } from "../site-file/site-file-edits";
import { readProjectRoom, wholeShards, type ProjectRoom } from "./account-room";
import { brakeWarnings, planSplit, type SplitMove, type SplitPlan } from "./plan-split";
import type { ProjectFleet } from "./project-fleet";

export interface Split extends ProjectRoom {
  readonly plan: SplitPlan;
  /** Files that were written, as people name them. */
  readonly written: readonly string[];
}

/**
 * Plans which sites go to which shard so that every account keeps a reserve, and with `write` writes it into their files. Changes
 * nothing in Cloudflare. An account that cannot be read takes no part.
 *
 * @throws UserError when a file cannot be changed; nothing is written then.
 */
export async function splitFleet(
  project: ProjectFleet,
  {
    reserve,
    write,
    abort,
  }: { readonly reserve: number; readonly write: boolean; readonly abort: AbortSignal },
): Promise<Split> {
  const room = await readProjectRoom(project);
  const plan = planSplit(wholeShards(project, room), reserve);
  const short = plan.short.map(({ accountId, missing }) => shortProblem(room, accountId, missing, reserve));
  const { written, problems } = write
    ? await writeMoves(project, plan.moves, abort)
    : { written: [], problems: [] };
  return {
    ...room,
    plan,
    written,
    problems: [...room.problems, ...short, ...problems],
    warnings: [...room.warnings, ...brakeWarnings(room.stacks, plan.moves)],
  };
}

function shortProblem({ stacks }: ProjectRoom, accountId: string, missing: number, reserve: number): Problem {
  const its = stacks.filter((stack) => stack.accountId === accountId).map(({ stackName }) => stackName);
  return {
    subject: `account ${accountId} (${its.join(", ")})`,
    says: `has ${plural(missing, "token")} too few for a reserve of ${reserve}, and no site there can go to another shard: none has room above its reserve, and an endpoint for what the site pushes`,
    todo: `Take a smaller --reserve, or: ${waysOutOfTheLimit}`,
  };
}

async function writeMoves(project: ProjectFleet, moves: readonly SplitMove[], abort: AbortSignal) {
  const { edits, problems } = await preparePlaceEdits(
    project.directory,
    moves.map(({ site, from, to, kind }) => {
      // A file that says something else by now is left alone.
      const now = { shard: from === "" ? undefined : from, movingTo: undefined };
      const placed = { shard: to, movingTo: undefined };
      return { file: site.file, from: now, to: kind === "place" ? placed : { ...now, movingTo: to } };
    }),
  );
  throwIfAny(problems);
  return writeEdits(edits, abort);
}

/** What the file of a moved site is to say, for people. */
export const placeText = ({ kind, to }: SplitMove): string =>
  kind === "place" ? `shard: ${to}` : `movingTo: ${to}`;
