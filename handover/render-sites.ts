import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import pMap from "p-map";
import type { CollectorName, CollectorRelease, Credentials } from "../collectors/collector";
import { collectors } from "../collectors/collectors";
import { listOf } from "../collectors/common/refusals-and-notes";
import type { RelayName } from "../collectors/relay/relay";
import {
  distinctProblems,
  failure,
  problemsOf,
  success,
  throwIfAny,
  UserError,
  type Problem,
  type Result,
} from "../fleet/problem";
import type { Site } from "../fleet/sites";
import { plural } from "../fleet/wording";
import { isSystemError, systemReason, systemRemedy } from "../fleet/system-errors";
import type { OpenStack } from "../stack/open-stack";
import { credentialWarnings, fingerprint } from "../stack/rotation-notes";
import type { RevealedOutputs, SiteCredentials } from "../stack/stack-outputs";
import { siteCredentials } from "./credentials";
import { Disk } from "./disk";
import { planSite, type SitePlan } from "./plan-site";
import { changedRelay, lostRelay, passingRelay, relayPortOf, relayOf, type AskedRelay } from "./relay-choice";
import { wouldBeCommitted, type WrittenFolder } from "./rendered-folder";
import { siteFolderProblems, writeSite } from "./site-folder";
import { runValidators, type Validation } from "./validators";

export interface RenderOptions {
  /** In place of what the site files name. */
  readonly collector?: CollectorName;
  readonly release?: string;
  readonly mode: CollectorRelease["mode"];
  readonly relay?: AskedRelay;
  readonly relayPort?: number;
  readonly out: string;
  readonly installDir: string;
  /** Recipients; empty: folders are written. */
  readonly bundle: readonly string[];
  /** Lets the validators look first. */
  readonly check: boolean;
}

/** What was written for one site. Paths are relative to `path`; of a sealed file, `written` is all that is in it. */
export interface RenderedSite extends WrittenFolder, Pick<SitePlan, "site" | "notes"> {
  readonly collector: CollectorName;
  /** Null where the collector pushes by itself. */
  readonly relay: RelayName | null;
  /** The folder, or the sealed file. */
  readonly path: string;
  /** SHA-256 of a sealed file, in hexadecimal digits. */
  readonly sha256?: string;
  readonly secretFingerprint: string;
  readonly validations: readonly Validation[];
}

/**
 * Renders each site's folder, or its sealed bundle. Nothing is written unless all of it can be; when stopped, whole
 * sites are, and the rest not at all.
 *
 * @throws UserError with everything that keeps any of the sites from being rendered.
 */
export async function renderSites(
  stack: OpenStack,
  chosen: readonly Site[],
  options: RenderOptions,
  {
    abort,
    onProgress,
  }: { readonly abort: AbortSignal; readonly onProgress: (done: number, total: number) => void },
): Promise<{ readonly sites: readonly RenderedSite[]; readonly warnings: readonly Problem[] }> {
  const { out, bundle, check } = options;
  // A wrong recipient is found before the stack is asked.
  const seal = bundle.length === 0 ? undefined : await bundleWriter(options);
  refuse(optionProblems(chosen, options));
  const outputs = await stack.outputs();
  const plans = chosen.map((site) => planOne(site, stack, outputs, options));
  refuse(plans.flatMap(problemsOf));
  const planned = plans.flatMap((plan) => (plan.ok ? [plan.value] : []));
  if (seal === undefined && options.relay === undefined) {
    refuse(planned.flatMap((one) => lostRelay(one, out)));
  }
  const write = seal ?? (await unlessDenied(out, 0, undefined, () => folderWriter(planned, out)));
  // Before the files that show it are replaced.
  const changes =
    seal === undefined ? planned.flatMap((one) => changedRelay(one, out, options.relayPort)) : [];
  const validations = check ? await validate(planned, abort) : [];
  const sites: RenderedSite[] = [];
  for (const [index, one] of planned.entries()) {
    // Lets an interrupt in.
    await setImmediate();
    if (abort.aborted) {
      break;
    }
    onProgress(index, planned.length);
    // A sealed file is put in place as a whole.
    const begun = seal === undefined ? join(out, one.site.name) : undefined;
    const written = await unlessDenied(out, index, begun, () => write(one.plan));
    sites.push({
      site: one.site.name,
      collector: one.collector,
      relay: one.relay ?? null,
      ...written,
      secretFingerprint: fingerprint(one.credentials.clientSecret),
      validations: validations[index] ?? [],
      notes: one.plan.notes,
    });
  }
  return { sites, warnings: [...changes, ...(await warningsOf(stack, planned, options))] };
}

/** @throws UserError when there is any problem; what is wrong for several sites, as with an option, is said once. */
function refuse(problems: readonly Problem[]): void {
  throwIfAny(distinctProblems(problems));
}

/** Options that hold for one collector do not fit sites with several. */
function optionProblems(
  sites: readonly Site[],
  { collector, release, mode, relay, relayPort }: RenderOptions,
): readonly Problem[] {
  const names = [...new Set(sites.flatMap((site) => collector ?? site.collector ?? []))];
  return listOf(
    release !== undefined &&
      names.length > 1 && {
        subject: "--release",
        says: `is ${release}, and these sites run ${names.join(", ")}, each of which has releases of its own`,
        todo: "Render the sites of one collector at a time",
      },
    mode === "agent" &&
      !names.includes("prometheus") && {
        subject: "--mode",
        says: `is agent, which is a mode of Prometheus, and ${names.length === 0 ? "no site here runs it" : `these sites run ${names.join(", ")}`}`,
        todo: "Leave it out",
      },
    relayPort !== undefined &&
      sites.every((site) => relayOf(site, relay) === undefined) && {
        subject: "--relay-port",
        says: `is ${relayPort}, and no site here has a relay`,
        todo: "Write relay: nginx into the site's file, or leave it out",
      },
  );
}

