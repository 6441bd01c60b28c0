import { UserError } from "../../fleet/problem";
import type { Site } from "../../fleet/sites";
import { listTokens, readTokens } from "../../cloudflare/service-tokens";
import { answered, openCloudflareApi } from "../../cloudflare/client";
import { fingerprint } from "../../stack/rotation-notes";
import type { OpenStack } from "../../stack/open-stack";
import { selectSites } from "../select-sites";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { matchToken } from "../../stack/match-token";
import { planWave, type Wave, type WaveSize } from "./plan-wave";
import { readRotationNote } from "../../stack/rotation-notes";
import { howToApplyRotation, isRotationPending } from "../../stack/rotation-notes";
import { windowEnd } from "../../stack/rotation-notes";

/** What a person asked for. */
export interface SiteChoice {
  /** Names; empty for the fleet. */
  readonly sites: readonly string[];
  readonly waves: WaveSize | undefined;
  /** Milliseconds; see planWave. */
  readonly olderThan: number | undefined;
  readonly force: boolean;
  readonly now: Date;
}

/** Sites to rotate, or why there are none just now. */
export interface ChosenSites {
  readonly sites: readonly Site[];
  /** Of the fleet: those that are left out, and why. */
  readonly skipped: readonly { readonly site: string; readonly reason: "shut out" | "no token yet" }[];
  readonly wave: Exclude<Wave, { readonly kind: "stalled" }> | undefined;
}

/**
 * Chooses the sites to rotate.
 *
 * @param outputs undefined when the stack is not asked.
 * @throws UserError for names that are no sites, and when a wave cannot begin because sites of an earlier one were not
 * seen since their old secret died.
 */
export async function chooseSites(
  stack: OpenStack,
  outputs: RevealedOutputs | undefined,
  { sites: names, waves, olderThan, force, now }: SiteChoice,
): Promise<ChosenSites> {
  if (names.length > 0) {
    return { sites: selectSites(stack.sites, names), skipped: [], wave: undefined };
  }
  const skipped = stack.sites.flatMap((site): ChosenSites["skipped"] => {
    const reason = leftOut(site, outputs);
    return reason === undefined ? [] : [{ site: site.name, reason }];
  });
  const fleet = stack.sites.filter((site) => leftOut(site, outputs) === undefined);
  if (waves === undefined || outputs === undefined) {
    const due = now.getTime() - (olderThan ?? 0);
    const sites =
      olderThan === undefined
        ? fleet
        : fleet.filter((site) => (windowEnd(site)?.getTime() ?? -Infinity) <= due);
    return { sites, skipped, wave: undefined };
  }
  const unapplied = force ? [] : await unappliedProblems(stack, outputs, { fleet, now });
  if (unapplied.length > 0) {
    throw new UserError(unapplied);
  }
  const lastSeen = force ? () => undefined : await lastSeenIn(stack, outputs);
  const wave = planWave({ fleet, size: waves, olderThan: olderThan ?? 0, lastSeen, now, force });
  if (wave.kind === "stalled") {
    throw new UserError(wave.sites.map((site) => stalledProblem(site, lastSeen(site))));
  }
  return { sites: wave.kind === "rotate" ? wave.sites : [], skipped, wave };
}

/** A wave that never reached Cloudflare: the next one would bury it, and a later `up` would carry it out without a window. */
async function unappliedProblems(
  stack: OpenStack,
  outputs: RevealedOutputs,
  { fleet, now }: { readonly fleet: readonly Site[]; readonly now: Date },
): Promise<readonly string[]> {
  const problems = await Promise.all(
    fleet.map(async (site) => {
      const secret = outputs.sites[site.name]?.clientSecret ?? "";
      const present = secret === "" ? null : fingerprint(secret);
      return isRotationPending(site, await readRotationNote(stack, site.name), present)
        ? `${site.file}: says secretVersion ${site.token.secretVersion}, and the stack still has the secret before it. ${howToApplyRotation(site, now)}. If that was done, \`sitepass rotate --confirm ${site.name}\` says more.`
        : undefined;
    }),
  );
  return problems.filter((problem) => problem !== undefined);
}

function leftOut(site: Site, outputs: RevealedOutputs | undefined): "shut out" | "no token yet" | undefined {
  if (!site.token.enabled) {
    return "shut out";
  }
  return outputs !== undefined && outputs.sites[site.name] === undefined ? "no token yet" : undefined;
}

/** When each site's token was last used, by one call for up to 1,000 of them. */
async function lastSeenIn(
  stack: OpenStack,
  outputs: RevealedOutputs,
): Promise<(site: Site) => Date | null | undefined> {
  const { accountId } = stack.config;
  const api = await stack.cloudflareApi();
  const tokens = answered(
    await listTokens(api, accountId),
    `list the service tokens of account ${accountId}`,
    readTokens,
  );
  return (site) => {
    const seen = matchToken(site, outputs, tokens).token?.lastSeenAt;
    return typeof seen === "string" ? new Date(seen) : seen;
  };
}

function stalledProblem(site: Site, seen: Date | null | undefined): string {
  const since = `since its old secret stopped at ${site.token.previousSecretExpiresAt ?? ""}`;
  const says =
    seen === undefined
      ? `Cloudflare does not say whether it pushed ${since}`
      : `has not pushed ${since} (last seen ${seen === null ? "never" : seen.toISOString()}), and may not have the new one`;
  return `${site.file}: ${says}. Put its secret in place (\`sitepass render ${site.name}\`), shut it out (\`sitepass revoke ${site.name}\`), or pass --force to go on without it.`;
}
