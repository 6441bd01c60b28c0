import { join, relative, resolve } from "node:path";
import { parseNamedSites } from "../operate/adopt/choices";
import { importDocument } from "../operate/adopt/import-document";
import { planAdoption, type AdoptionPlan } from "../operate/adopt/plan-adoption";
import { providerVersion } from "../operate/adopt/provider-version";
import { readAccount } from "../operate/adopt/read-account";
import { newFileOutcome, writeNewFile, type NewFileOutcome } from "../operate/adopt/write-new-file";
import type { OpenStack } from "../stack/open-stack";
import { windowEndAfter } from "../stack/rotation-notes";
import { plural } from "../fleet/wording";
import { UserError } from "../fleet/problem";
import { adoptionDocument, showAdoption } from "./adoption-report";
import type { ExitCode } from "./stack-command";

export interface AdoptOptions {
  readonly match: readonly string[];
  /** Each `<token>=<site>`. */
  readonly site: readonly string[];
  readonly skip: readonly string[];
  /** How long today's secrets are to work beside new ones, in milliseconds; without it no new ones are made. */
  readonly rotate?: number;
  readonly out?: string;
  readonly acceptLosses: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** A file that adopting writes, and what became of it. */
export interface AdoptedFile {
  /** As people name it: relative to the project's folder. */
  readonly file: string;
  readonly outcome: NewFileOutcome;
}

/** Reads account and state, plans, and writes the files; nothing is written unless all of it can be. */
export async function adopt(stack: OpenStack, options: AdoptOptions, signal: AbortSignal): Promise<ExitCode> {
  const { config, ownPrefix, sites, directory } = stack;
  const named = parseNamedSites(options.site);
  const version = providerVersion(directory);
  const api = await stack.cloudflareApi();
  const [view, resources] = await Promise.all([readAccount(api, config), stack.resources()]);
  const now = new Date();
  const plan = planAdoption({
    config,
    ownPrefix,
    sites,
    view,
    resources,
    choices: { match: options.match, named, skip: options.skip },
    rotateUntil: options.rotate === undefined ? undefined : windowEndAfter(now, options.rotate),
    now,
  });
  const out = resolve(options.out ?? join(directory, `adopt.${stack.stackName}.json`));
  const wanted = wantedFiles(plan, directory, out, version);
  const refusals = [
    ...plan.refusals,
    ...(options.acceptLosses ? [] : unacceptedLosses(plan)),
    ...wanted
      .filter(({ path, text }) => newFileOutcome(path, text) === "taken")
      .map(
        ({ path }) =>
          `${shown(path, directory)}: is there already, with something else in it. Move it away${path === out ? ", or name another file with --out" : ""}.`,
      ),
  ];
  const refused = refusals.length > 0;
  if (refused && !options.json) {
    // What was found out all the same: it helps to see why.
    showAdoption(plan, [], { ...options, stackName: stack.stackName, refused });
    throw new UserError(refusals);
  }
  const files: AdoptedFile[] = [];
  for (const { path, text } of refused ? [] : wanted) {
    if (signal.aborted) {
      return 130;
    }
    const outcome = options.dryRun ? newFileOutcome(path, text) : writeNewFile(path, text);
    files.push({ file: shown(path, directory), outcome });
  }
  if (options.json) {
    console.log(JSON.stringify(adoptionDocument(plan, files, refusals, options.dryRun), undefined, 2));
  } else {
    showAdoption(plan, files, { ...options, stackName: stack.stackName, refused });
  }
  return refused || files.some(({ outcome }) => outcome === "taken") ? 1 : 0;
}

interface WantedFile {
  readonly path: string;
  readonly text: string;
}

/** Site files first: without them the import would bring in what the next `up` then deletes. */
function wantedFiles(
  plan: AdoptionPlan,
  directory: string,
  out: string,
  version: string,
): readonly WantedFile[] {
  const sites = plan.sites.flatMap(({ newFile }) =>
    newFile === undefined ? [] : [{ path: join(directory, newFile.file), text: newFile.text }],
  );
  return plan.adoptions.length === 0
    ? sites
    : [...sites, { path: out, text: importDocument(plan.adoptions, version) }];
}

function unacceptedLosses({ losses }: AdoptionPlan): readonly string[] {
  return losses.length === 0
    ? []
    : [
        ...losses,
        `--accept-losses: is not given, and ${plural(losses.length, "thing")} that may work today would stop with the next \`up\`. Mend ${losses.length === 1 ? "it as said above" : "them as said above"}, or pass it to go on.`,
      ];
}

const shown = (path: string, directory: string): string => {
  const short = relative(directory, path);
  return short.startsWith("..") ? path : short;
};
