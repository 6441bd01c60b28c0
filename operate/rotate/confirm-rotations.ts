import { readToken } from "../../cloudflare/service-tokens";
import { attempt, throwIfAny, type Problem } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { matchToken, noTokenProblem, readAccountTokens } from "../../stack/match-token";
import type { OpenStack } from "../../stack/open-stack";
import {
  howToApplyRotation,
  openWindow,
  presentFingerprint,
  readRotationNote,
  writeRotationNote,
  type RotationNote,
} from "../../stack/rotation-notes";
import type { RevealedOutputs, SiteCredentials } from "../../stack/stack-outputs";
import { lostRotationProblem, secretVersionsIn } from "../../stack/stack-resources";
import { selectSites } from "../select-sites";
import type { Via } from "../verify/transport";
import { fleetProblems } from "../verify/verdict";
import { verifySites } from "../verify/verify-sites";

/** What a person asked for. */
export interface ConfirmRequest {
  /** Names; empty for every site whose rotation is under way. */
  readonly sites: readonly string[];
  /** Fingerprints before the rotations, each `<site>=<fingerprint>`; they count before what was noted. */
  readonly former: readonly string[];
  /** How long to try again while a new secret is not let in; milliseconds. */
  readonly wait: number;
  /** See VerifyOptions. */
  readonly via?: Via | undefined;
}

export interface ConfirmContext {
  readonly now: Date;
  readonly abort: AbortSignal;
  /** Requests of one look at the sites. */
  readonly progress: { readonly update: (done: number, total: number) => void; readonly stop: () => void };
  /** Told when not every secret is let in yet, and how many milliseconds later the next look comes. */
  readonly onRetry: (pause: number) => void;
}

/** What the stack's present secret says of a rotation. */
export type SecretChange =
  | { readonly kind: "changed"; readonly from: string | null; readonly to: string }
  | { readonly kind: "unchanged"; readonly fingerprint: string }
  /** What the secret was before is not known here. */
  | { readonly kind: "unknown"; readonly to: string }
  /** There is nothing to compare: no token, or none whose secret the stack knows. */
  | { readonly kind: "none"; readonly problem: Problem };

/** Whether a site's rotation did what it was meant to do. */
export interface Confirmation {
  readonly site: Site;
  /** The secret changed, and the new one is let in. */
  readonly ok: boolean;
  readonly change: SecretChange;
  /** Undefined when it was not tried. */
  readonly letIn: boolean | undefined;
}

/** Milliseconds between two tries of a secret that is not let in yet. */
const betweenTries = 5000;

/**
 * Proves that `up` changed the secrets of sites, and that the new ones are let in. What was proven is noted beside the
 * rotation.
 *
 * @throws UserError when a name is not a site, a fingerprint is not one, or the stack cannot be read.
 */
