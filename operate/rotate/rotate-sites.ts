import { roughDuration } from "../../fleet/duration";
import { attempt, failure, problemsOf, success, throwIfAny, UserError } from "../../fleet/problem";
import type { Problem, Result } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { someOf } from "../../fleet/wording";
import { noTokenProblem } from "../../stack/match-token";
import type { OpenStack } from "../../stack/open-stack";
import {
  isRotationPending,
  noWindow,
  openWindow,
  presentFingerprint,
  readRotationNote,
  removeNotesOfOthers,
  windowEndAfter,
  writeRotationNote,
  type RotationNote,
} from "../../stack/rotation-notes";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import { secretVersionsIn } from "../../stack/stack-resources";
import type { LineChange } from "../site-file/edit-token";
import { prepareEdits, writeEdits } from "../site-file/site-file-edits";
import { chooseSites, pendingProblem, type ChosenSites, type SiteChoice } from "./waves";

/** What a person asked for. */
export interface RotateRequest extends Omit<SiteChoice, "now"> {
  /** How long the old secret goes on working, in milliseconds; does not count with `immediately`. */
  readonly grace: number;
  /** Ends the old secret with the next `up`. */
  readonly immediately: boolean;
  /** Does not ask the stack, and notes nothing. */
  readonly offline: boolean;
  /** Works out what would be written, and changes nothing. */
  readonly dryRun: boolean;
}

export interface RotateContext {
  readonly now: Date;
  /** When it aborts, no further file is written. */
  readonly abort: AbortSignal;
  /** Told before anything is written: what the rotation breaks. */
  readonly onWarning: (warning: Problem) => void;
}

/** A rotation in a site's file. */
export interface Rotation {
  readonly site: Site;
  readonly toVersion: number;
  /** When the old secret stops: RFC 3339. */
  readonly previousSecretExpiresAt: string;
  /** Of the secret that is replaced: null when the stack does not know it, undefined when the stack was not asked. */
  readonly formerFingerprint: string | null | undefined;
  /** How the file changes. */
  readonly lines: readonly LineChange[];
}

export interface RotateReport extends Pick<ChosenSites, "skipped" | "wave"> {
  /** What was written, or with `dryRun` would be. */
  readonly rotations: readonly Rotation[];
  /** How many were to be written. */
  readonly planned: number;
  /** Why the others could not be written. */
  readonly problems: readonly Problem[];
}

/**
 * Writes a rotation into site files, for `up` to carry out. Nothing is written unless every chosen site can be rotated.
 * First comes what `--confirm` compares with, then the files, each in one step: a note without its rotation is passed
 * over, while a rotation without its note could not be confirmed.
 *
 * @throws UserError when a site cannot be rotated; see also chooseSites.
 */
export async function rotateSites(
  stack: OpenStack,
  request: RotateRequest,
  { now, abort, onWarning }: RotateContext,
): Promise<RotateReport> {
  const outputs = request.offline ? undefined : await readOutputs(stack);
  const versions = secretVersionsIn(request.offline ? [] : await stack.resources());
  const { sites, skipped, wave } = await chooseSites(stack, outputs, { ...request, now });
  const results = await Promise.all(
    sites.map(async (site) => {
      const credentials = outputs === undefined ? "not asked" : outputs.sites[site.name];
      const note = await readRotationNote(stack, site.name);
      const version = versions.get(site.name);
      return planRotation(site, { credentials, note, version }, { ...request, now });
    }),
  );
  throwIfAny(results.flatMap(problemsOf));
  const planned = results.flatMap((result) => (result.ok ? [result.value] : []));
  const { edits, problems: uneditable } = await prepareEdits(
    stack.directory,
    planned.map(({ site, toVersion: secretVersion, previousSecretExpiresAt }) => ({
      site,
      changes: { secretVersion, previousSecretExpiresAt },
    })),
  );
  throwIfAny(uneditable);
  warnOf(planned, request, onWarning);
  const rotations = planned.map((rotation, index) => ({ ...rotation, lines: edits[index]?.lines ?? [] }));
  const report = { skipped, wave, planned: planned.length };
  if (request.dryRun) {
    return { ...report, rotations, problems: [] };
  }
  if (!request.offline && !abort.aborted) {
    await removeNotesOfOthers(stack);
    for (const { site, toVersion: version, formerFingerprint = null } of planned) {
      await writeRotationNote(stack, site.name, { version, formerFingerprint, writtenAt: now.toISOString() });
    }
  }
  const { written, problems } = await writeEdits(edits, abort);
  return { ...report, rotations: rotations.filter(({ site }) => written.includes(site.file)), problems };
}

