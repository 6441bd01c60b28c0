import { chooseSites } from "../operate/rotate/choose-sites";
import { planRotation, type PlannedRotation } from "../operate/rotate/plan-rotation";
import type { WaveSize } from "../operate/rotate/plan-wave";
import { readRotationNote, writeRotationNote } from "../stack/rotation-notes";
import { nameList } from "../operate/name-list";
import type { OpenStack } from "../stack/open-stack";
import { prepareEdits } from "../operate/site-file/prepare-edits";
import { writeEdits } from "../operate/site-file/write-edits";
import type { RevealedOutputs } from "../stack/stack-outputs";
import { plural } from "../fleet/wording";
import type { Site } from "../fleet/sites";
import { UserError } from "../fleet/problem";
import type { ExitCode } from "./stack-command";
import { reportRotation } from "./rotation-report";
import { sayProblems, warn } from "./warn";

export interface RotateOptions {
  /** Names; empty with `all`. */
  readonly sites: readonly string[];
  readonly all: boolean;
  readonly waves?: WaveSize;
  /** Milliseconds. */
  readonly olderThan?: number;
  /** Milliseconds; does not count with `now`. */
  readonly grace: number;
  readonly now: boolean;
  readonly force: boolean;
  readonly offline: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * Writes a rotation into site files. Nothing is written unless every chosen site can be rotated; then first what
 * `--confirm` compares with, then the files, each in one step.
 */
export async function rotate(
  stack: OpenStack,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const now = new Date();
  const outputs = options.offline ? undefined : await readOutputs(stack);
  const chosen = await chooseSites(stack, outputs, {
    sites: options.sites,
    waves: options.waves,
    olderThan: options.olderThan,
    force: options.force,
    now,
  });
  const planned = await planAll(stack, chosen.sites, { outputs, options, now });
  const { edits, problems } = await prepareEdits(stack.directory, planned);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  warnOf(planned, options);
  const report = { chosen, edits, now, dryRun: options.dryRun, all: options.all, json: options.json };
  if (options.dryRun) {
    reportRotation({ ...report, rotated: planned });
    return 0;
  }
  if (!options.offline && !signal.aborted) {
    await noteAll(stack, planned, now);
  }
  const { written, problems: notWritten } = await writeEdits(edits, { signal });
  if (signal.aborted) {
    console.error(`Stopped: ${written.length} of ${plural(edits.length, "file")} were written.`);
    return 130;
  }
  sayProblems(notWritten);
  reportRotation({ ...report, rotated: planned.filter(({ site }) => written.includes(site.file)) });
  return notWritten.length > 0 ? 1 : 0;
}

async function readOutputs(stack: OpenStack): Promise<RevealedOutputs> {
  try {
    return await stack.outputs();
  } catch (error) {
    throw error instanceof UserError
      ? new UserError([
          ...error.problems,
          "--offline: would write the files without looking at the stack; --confirm then has to be told the fingerprint before.",
        ])
      : error;
  }
}

interface Knowledge {
  readonly outputs: RevealedOutputs | undefined;
  readonly options: RotateOptions;
  readonly now: Date;
}

async function planAll(
  stack: OpenStack,
  sites: readonly Site[],
  { outputs, options, now }: Knowledge,
): Promise<readonly PlannedRotation[]> {
  const planned = await Promise.all(
    sites.map(async (site) =>
      planRotation(
        site,
        {
          credentials: outputs === undefined ? "not asked" : outputs.sites[site.name],
          record: await readRotationNote(stack, site.name),
        },
        { grace: options.now ? "none" : options.grace, force: options.force, now },
      ),
    ),
  );
  const refusals = planned.filter((one) => typeof one === "string");
  if (refusals.length > 0) {
    throw new UserError(refusals);
  }
  return planned.filter((one) => typeof one !== "string");
}

/** Before the files are written: a note without its rotation is passed over, a rotation without its note cannot be confirmed. */
async function noteAll(stack: OpenStack, planned: readonly PlannedRotation[], now: Date): Promise<void> {
  for (const { site, toVersion, formerFingerprint } of planned) {
    await writeRotationNote(stack, site.name, {
      version: toVersion,
      formerFingerprint: formerFingerprint ?? null,
      writtenAt: now.toISOString(),
    });
  }
}

/** What breaks, before it is done. */
function warnOf(planned: readonly PlannedRotation[], { now, force, waves }: RotateOptions): void {
  const names = (some: readonly PlannedRotation[]) => nameList(some.map(({ site }) => site.name));
  const cut = planned.filter(({ cutsShort }) => cutsShort !== undefined);
  if (cut.length > 0) {
    warn(
      `${names(cut)}: the window of the last rotation is open, and ends with the next up. Collectors that still send the secret from before it are refused from then on, and lose what they push.`,
    );
  }
  if (now && planned.length > 0) {
    warn(
      `${names(planned)}: the present secret dies with the next up, and pushes are refused until the new one is in place at the site. Collectors lose what is refused; behind the relay they keep it and try again. To cut off before the next up: \`sitepass revoke --immediately\`.`,
    );
  }
  if (force && waves !== undefined) {
    warn("--force: nothing was looked at of the waves before, and sites that lost their way in stay lost.");
  }
}
