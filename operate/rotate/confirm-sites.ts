import type { Site } from "../../fleet/sites";
import { UserError } from "../../fleet/problem";
import { listTokens, readTokens } from "../../cloudflare/service-tokens";
import { readToken } from "../../cloudflare/service-tokens";
import { answered, openCloudflareApi } from "../../cloudflare/client";
import type { OpenStack } from "../../stack/open-stack";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import { matchToken } from "../../stack/match-token";
import { problemLines } from "../verify/problem-lines";
import type { FleetVerdict } from "../verify/verdict";
import { secretChange, unchangedProblem, type SecretChange } from "./confirm-rotation";
import { readRotationNote, writeRotationNote, type RotationNote } from "../../stack/rotation-notes";
import { openWindow } from "../../stack/rotation-notes";

/** Whether a site's rotation came to what it was for. */
export interface Confirmation {
  readonly site: Site;
  /** The secret changed, and the new one is let in. */
  readonly ok: boolean;
  readonly change: SecretChange;
  /** Undefined when it was not tried. */
  readonly letIn: boolean | undefined;
  /** In the project's error form; those of the new secret not being let in are the verdict's. */
  readonly problems: readonly string[];
}

export interface ConfirmInput {
  readonly stack: OpenStack;
  readonly outputs: RevealedOutputs;
  /** Fingerprints before, by site, that a person gave. */
  readonly former: ReadonlyMap<string, string>;
  /** Tries the secrets that the stack has now. */
  readonly look: (sites: readonly Site[]) => Promise<FleetVerdict>;
  readonly now: Date;
}

/** Sites whose rotation is under way by the file or by what was noted here, and not confirmed from here. */
export async function rotationsUnderWay(stack: OpenStack, now: Date): Promise<readonly Site[]> {
  const records = await readRotations(stack, stack.sites);
  return stack.sites.filter((site) => {
    const record = currentRecord(site, records);
    return (
      site.token.enabled &&
      (record === undefined ? openWindow(site, now) !== undefined : record.confirmedAt === undefined)
    );
  });
}

/**
 * Compares secrets, and tries the new ones. What was proven is noted beside the rotation.
 *
 * @returns what the new secrets met, too: undefined when none was tried.
 */
export async function confirmSites(
  sites: readonly Site[],
  { stack, outputs, former, look, now }: ConfirmInput,
): Promise<{ readonly confirmations: readonly Confirmation[]; readonly problems: readonly string[] }> {
  const records = await readRotations(stack, sites);
  const changes = new Map(
    sites.map((site) => [
      site,
      secretChange(site, outputs.sites[site.name], records.get(site.name), former.get(site.name)),
    ]),
  );
  const withChange = (...kinds: SecretChange["kind"][]) =>
    sites.filter((site) => kinds.includes(changes.get(site)?.kind ?? "none"));
  const tried = withChange("changed", "unknown").filter(({ token }) => token.enabled);
  const verdict = tried.length === 0 ? undefined : await look(tried);
  const letIn = new Map(verdict?.sites.map(({ site, ok }) => [site, ok]));
  const updatedAt = await lastUpdates(stack, outputs, withChange("unchanged"));
  const confirmations = [...changes].map(([site, change]): Confirmation => {
    const context = {
      writtenAt: currentRecord(site, records)?.writtenAt,
      updatedAt: updatedAt.get(site.name),
      now,
    };
    return {
      site,
      change,
      letIn: letIn.get(site.name),
      ok: change.kind === "changed" && letIn.get(site.name) === true,
      problems: problemsOf(site, change, context),
    };
  });
  for (const { site } of confirmations.filter(({ ok }) => ok)) {
    const record = currentRecord(site, records);
    if (record !== undefined) {
      await writeRotationNote(stack, site.name, { ...record, confirmedAt: now.toISOString() });
    }
  }
  return { confirmations, problems: verdict === undefined ? [] : problemLines(verdict) };
}

function problemsOf(
  site: Site,
  change: SecretChange,
  context: Parameters<typeof unchangedProblem>[2],
): readonly string[] {
  switch (change.kind) {
    case "none":
      return [change.problem];
    case "unchanged":
      return [unchangedProblem(site, change.fingerprint, context)];
    case "unknown":
      return [
        `${site.file}: what its secret was before is not known on this machine, so whether it changed cannot be told; it is sha256 ${change.to} now. Give the fingerprint that \`rotate\` printed, with --former ${site.name}=<fingerprint>.`,
      ];
    case "changed":
      return site.token.enabled
        ? []
        : [
            `${site.file}: its secret changed to sha256 ${change.to}, and cannot be tried while token.enabled is false. Let the site in (\`sitepass revoke --undo ${site.name}\`, \`pulumi up\`), and confirm again.`,
          ];
  }
}

async function readRotations(
  stack: OpenStack,
  sites: readonly Site[],
): Promise<ReadonlyMap<string, RotationNote | undefined>> {
  return new Map(
    await Promise.all(sites.map(async ({ name }) => [name, await readRotationNote(stack, name)] as const)),
  );
}

/** What was noted of the rotation that the file says, and of no other. */
function currentRecord(
  { name, token }: Site,
  records: ReadonlyMap<string, RotationNote | undefined>,
): RotationNote | undefined {
  const record = records.get(name);
  return record?.version === token.secretVersion ? record : undefined;
}

/** When Cloudflare last changed the tokens of these sites; nothing where it cannot be asked, for it only explains. */
async function lastUpdates(
  stack: OpenStack,
  outputs: RevealedOutputs,
  sites: readonly Site[],
): Promise<ReadonlyMap<string, string>> {
  const updates = new Map<string, string>();
  if (sites.length === 0) {
    return updates;
  }
  const { accountId } = stack.config;
  try {
    const api = await stack.cloudflareApi();
    const doing = `list the service tokens of account ${accountId}`;
    const tokens = answered(await listTokens(api, accountId), doing, readTokens);
    for (const site of sites) {
      const { token } = matchToken(site, outputs, tokens);
      const state = token === undefined ? undefined : await readToken(api, accountId, token);
      if (state?.kind === "answered" && state.value.updatedAt !== undefined) {
        updates.set(site.name, state.value.updatedAt);
      }
    }
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
  }
  return updates;
}