export async function confirmRotations(
  stack: OpenStack,
  request: ConfirmRequest,
  { now, abort, progress, onRetry }: ConfirmContext,
): Promise<{ readonly confirmations: readonly Confirmation[]; readonly problems: readonly Problem[] }> {
  const sites =
    request.sites.length === 0 ? await rotationsUnderWay(stack, now) : selectSites(stack, request.sites);
  const former = parseFormer(request.former, sites);
  const outputs = await stack.outputs();
  const notes = await readNotes(stack, sites);
  const versions = secretVersionsIn(await stack.resources());
  const changes = sites.map((site) => {
    const lost = lostRotationProblem(site, versions.get(site.name));
    return {
      site,
      change:
        lost === undefined
          ? secretChange(site, outputs.sites[site.name], notes.get(site), former.get(site.name))
          : ({ kind: "none", problem: lost } as const),
    };
  });
  const sitesWith = (...kinds: SecretChange["kind"][]) =>
    changes.filter(({ change }) => kinds.includes(change.kind)).map(({ site }) => site);
  const tried = sitesWith("changed", "unknown").filter(({ token }) => token.enabled);
  const verdict =
    tried.length === 0
      ? undefined
      : await verifySites(tried, {
          config: stack.config,
          outputs,
          via: request.via,
          abort,
          onProgress: progress.update,
          watch: {
            interval: betweenTries,
            timeout: request.wait,
            onLook: (_verdict, pause) => {
              progress.stop();
              onRetry(pause);
            },
          },
        }).finally(progress.stop);
  const letIn = new Map(verdict?.sites.map(({ site, ok }) => [site, ok]));
  const updatedAt = await lastUpdates(stack, outputs, sitesWith("unchanged"));
  const confirmations = changes.map(({ site, change }): Confirmation => ({
    site,
    change,
    letIn: letIn.get(site.name),
    ok: change.kind === "changed" && letIn.get(site.name) === true,
  }));
  for (const { site, ok } of confirmations) {
    const note = notes.get(site);
    if (ok && note !== undefined) {
      await writeRotationNote(stack, site.name, { ...note, confirmedAt: now.toISOString() });
    }
  }
  const problems = changes.map(({ site, change }) =>
    changeProblem(site, change, {
      writtenAt: notes.get(site)?.writtenAt,
      updatedAt: updatedAt.get(site.name),
      inStack: versions.get(site.name),
      now,
    }),
  );
  return {
    confirmations,
    problems: [
      ...problems.filter((problem) => problem !== undefined),
      ...(verdict === undefined ? [] : fleetProblems(verdict)),
    ],
  };
}

/** Sites whose rotation is under way by the file or by what was noted here, and not confirmed from here. */
async function rotationsUnderWay(stack: OpenStack, now: Date): Promise<readonly Site[]> {
  const notes = await readNotes(stack, stack.sites);
  return stack.sites.filter((site) => {
    const note = notes.get(site);
    const isUnderWay = note ? note.confirmedAt === undefined : openWindow(site, now) !== undefined;
    return site.token.enabled && isUnderWay;
  });
}

/** What was noted of the rotations that the files say, and of no others. */
async function readNotes(stack: OpenStack, sites: readonly Site[]) {
  const notes = new Map<Site, RotationNote>();
  for (const site of sites) {
    const note = await readRotationNote(stack, site.name);
    if (note?.version === site.token.secretVersion) {
      notes.set(site, note);
    }
  }
  return notes;
}

/** @throws UserError */
function parseFormer(former: readonly string[], sites: readonly Site[]): ReadonlyMap<string, string> {
  const fingerprints = new Map<string, string>();
  const problems: Problem[] = [];
  const subject = "--former";
  for (const text of former) {
    const [, name, digits = ""] = /^([^=]+)=([0-9a-f]{12})$/.exec(text) ?? [];
    if (name === undefined) {
      const says = `is "${text}", which is not a site with the 12 hexadecimal digits of a fingerprint`;
      problems.push({ subject, says, todo: "Write it as in tokyo=0123456789ab" });
    } else if (!sites.some((site) => site.name === name)) {
      const says = `names ${name}, which is not among the sites to confirm`;
      problems.push({ subject, says, todo: "Name that site, too" });
    } else {
      fingerprints.set(name, digits);
    }
  }
  throwIfAny(problems);
  return fingerprints;
}

/**
 * Compares the stack's present secret with the one before the rotation that the site's file says.
 *
 * @param former fingerprint that a person gave; it counts before the note.
 */
export function secretChange(
  site: Site,
  credentials: SiteCredentials | undefined,
  note: RotationNote | undefined,
  former: string | undefined,
): SecretChange {
  const { file: subject, name, token } = site;
  const none = (problem: Problem) => ({ kind: "none", problem }) as const;
  if (credentials === undefined) {
    return none(noTokenProblem(subject));
  }
  if (token.secretVersion === 1) {
    return none({ subject, says: "was never rotated", todo: `Run \`npx sitepass rotate ${name}\` first` });
  }
  const to = presentFingerprint(credentials);
  if (to === null) {
    const todo = "Run `pulumi up`; if it stays so, rotate once more";
    return none({ subject, says: "the stack does not know its secret", todo });
  }
  const from = former ?? (note?.version === token.secretVersion ? note.formerFingerprint : undefined);
  if (from === undefined) {
    return { kind: "unknown", to };
  }
  return from === to ? { kind: "unchanged", fingerprint: to } : { kind: "changed", from, to };
}

