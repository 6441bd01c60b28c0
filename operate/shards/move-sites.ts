import { answered } from "../../cloudflare/client";
import { listTokens, readTokens, type AccountToken } from "../../cloudflare/service-tokens";
import { roughDuration } from "../../fleet/duration";
import { shardText } from "../../fleet/names";
import {
  attempt,
  orThrow,
  problemsOf,
  success,
  throwIfAny,
  type Problem,
  type Result,
} from "../../fleet/problem";
import type { NamedSiteFile } from "../../fleet/site-files";
import { heldTokensIn } from "../../provision/preflight";
import type { OpenStack } from "../../stack/open-stack";
import type { PlaceInFile } from "../site-file/edit-place";
import type { LineChange } from "../site-file/edit-token";
import { preparePlaceEdits, writeEdits } from "../site-file/site-file-edits";
import {
  namedSiteFiles,
  shardInFileProblem,
  shardOptionProblem,
  stacksOfShard,
  type ProjectFleet,
  type StackOfProject,
} from "./project-fleet";

/** A step of moving sites from one shard to another. */
export type MoveStep =
  /** Declares them in a second shard as well. */
  | { readonly kind: "start"; readonly to: string }
  /** Leaves them in the shard that they are moving to. */
  | { readonly kind: "finish" }
  /** Leaves them in the shard that they come from. */
  | { readonly kind: "undo" };

export interface MovedSite {
  readonly name: string;
  readonly file: string;
  /** The shard that it is in, before this. */
  readonly from: string;
  /** The one that it is moving to. */
  readonly to: string;
  /** How the file changes; none when it says it already. */
  readonly lines: readonly LineChange[];
}

export interface MoveReport {
  readonly moved: readonly MovedSite[];
  /** Why files could not be put in place after all. */
  readonly problems: readonly Problem[];
}

/**
 * Carries out one step for each of the sites, in their files alone. Nothing is written unless it can be for all of them.
 *
 * The end of a move takes a service token away with the next `up`. It is refused while the site's collector may still push with
 * that token, by when Cloudflare last saw the tokens of both shards.
 *
 * @param unseen ends a move without asking when the tokens were last seen.
 * @throws UserError when a site cannot be moved so.
 */
export async function moveSites(
  project: ProjectFleet,
  names: readonly string[],
  step: MoveStep,
  { unseen, now, abort }: { readonly unseen: boolean; readonly now: Date; readonly abort: AbortSignal },
): Promise<MoveReport> {
  const files = namedSiteFiles(project, names);
  const start = step.kind === "start" ? step.to : undefined;
  throwIfAny(
    start === undefined || stacksOfShard(project, start).length > 0
      ? []
      : [shardOptionProblem(project, "--to", start)],
  );
  throwIfAny(files.flatMap((file) => stepProblem(file, start) ?? []));
  const planned = files.map((file) => plan(file, step));
  if (start === undefined && !unseen) {
    throwIfAny(await useProblems(project, planned, step.kind === "finish", now));
  }
  const { edits, problems: uneditable } = await preparePlaceEdits(
    project.directory,
    planned.map(({ file, now, next }) => ({ file, from: now, to: next })),
  );
  throwIfAny(uneditable);
  const { written, problems } = await writeEdits(edits, abort);
  return {
    problems,
    moved: planned
      .map(({ name, file, from, to }, index) => ({ name, file, from, to, lines: edits[index]?.lines ?? [] }))
      .filter(({ file, lines }) => lines.length === 0 || written.includes(file)),
  };
}

/** Why a step cannot be taken by what the file says. */
function stepProblem({ file, values }: NamedSiteFile, start: string | undefined): Problem | undefined {
  const { shard = "", movingTo } = values;
  if (start === undefined) {
    return movingTo === undefined
      ? {
          subject: file,
          says: `has no movingTo: it is in ${shardText(shard)} alone`,
          todo: "Begin a move with --to SHARD",
        }
      : undefined;
  }
  if (shard === start) {
    return {
      subject: file,
      says: `is in ${shardText(start)} already${movingTo === undefined ? "" : `, and moving to ${shardText(movingTo)}`}`,
      todo: movingTo === undefined ? "Name another shard" : "To leave it there, take --undo",
    };
  }
  return movingTo === undefined || movingTo === start
    ? undefined
    : {
        subject: file,
        says: `is moving to ${shardText(movingTo)} already`,
        todo: "End that move with --finish or --undo first",
      };
}

interface PlannedMove extends Omit<MovedSite, "lines"> {
  readonly enabled: boolean;
  readonly now: PlaceInFile;
  readonly next: PlaceInFile;
}

function plan({ name, file, values }: NamedSiteFile, step: MoveStep): PlannedMove {
  const { shard, movingTo, token } = values;
  const next = {
    start: { shard, movingTo: step.kind === "start" ? step.to : undefined },
    finish: { shard: movingTo, movingTo: undefined },
    undo: { shard, movingTo: undefined },
  }[step.kind];
  const to = step.kind === "start" ? step.to : (movingTo ?? "");
  return { name, file, from: shard ?? "", to, enabled: token.enabled, now: { shard, movingTo }, next };
}