async function readOutputs(stack: OpenStack): Promise<RevealedOutputs> {
  const outputs = await attempt(() => stack.outputs());
  if (!outputs.ok) {
    throw new UserError([
      ...outputs.problems,
      {
        subject: "--offline",
        says: "would write the files without looking at the stack",
        todo: "--confirm then has to be told the fingerprint before",
      },
    ]);
  }
  return outputs.value;
}

/** What is known of a site besides its file. */
export interface KnownOfSite {
  /** "not asked" when the file is to be edited without looking at the stack. */
  readonly credentials: SiteCredentials | undefined | "not asked";
  readonly note: RotationNote | undefined;
  /** Of its secret, by the stack's state; undefined when the state does not say, or was not asked. */
  readonly version?: number | undefined;
}

interface PlannedRotation extends Omit<Rotation, "lines"> {
  /** The end of the window that it breaks into. */
  readonly cutsShort: Date | undefined;
}

/** Plans one site's rotation; a failure when it has no token, or a window is open that may not be broken into. */
export function planRotation(
  site: Site,
  { credentials, note, version = 0 }: KnownOfSite,
  {
    grace,
    immediately,
    force,
    now,
  }: Pick<RotateRequest & SiteChoice, "grace" | "immediately" | "force" | "now">,
): Result<PlannedRotation> {
  if (credentials === undefined) {
    return failure(noTokenProblem(site.file));
  }
  const formerFingerprint = credentials === "not asked" ? undefined : presentFingerprint(credentials);
  const open = openWindow(site, now);
  if (open !== undefined && !force && !immediately) {
    const until = `until ${site.token.previousSecretExpiresAt ?? ""}, in ${roughDuration(open.getTime() - now.getTime())}`;
    return isRotationPending(site, note, formerFingerprint)
      ? failure(pendingProblem(site, now, ` already, with a window ${until}`))
      : failure({
          subject: site.file,
          says: `the window of its last rotation is open ${until}`,
          todo: "Cloudflare keeps one previous secret: another rotation ends the oldest at once, and collectors that still send it lose what they push. Wait, or pass --force when every collector has the present one",
        });
  }
  return success({
    site,
    // Above the stack's too, whose last rotation may have been lost from the file: the same version again changes nothing.
    toVersion: Math.max(site.token.secretVersion, version) + 1,
    previousSecretExpiresAt: immediately ? noWindow(now) : windowEndAfter(now, grace),
    formerFingerprint,
    cutsShort: open,
  });
}

function warnOf(
  planned: readonly PlannedRotation[],
  { immediately, force, waves }: RotateRequest,
  onWarning: RotateContext["onWarning"],
): void {
  const namesOf = (some: readonly PlannedRotation[]) => someOf(some.map(({ site }) => site.name));
  const cut = planned.filter(({ cutsShort }) => cutsShort !== undefined);
  if (cut.length > 0) {
    onWarning({
      subject: namesOf(cut),
      says: "the window of the last rotation is open, and ends with the next up",
      todo: "Collectors that still send the secret from before it are refused from then on, and lose what they push",
    });
  }
  if (immediately && planned.length > 0) {
    onWarning({
      subject: namesOf(planned),
      says: "the present secret stops with the next up, and pushes are refused until the new one is in place at the site",
      todo: "Collectors lose what is refused; behind the relay they keep it and try again. To cut off before the next up: `npx sitepass revoke --immediately`",
    });
  }
  if (force && waves !== undefined) {
    onWarning({
      subject: "--force",
      says: "the waves before were not looked at",
      todo: "Sites that lost their way in stay without it",
    });
  }
}