/** What else is known of a rotation whose secret did not change. */
interface UnchangedContext {
  /** When the rotation was written into the file, RFC 3339; undefined when that was on another machine. */
  readonly writtenAt: string | undefined;
  /** When Cloudflare last changed the token, RFC 3339; undefined when that is not known. */
  readonly updatedAt: string | undefined;
  /** The version of the secret by the stack's state; undefined when it does not say. */
  readonly inStack?: number | undefined;
  readonly now: Date;
}

/** What is wrong with a rotation, or keeps it from being proven; undefined when the new secret can be tried. */
function changeProblem(site: Site, change: SecretChange, context: UnchangedContext): Problem | undefined {
  const { file: subject, name, token } = site;
  if (change.kind === "none") {
    return change.problem;
  }
  if (change.kind === "unchanged") {
    return unchangedProblem(site, change.fingerprint, context);
  }
  if (change.kind === "unknown") {
    return {
      subject,
      says: `what its secret was before is not known on this machine, so whether it changed cannot be told; it is sha256 ${change.to} now`,
      todo: `Give the fingerprint that \`rotate\` printed, with --former ${name}=<fingerprint>`,
    };
  }
  return token.enabled
    ? undefined
    : {
        subject,
        says: `its secret changed to sha256 ${change.to}, and cannot be tried while token.enabled is false`,
        todo: `Let the site in (\`npx sitepass revoke --undo ${name}\`, \`pulumi up\`), and confirm again`,
      };
}

/**
 * Why a secret did not change, as far as can be told. Cloudflare's time tells whether `up` ran: any update of the token
 * moves it, and only the first answer to an update holds the secret.
 */
export function unchangedProblem(
  site: Site,
  secret: string,
  { writtenAt, updatedAt, inStack, now }: UnchangedContext,
): Problem {
  const { file: subject, name, token } = site;
  const unchanged = `the stack's secret did not change (sha256 ${secret})`;
  const apply = howToApplyRotation(site, now);
  if (inStack !== undefined && inStack < token.secretVersion) {
    const says = `${unchanged}, and the stack is at version ${inStack} of it: no \`up\` has carried the rotation out`;
    return { subject, says, todo: apply };
  }
  if (writtenAt === undefined || updatedAt === undefined) {
    return {
      subject,
      says: unchanged,
      todo: `If \`pulumi up\` ran since it was rotated, the new secret was lost (docs/rotation.md says what to do). If not: ${apply}`,
    };
  }
  if (Date.parse(updatedAt) < Date.parse(writtenAt)) {
    const says = `${unchanged}, and Cloudflare has not changed the token since ${updatedAt}`;
    return { subject, says, todo: apply };
  }
  return {
    subject,
    says: `${unchanged}, although Cloudflare changed the token at ${updatedAt}, after the rotation was written: the answer with the new secret was lost, or the provider kept the old one`,
    todo: `Nobody has the new secret, and the old one stops at ${token.previousSecretExpiresAt ?? ""}. Make ready to put a secret in place at the site at once, then \`npx sitepass rotate ${name} --force\` and \`pulumi up\``,
  };
}

/** When Cloudflare last changed the tokens of these sites; empty where it cannot be asked, because it only explains. */
async function lastUpdates(
  stack: OpenStack,
  outputs: RevealedOutputs,
  sites: readonly Site[],
): Promise<ReadonlyMap<string, string>> {
  const updates = new Map<string, string>();
  const account = sites.length === 0 ? undefined : await attempt(() => readAccountTokens(stack));
  if (account?.ok !== true) {
    return updates;
  }
  const { api, tokens } = account.value;
  for (const site of sites) {
    const token = matchToken(site, outputs, tokens);
    const state = token.ok ? await readToken(api, stack.config.accountId, token.value) : undefined;
    if (state?.kind === "answered" && state.value.updatedAt !== undefined) {
      updates.set(site.name, state.value.updatedAt);
    }
  }
  return updates;
}