/** The service tokens of a stack's account, and which of them the stack holds for which site. */
interface StackTokens {
  readonly stack: StackOfProject;
  readonly tokenOf: (site: string) => AccountToken | undefined;
}

async function useProblems(
  project: ProjectFleet,
  planned: readonly PlannedMove[],
  finish: boolean,
  now: Date,
): Promise<readonly Problem[]> {
  const shards = [...new Set(planned.flatMap(({ from, to }) => [from, to]))];
  const read = new Map<string, Result<readonly StackTokens[]>>();
  for (const shard of shards) {
    read.set(shard, await attempt(() => readShard(project, shard)));
  }
  const unread = [
    ...planned.flatMap(({ file, from, to }) =>
      (
        [
          ["shard", from],
          ["movingTo", to],
        ] as const
      )
        .filter(([, shard]) => stacksOfShard(project, shard).length === 0)
        .map(([key, shard]) => shardInFileProblem(project.stacks, file, key, shard)),
    ),
    ...[...read.values()].flatMap(problemsOf),
  ];
  if (unread.length > 0) {
    return unread.map((problem) => ({
      ...problem,
      todo: `${problem.todo}. To end the move without knowing whether its tokens are used, take --unseen`,
    }));
  }
  const tokensOf = (shard: string): readonly StackTokens[] => orThrow(read.get(shard) ?? success([]));
  return planned.flatMap((move) => {
    const [staying, leaving] = finish ? [move.to, move.from] : [move.from, move.to];
    return tokensOf(staying).flatMap(
      (one) => endProblem(move, one, tokensOf(leaving), { staying, leaving, finish, now }) ?? [],
    );
  });
}

/** @throws UserError when a stack of the shard, or its account, cannot be read. */
async function readShard(project: ProjectFleet, shard: string): Promise<readonly StackTokens[]> {
  return Promise.all(
    stacksOfShard(project, shard).map(async (stack) => {
      const opened = orThrow(await stack.open());
      return { stack, tokenOf: await readStackTokens(opened) };
    }),
  );
}

/** By the state alone: a token of the same name may be left over from an interrupted run. */
async function readStackTokens(stack: OpenStack): Promise<StackTokens["tokenOf"]> {
  const { accountId } = stack.config;
  const held = heldTokensIn(await stack.resources());
  if (held.size === 0) {
    return () => undefined;
  }
  const listed = await listTokens(await stack.cloudflareApi(), accountId);
  const tokens = answered(listed, `list the service tokens of account ${accountId}`, readTokens);
  return (site) => tokens.find(({ id }) => held.get(id) === site);
}

interface EndOfMove {
  readonly staying: string;
  readonly leaving: string;
  readonly finish: boolean;
  readonly now: Date;
}

/** What Cloudflare does not say is as good as never, since what is lost then is lost in silence. */
const seenAt = (token: AccountToken | undefined): number => Date.parse(token?.lastSeenAt ?? "") || 0;

/** Why a site would be left with a token that its collector does not use. */
function endProblem(
  { name, file: subject, enabled }: PlannedMove,
  { stack, tokenOf }: StackTokens,
  others: readonly StackTokens[],
  { staying, leaving, finish, now }: EndOfMove,
): Problem | undefined {
  const token = tokenOf(name);
  const former = others
    .map((one) => one.tokenOf(name))
    .sort((a, b) => seenAt(b) - seenAt(a))
    .at(0);
  if (!finish && seenAt(former) === 0) {
    // What nobody used cannot be missed.
    return undefined;
  }
  if (token === undefined) {
    return {
      subject,
      says: `has no service token in ${shardText(staying)} yet, and would be left without one`,
      todo: `Run \`pulumi up${stack.stackFlag}\`${finish ? ", and put what `npx sitepass render` writes in place at the site" : ""}`,
    };
  }
  if (!enabled) {
    // It is let in with neither.
    return undefined;
  }
  const inPlace = `Put what \`npx sitepass render ${name}${stack.stackFlag}\` writes in place at the site and wait until it pushes, or take --unseen to end the move all the same`;
  const seen = seenAt(token);
  if (seen === 0 || seen < (Date.parse(token.createdAt ?? "") || 0)) {
    return {
      subject,
      says: `its token in ${shardText(staying)} has not been used since it was made: its collector still has the credentials of ${shardText(leaving)}, which the next up there takes away`,
      todo: inPlace,
    };
  }
  const used = `its token in ${shardText(leaving)} was used at ${former?.lastSeenAt ?? ""}`;
  if (seenAt(former) > seen) {
    return {
      subject,
      says: `${used}, after the one in ${shardText(staying)} (${token.lastSeenAt ?? ""}): something still pushes with what the next up there takes away`,
      todo: inPlace,
    };
  }
  return seenAt(former) > now.getTime() - quiet
    ? {
        subject,
        says: `${used}, less than ${roughDuration(quiet)} ago: something may still push with what the next up there takes away`,
        todo: "Wait until it was not used for that long, or take --unseen to end the move all the same",
      }
    : undefined;
}

/** `verify` uses the token that stays, too: only a pause of the other one shows that the collector has left it. */
const quiet = 10 * 60_000;