interface PlannedRendering {
  readonly site: Site;
  readonly collector: CollectorName;
  readonly relay: RelayName | undefined;
  readonly credentials: SiteCredentials;
  readonly plan: SitePlan;
  /** The same for another folder and other credentials. */
  readonly planFor: (directory: string, credentials: Credentials) => Result<SitePlan>;
}

function planOne(
  site: Site,
  { config }: OpenStack,
  outputs: RevealedOutputs,
  options: RenderOptions,
): Result<PlannedRendering> {
  const credentials = siteCredentials(site, config, outputs);
  const name = options.collector ?? site.collector;
  if (name === undefined) {
    return failure(...problemsOf(credentials), {
      subject: site.file,
      says: "names no collector",
      todo: "Add a key such as collector: alloy, or pass --collector",
    });
  }
  if (!credentials.ok) {
    return credentials;
  }
  const collector = collectors[name];
  const { release: version = collector.defaultVersion, mode } = options;
  const relay = relayOf(site, options.relay);
  const folder = options.bundle.length === 0 ? join(options.out, site.name) : undefined;
  const behind = relay && { name: relay, port: relayPortOf(options.relayPort, folder) };
  const planFor = (installDirectory: string, using: Credentials) =>
    planSite(site, config, using, {
      collector,
      release: { version, mode },
      relay: behind,
      installDirectory,
    });
  const plan = planFor(options.installDir, credentials.value);
  return plan.ok
    ? success({ site, collector: name, relay, credentials: credentials.value, plan: plan.value, planFor })
    : plan;
}

/** Writes one site; nothing that can be known before keeps it from doing so. */
type Writer = (plan: SitePlan) => Promise<Pick<RenderedSite, keyof WrittenFolder | "path" | "sha256">>;

/** @throws UserError when any folder is not ours to write to. */
function folderWriter(planned: readonly PlannedRendering[], out: string): Writer {
  refuse(planned.flatMap(({ plan: { site, files } }) => siteFolderProblems(join(out, site), site, files)));
  return ({ site, files }) => {
    const path = join(out, site);
    return Promise.resolve({ path, ...writeSite(path, site, files) });
  };
}

/** Loaded late: cryptography takes its time, and most renderings need none. */
async function bundleWriter({ bundle, out }: RenderOptions): Promise<Writer> {
  const { openSeal } = await import("./bundle.js");
  const seal = await openSeal(bundle);
  return async ({ site, files }) => {
    const path = join(out, `${site}.tar.age`);
    const sealed = await seal(site, files);
    const disk = new Disk();
    disk.makeFolder(out);
    disk.writeFile(path, sealed, 0o600);
    return {
      path,
      written: files.map((file) => file.path).sort(),
      unchanged: [],
      removed: [],
      sha256: createHash("sha256").update(sealed).digest("hex"),
    };
  };
}

/** Validators take a second of a processor each. */
const validatorsAtOnce = 4;

/** Lets each collector's own validator look, and refuses what it refuses. */
async function validate(
  planned: readonly PlannedRendering[],
  abort: AbortSignal,
): Promise<readonly (readonly Validation[])[]> {
  const validations = await pMap(planned, ({ planFor }) => runValidators(planFor, abort), {
    concurrency: validatorsAtOnce,
    signal: abort,
  });
  refuse(
    planned.flatMap(({ site }, index) =>
      (validations[index] ?? [])
        .filter(({ outcome }) => outcome === "failed")
        .map(({ program, says }) => ({
          subject: site.file,
          says: `${program} refuses the rendered files (${says.replaceAll(/\s*\n\s*/g, " | ").replace(/\.$/, "")})`,
          todo: "Name the release that the site runs with --release, or report this as a bug of sitepass. Nothing was written",
        })),
    ),
  );
  return validations;
}

/**
 * What the operating system refuses is for a person to put right, too.
 *
 * @param begun the folder that is being written; undefined where nothing can be there in part.
 */
async function unlessDenied<T>(
  out: string,
  before: number,
  begun: string | undefined,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    const written =
      before === 0 ? "" : `${plural(before, "site")} before this one ${before === 1 ? "is" : "are"} written`;
    const part =
      begun !== undefined && existsSync(begun)
        ? `${begun} is there in part, perhaps with credentials in it`
        : "";
    const done = [written, part].filter((text) => text !== "").join(", and ") || "Nothing was written";
    throw new UserError({
      subject: out,
      says: `cannot be written to (${systemReason(error)}). ${done}`,
      todo: `${systemRemedy(error, "Fix it, or name another folder with --out, and render again")}${part === "" ? "" : ": the same command finishes it"}`,
    });
  }
}

async function warningsOf(
  stack: OpenStack,
  planned: readonly PlannedRendering[],
  { out, bundle, relay }: RenderOptions,
): Promise<readonly Problem[]> {
  const now = new Date();
  const warnings: Problem[] = [...passingRelay(planned, relay)];
  for (const { site, credentials } of planned) {
    warnings.push(...(await credentialWarnings(stack, site, credentials, now)));
  }
  if (bundle.length === 0 && wouldBeCommitted(out)) {
    warnings.push({
      subject: out,
      says: "lies in a git work tree and is not ignored, so that secrets would be committed",
      todo: "Add it to .gitignore, or name another folder with --out",
    });
  }
  return warnings;
}
