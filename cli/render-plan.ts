import type { Credentials } from "../collectors/collector";
import { collectors } from "../collectors/collectors";
import type { OpenStack } from "../stack/open-stack";
import { selectSites } from "../operate/select-sites";
import type { SiteCredentials } from "../stack/stack-outputs";
import type { Site } from "../fleet/sites";
import { UserError } from "../fleet/problem";
import { planSite, type RenderChoice, type SitePlan } from "../handover/plan-site";
import { provisioned } from "../handover/provisioned";
import type { RenderOptions } from "./render-options";

/** A site, and what is to be written for it. */
export interface PlannedSite {
  readonly site: Site;
  readonly collector: RenderChoice["collector"];
  readonly credentials: SiteCredentials;
  readonly plan: SitePlan;
  /** The same for another folder and other credentials. */
  readonly planFor: (directory: string, credentials: Credentials) => SitePlan;
}

/**
 * Plans the files of every site that was asked for.
 *
 * @throws UserError with everything that keeps any of them from being rendered.
 */
export async function planSites(stack: OpenStack, options: RenderOptions): Promise<readonly PlannedSite[]> {
  const sites = chosenSites(stack, options);
  refuseOptions(sites, options);
  const outputs = await stack.outputs();
  const problems: string[] = [];
  const planned: PlannedSite[] = [];
  for (const site of sites) {
    const found = provisioned(site, stack.config, outputs);
    const choice = choiceFor(site, options);
    if (found.problem !== undefined) {
      problems.push(found.problem);
    }
    if (typeof choice === "string") {
      problems.push(choice);
    }
    if (found.problem !== undefined || typeof choice === "string") {
      continue;
    }
    const { credentials } = found;
    const planFor = (directory: string, using: Credentials) =>
      planSite(site, stack.config, using, { ...choice, installDirectory: directory });
    const plan = planFor(choice.installDirectory, credentials);
    problems.push(...plan.refusals);
    planned.push({ site, collector: choice.collector, credentials, plan, planFor });
  }
  if (problems.length > 0) {
    // What is wrong with an option is wrong for every site.
    throw new UserError([...new Set(problems)]);
  }
  return planned;
}

function chosenSites(stack: OpenStack, { sites, all }: RenderOptions): readonly Site[] {
  if (all === sites.length > 0) {
    throw new UserError([
      all
        ? `--all: comes with ${sites.join(", ")}. Name sites, or take --all, not both.`
        : "render: no site is named. Name sites as in `sitepass render tokyo`, or take --all.",
    ]);
  }
  return all ? stack.sites : selectSites(stack.sites, sites);
}

/** Options that hold for one collector are no good for sites with several. */
function refuseOptions(sites: readonly Site[], options: RenderOptions): void {
  const names = [...new Set(sites.flatMap((site) => options.collector ?? site.collector ?? []))];
  const problems: string[] = [];
  if (options.release !== undefined && names.length > 1) {
    problems.push(
      `--release: is ${options.release}, and these sites run ${names.join(", ")}, which count their releases each for itself. Render the sites of one collector at a time.`,
    );
  }
  if (options.mode === "agent" && !names.includes("prometheus")) {
    problems.push(
      `--mode: is agent, which is a mode of Prometheus, and ${names.length === 0 ? "no site here runs it" : `these sites run ${names.join(", ")}`}. Leave it out.`,
    );
  }
  if (problems.length > 0) {
    throw new UserError(problems);
  }
}

/** The choice for one site, or why there is none. */
function choiceFor(site: Site, options: RenderOptions): RenderChoice | string {
  const name = options.collector ?? site.collector;
  if (name === undefined) {
    return `${site.file}: names no collector. Add a key such as collector: alloy, or pass --collector.`;
  }
  const collector = collectors[name];
  return {
    collector,
    release: { version: options.release ?? collector.defaultVersion, mode: options.mode },
    relay: options.relay === undefined ? undefined : { name: options.relay, port: options.relayPort },
    installDirectory: options.installDir,
  };
}
