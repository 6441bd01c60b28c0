import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import pMap from "p-map";
import writeFileAtomic from "write-file-atomic";
import { fingerprint } from "../operate/fingerprint";
import type { OpenStack } from "../stack/open-stack";
import { plural } from "../fleet/wording";
import { UserError } from "../fleet/problem";
import { isErrorOf } from "../handover/disk";
import { lockProblem } from "../handover/folder-lock";
import { runValidators, type Validation } from "../handover/run-validators";
import { siteFolderProblems } from "../handover/site-folder-problems";
import { wouldBeCommitted } from "../handover/would-be-committed";
import { writeSite } from "../handover/write-site";
import type { ExitCode } from "./stack-command";
import { progressBar } from "./progress-bar";
import type { RenderOptions } from "./render-options";
import { planSites, type PlannedSite } from "./render-plan";
import { showRendered, type RenderedSite } from "./render-report";
import { warn } from "./warn";
import { warnOfUselessness } from "./warn-of-uselessness";

type Written = Pick<RenderedSite, "path" | "written" | "unchanged" | "removed" | "sha256">;

/** Writes one site; nothing that can be known before keeps it from doing so. */
type Writer = (planned: PlannedSite) => Promise<Written>;

/** Validators take a second of a processor each. */
const validatorsAtOnce = 4;

/**
 * Renders each site's folder, or its sealed bundle. Nothing is written unless all of it can be; when stopped, whole
 * sites are, and the rest not at all.
 */
export async function render(
  stack: OpenStack,
  options: RenderOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  // A wrong recipient is found before the stack is asked.
  const sealing = options.bundle.length === 0 ? undefined : await bundleWriter(options);
  const planned = await planSites(stack, options);
  const write = sealing ?? (await unlessDenied(options.out, 0, () => folderWriter(planned, options)));
  const validations = options.check ? await validate(planned, signal) : undefined;
  const sites = await writeAll(planned, options.out, signal, async (one) => ({
    site: one.site.name,
    collector: one.collector.name,
    ...(await write(one)),
    secretFingerprint: fingerprint(one.credentials.clientSecret),
    validations: validations?.get(one) ?? [],
    notes: one.plan.notes,
  }));
  if (options.json) {
    console.log(JSON.stringify({ sites }, undefined, 2));
  } else {
    showRendered(sites);
  }
  await warnOf(stack, planned, options);
  return 0;
}

/** Writes one site after the other, until stopped. */
async function writeAll(
  planned: readonly PlannedSite[],
  out: string,
  signal: AbortSignal,
  write: (one: PlannedSite) => Promise<RenderedSite>,
): Promise<readonly RenderedSite[]> {
  const sites: RenderedSite[] = [];
  const bar = progressBar("sites");
  try {
    for (const one of planned) {
      // Lets a signal in.
      await setImmediate();
      if (signal.aborted) {
        break;
      }
      bar.update(sites.length, planned.length);
      sites.push(await unlessDenied(out, sites.length, () => write(one)));
    }
  } finally {
    bar.stop();
  }
  return sites;
}

/** @throws UserError when any folder is not ours to write to. */
function folderWriter(planned: readonly PlannedSite[], { out }: RenderOptions): Writer {
  const problems = planned.flatMap(({ plan: { site, files } }) => {
    const folder = join(out, site);
    return [...siteFolderProblems(folder, site, files), lockProblem(folder) ?? []].flat();
  });
  if (problems.length > 0) {
    // What is wrong with the folder above is wrong for every site.
    throw new UserError([...new Set(problems)]);
  }
  return ({ plan: { site, files } }) => {
    const path = join(out, site);
    return Promise.resolve({ path, ...writeSite(path, site, files) });
  };
}

/** Loaded late: cryptography takes its time, and most renderings need none. */
async function bundleWriter({ bundle, out }: RenderOptions): Promise<Writer> {
  const { readRecipients } = await import("../handover/recipients.js");
  const { sealBundle } = await import("../handover/bundle.js");
  const recipients = readRecipients(bundle);
  return async ({ plan: { site, files } }) => {
    const path = join(out, `${site}.tar.age`);
    const sealed = Buffer.from(await sealBundle({ site, files, recipients }));
    mkdirSync(out, { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, sealed, { mode: 0o600 });
    return {
      path,
      written: files.map((file) => file.path).sort(),
      unchanged: [],
      removed: [],
      sha256: createHash("sha256").update(sealed).digest("hex"),
    };
  };
}

/** Lets each agent's own validator look, and refuses what it refuses. */
async function validate(
  planned: readonly PlannedSite[],
  signal: AbortSignal,
): Promise<ReadonlyMap<PlannedSite, readonly Validation[]>> {
  const validations = await pMap(
    planned,
    async (one) => [one, await runValidators(one.planFor, signal)] as const,
    { concurrency: validatorsAtOnce, signal },
  );
  const problems = validations.flatMap(([{ site }, found]) =>
    found
      .filter(({ outcome }) => outcome === "failed")
      .map(
        ({ program, says }) =>
          `${site.file}: ${program} refuses the rendered files (${says.replaceAll(/\s*\n\s*/g, " | ").replace(/\.$/, "")}). Name the release that the site runs with --release, or report this as a bug of sitepass. Nothing was written.`,
      ),
  );
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return new Map(validations);
}

/** What the operating system refuses is for a person to mend, too. */
async function unlessDenied<T>(out: string, before: number, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (
      !isErrorOf(
        error,
        "EACCES",
        "EPERM",
        "EROFS",
        "ENOSPC",
        "EDQUOT",
        "ENOTDIR",
        "EEXIST",
        "EISDIR",
        "ELOOP",
        "ENAMETOOLONG",
      )
    ) {
      throw error;
    }
    throw new UserError([
      `${out}: cannot be written to (${error.message}). ${before === 0 ? "Nothing was written" : `${plural(before, "site")} before this one ${before === 1 ? "is" : "are"} written`}. Mend it, or name another folder with --out, and render again.`,
    ]);
  }
}

async function warnOf(
  stack: OpenStack,
  planned: readonly PlannedSite[],
  { out, bundle }: RenderOptions,
): Promise<void> {
  for (const { site, credentials } of planned) {
    await warnOfUselessness(stack, site, credentials, new Date());
  }
  if (bundle.length === 0 && wouldBeCommitted(out)) {
    warn(
      `${out}: lies in a git work tree and is not ignored, so that secrets would be committed. Add it to .gitignore, or name another folder with --out.`,
    );
  }
}
