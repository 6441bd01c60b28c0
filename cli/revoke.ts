import pc from "picocolors";
import type { OpenStack } from "../stack/open-stack";
import type { EnabledOutcome } from "../operate/revoke/set-enabled";
import { switchTokens } from "../operate/revoke/switch-tokens";
import { selectSites } from "../operate/select-sites";
import { prepareEdits, type PreparedEdits } from "../operate/site-file/prepare-edits";
import { writeEdits } from "../operate/site-file/write-edits";
import type { Site } from "../fleet/sites";
import { problemText, UserError } from "../fleet/problem";
import { showEdits } from "./edit-lines";
import type { ExitCode } from "./stack-command";
import { textTable } from "./text-table";
import { sayProblems, warn } from "./warn";

export interface RevokeOptions {
  readonly sites: readonly string[];
  readonly immediately: boolean;
  readonly undo: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What became of a site: of its file, and of its token at Cloudflare. */
interface Revocation {
  readonly site: Site;
  readonly file: "written" | "already so" | "not written";
  readonly cloudflare: EnabledOutcome["kind"] | "not asked";
}

/**
 * Shuts sites out, or lets them in again.
 *
 * With `immediately`, Cloudflare comes first: a leaked secret does harm by the second, and the files can wait. The files
 * are written even if Cloudflare could not be reached, so that the next `up` shuts the sites out; and the tokens are
 * disabled even if a file cannot be changed. Each is said.
 */
export async function revoke(stack: OpenStack, options: RevokeOptions): Promise<ExitCode> {
  const sites = selectSites(stack.sites, options.sites);
  const enabled = options.undo;
  const prepared = await prepareEdits(
    stack.directory,
    sites.map((site) => ({ site, changes: { enabled } })),
  );
  if (prepared.problems.length > 0 && !options.immediately) {
    throw new UserError(prepared.problems);
  }
  if (options.dryRun) {
    return showDryRun(prepared, options);
  }
  const switched = options.immediately ? await switchTokens(stack, sites, enabled) : undefined;
  const files = await writeAll(prepared);
  const outcomes = sites.map((site): Revocation => ({
    site,
    file: files.written.includes(site.file)
      ? "written"
      : prepared.edits.some(({ file, changes }) => file === site.file && !changes)
        ? "already so"
        : "not written",
    cloudflare: switched?.outcomes.get(site)?.kind ?? "not asked",
  }));
  const problems = [
    ...new Set([...sites.flatMap((site) => switched?.outcomes.get(site)?.problem ?? []), ...files.problems]),
  ];
  if (switched?.withoutOutputs !== undefined) {
    warn(`tokens were looked for by name, because ${switched.withoutOutputs}`);
  }
  if (options.json) {
    console.log(JSON.stringify(document(outcomes, enabled, problems), undefined, 2));
  } else {
    show(outcomes, enabled);
  }
  sayProblems(problems);
  return problems.length > 0 ? 1 : 0;
}

async function writeAll({
  edits,
  problems,
}: PreparedEdits): Promise<{ written: readonly string[]; problems: readonly string[] }> {
  try {
    const result = await writeEdits(edits);
    return { written: result.written, problems: [...problems, ...result.problems] };
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    return { written: [], problems: [...problems, ...error.problems.map(problemText)] };
  }
}

function showDryRun({ edits }: PreparedEdits, { json }: RevokeOptions): ExitCode {
  const changing = edits.filter(({ changes }) => changes);
  if (json) {
    console.log(JSON.stringify({ dryRun: true, files: changing.map(({ file }) => file) }, undefined, 2));
    return 0;
  }
  showEdits(changing);
  console.log(changing.length === 0 ? "Nothing would change." : "Nothing was written.");
  return 0;
}

function document(outcomes: readonly Revocation[], enabled: boolean, problems: readonly string[]): object {
  return {
    enabled,
    sites: outcomes.map(({ site, file, cloudflare }) => ({
      site: site.name,
      file: site.file,
      written: file,
      cloudflare,
    })),
    problems,
  };
}

function show(outcomes: readonly Revocation[], enabled: boolean): void {
  const done = enabled ? "enabled" : "disabled";
  const atCloudflare: Readonly<Record<Revocation["cloudflare"], string>> = {
    changed: pc.green(`${done} now`),
    already: `${done} already`,
    failed: pc.red(`not ${done}`),
    "not asked": enabled ? "with the next up" : pc.yellow("lets it in until the next up"),
  };
  console.log(
    textTable(
      ["site", "file", `token.enabled: ${enabled}`, "Cloudflare"],
      outcomes.map(({ site, file, cloudflare }) => [
        site.name,
        site.file,
        file === "not written" ? pc.red(file) : file,
        atCloudflare[cloudflare],
      ]),
    ),
  );
  console.log(
    enabled
      ? "\nNext: `pulumi up --refresh`, which puts the tokens back into their policies. --refresh, because the stack does not know\nof tokens that were disabled by --immediately alone."
      : "\nNext: `pulumi up`, which also takes the tokens out of their policies. To let a site in again: `sitepass revoke --undo`.",
  );
}
