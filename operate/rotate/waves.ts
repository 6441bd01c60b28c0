import { createHash } from "node:crypto";
import { shardText } from "../../fleet/names";
import { throwIfAny, UserError, type Problem } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { matchToken, readAccountTokens } from "../../stack/match-token";
import type { OpenStack } from "../../stack/open-stack";
import {
  howToApplyRotation,
  isRotationPending,
  openWindow,
  presentFingerprint,
  readRotationNote,
  windowEnd,
} from "../../stack/rotation-notes";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { selectSites } from "../select-sites";

/** How many sites a wave has: so many, or so many of a hundred of the fleet. */
export type WaveSize = { readonly sites: number } | { readonly percent: number };

/** What a person asked for. */
export interface SiteChoice {
  /** Names; empty for the fleet. */
  readonly sites: readonly string[];
  readonly waves?: WaveSize | undefined;
  /** Leaves out sites whose last window closed less than this long ago; milliseconds. */
  readonly olderThan?: number | undefined;
  /** Goes on although sites are under way or were not seen again. */
  readonly force: boolean;
  /** Ends the old secret with the next `up`: open windows do not count. */
  readonly immediately: boolean;
  readonly now: Date;
}

/** Why a site of the fleet is not rotated. */
export const skipReasons = [
  "shut out",
  "no token yet",
  "the window of its last rotation is open",
  "moving here, and rotated where it comes from",
] as const;

type SkipReason = (typeof skipReasons)[number];

/** Sites to rotate, or why there are none just now. */
export interface ChosenSites {
  readonly sites: readonly Site[];
  /** Of the fleet: those that are left out, and why. */
  readonly skipped: readonly { readonly site: string; readonly reason: SkipReason }[];
  readonly wave: Exclude<Wave, { readonly kind: "stalled" }> | undefined;
}

/**
 * Chooses the sites to rotate: those that are named, or of the fleet those that are let in and due.
 *
 * @param outputs undefined when the stack is not asked.
 * @throws UserError for names that are not sites, and when a wave cannot begin because an earlier one never reached
 * Cloudflare, or sites of it were not seen since their old secret stopped.
 */
export async function chooseSites(
  stack: OpenStack,
  outputs: RevealedOutputs | undefined,
  { sites: names, waves, olderThan, force, immediately, now }: SiteChoice,
): Promise<ChosenSites> {
  if (names.length > 0) {
    const sites = selectSites(stack, names);
    throwIfAny(sites.filter((site) => isArriving(site, stack)).map((site) => arrivingProblem(site)));
    return { sites, skipped: [], wave: undefined };
  }
  const fleet: Site[] = [];
  const skipped: ChosenSites["skipped"][number][] = [];
  for (const site of stack.sites) {
    if (isArriving(site, stack)) {
      skipped.push({ site: site.name, reason: "moving here, and rotated where it comes from" });
    } else if (!site.token.enabled) {
      skipped.push({ site: site.name, reason: "shut out" });
    } else if (outputs !== undefined && outputs.sites[site.name] === undefined) {
      skipped.push({ site: site.name, reason: "no token yet" });
    } else if (waves === undefined && !force && !immediately && openWindow(site, now) !== undefined) {
      skipped.push({ site: site.name, reason: "the window of its last rotation is open" });
    } else {
      fleet.push(site);
    }
  }
  if (waves === undefined || outputs === undefined) {
    const sites = olderThan === undefined ? fleet : fleet.filter((site) => isDue(site, olderThan, now));
    return { sites, skipped, wave: undefined };
  }
  throwIfAny(force ? [] : await pendingProblems(stack, outputs, fleet, now));
  const lastSeen = force ? () => undefined : await lastSeenIn(stack, outputs);
  const wave = planWave({ fleet, size: waves, olderThan: olderThan ?? 0, lastSeen, now, force });
  if (wave.kind === "stalled") {
    throw new UserError(wave.sites.map((site) => stalledProblem(site, lastSeen(site))));
  }
  return { sites: wave.kind === "rotate" ? wave.sites : [], skipped, wave };
}

/** Whether the site is still in another shard: what is written into its file once rotates it in both. */
const isArriving = ({ shard }: Site, { config }: Pick<OpenStack, "config">): boolean =>
  shard !== config.shard;

const arrivingProblem = ({ file, name, shard }: Site): Problem => ({
  subject: file,
  says: `is moving here from ${shardText(shard)}, and a rotation that is written into it is one in both`,
  todo: `Run \`npx sitepass rotate ${name}\` on the stack that it comes from, and then the \`up\` of each`,
});

/** Rotations that never reached Cloudflare: the next wave would bury them, and a later `up` would carry them out without a window. */
async function pendingProblems(
  stack: OpenStack,
  outputs: RevealedOutputs,
  fleet: readonly Site[],
  now: Date,
): Promise<readonly Problem[]> {
  const problems = await Promise.all(
    fleet.map(async (site) => {
      const present = presentFingerprint(outputs.sites[site.name]);
      const note = await readRotationNote(stack, site.name);
      return isRotationPending(site, note, present) ? [pendingProblem(site, now)] : [];
    }),
  );
  return problems.flat();
}

/** @param more what else is to be said of it, after the version. */
export function pendingProblem(site: Site, now: Date, more = ""): Problem {
  return {
    subject: site.file,
    says: `says secretVersion ${site.token.secretVersion}${more}, and the stack still has the secret before it`,
    todo: `${howToApplyRotation(site, now)}. If that was done, \`npx sitepass rotate --confirm ${site.name}\` says more`,
  };
}

/** When a site last authenticated: null never, undefined unknown. */
type LastSeen = (site: Site) => Date | null | undefined;

/** When each site's token was last used, by one call for up to 1,000 of them. */
async function lastSeenIn(stack: OpenStack, outputs: RevealedOutputs): Promise<LastSeen> {
  const { tokens } = await readAccountTokens(stack);
  return (site) => {
    const token = matchToken(site, outputs, tokens);
    const seen = token.ok ? token.value.lastSeenAt : undefined;
    return typeof seen === "string" ? new Date(seen) : seen;
  };
}

function stalledProblem({ file, name, token }: Site, seen: Date | null | undefined): Problem {
  const since = `since its old secret stopped at ${token.previousSecretExpiresAt ?? ""}`;
  return {
    subject: file,
    says:
      seen === undefined
        ? `Cloudflare does not say whether it pushed ${since}`
        : `has not pushed ${since} (last seen ${seen === null ? "never" : seen.toISOString()}), and may not have the new one`,
    todo: `Put its secret in place (\`npx sitepass render ${name}\`), shut it out (\`npx sitepass revoke ${name}\`), or pass --force to go on without it`,
  };
}

export interface WaveInput extends Pick<SiteChoice, "now" | "force"> {
  /** Every site that is let in. */
  readonly fleet: readonly Site[];
  readonly size: WaveSize;
  /** Milliseconds; see SiteChoice. */
  readonly olderThan: number;
  readonly lastSeen: LastSeen;
}

/** What one run of `rotate --all --waves` does. */
export type Wave =
  | { readonly kind: "rotate"; readonly sites: readonly Site[]; readonly left: number }
  /** The wave before is under way: its windows are open, or closed so lately that sites had no time to be seen. */
  | { readonly kind: "wait"; readonly until: Date; readonly sites: readonly Site[] }
  /** Sites that were not seen since the secret before stopped: they may never have got the new one. */
  | { readonly kind: "stalled"; readonly sites: readonly Site[] }
  | { readonly kind: "done" };

/** How long after a window's end a site has time to be seen; how late Cloudflare notes that is not documented. */
const settlingMilliseconds = 3_600_000;

/**
 * Chooses the next wave of a rotation of the whole fleet, from the site files and from when sites were last seen alone:
 * a run on any machine comes to the same.
 *
 * Next are the sites that were rotated longest ago, and before all those that never were. A wave begins when the one
 * before it is over, and every site that was ever rotated has been seen since its old secret stopped. That is the one
 * proof that a site has its new secret: nothing else lets it in any more.
 */
export function planWave({ fleet, size, olderThan, lastSeen, now, force }: WaveInput): Wave {
  const settledBefore = new Date(now.getTime() - settlingMilliseconds);
  if (!force) {
    const underWay = fleet.filter((site) => openWindow(site, settledBefore) !== undefined);
    const unsettled = underWay.filter(
      (site) => openWindow(site, now) !== undefined || !wasSeen(site, lastSeen(site)),
    );
    if (unsettled.length > 0) {
      const until = new Date(Math.max(...unsettled.map(endOf)) + settlingMilliseconds);
      return { kind: "wait", until, sites: unsettled };
    }
    const lost = fleet.filter((site) => windowEnd(site) !== undefined && !wasSeen(site, lastSeen(site)));
    if (lost.length > 0) {
      return { kind: "stalled", sites: lost };
    }
  }
  const due = fleet
    .filter((site) => isDue(site, olderThan, now))
    .map((site) => ({ site, end: endOf(site), shuffle: shuffleKey(site.name) }))
    .sort((a, b) => compare(a.end, b.end) || compare(a.shuffle, b.shuffle))
    .map(({ site }) => site);
  const wave = due.slice(0, "sites" in size ? size.sites : Math.ceil((fleet.length * size.percent) / 100));
  return wave.length === 0
    ? { kind: "done" }
    : { kind: "rotate", sites: wave, left: due.length - wave.length };
}

/** Minus infinity for a site that was never rotated. */
const endOf = (site: Site): number => windowEnd(site)?.getTime() ?? -Infinity;

const isDue = (site: Site, olderThan: number, now: Date): boolean => endOf(site) <= now.getTime() - olderThan;

function wasSeen(site: Site, seen: Date | null | undefined): boolean {
  const end = windowEnd(site);
  return end === undefined || (seen instanceof Date && seen > end);
}

/** Names in an order that looks random and is always the same: sites with like names, often neighbours, go in different waves. */
const shuffleKey = (name: string): string => createHash("sha256").update(name).digest("hex");

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
