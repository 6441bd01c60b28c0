import * as pulumi from "@pulumi/pulumi";
import { findCloudflareAccess, missingTokenProblem } from "../cloudflare/api-credentials";
import type { Inputs } from "../fleet/inputs";
import { preflight, type PreflightReport } from "./preflight";
import type { StackSettings } from "./stack-settings";
import { lookUpTeamName } from "./team-name";
import { UserError } from "../fleet/problem";
import { lookUpZone, type Zone } from "./zone";

/** What has to be known of the account before anything is declared. */
export interface AccountFacts {
  readonly zone: Zone;
  /** Zero Trust team name; empty when nothing needs it. */
  readonly teamName: string;
}

/**
 * Asks Cloudflare for what the declarations need, and whether they would fit.
 *
 * @throws UserError with everything that is wrong, from all look-ups together.
 */
export async function readAccountFacts(
  { config, sites }: Inputs,
  settings: StackSettings,
): Promise<AccountFacts> {
  const access = findCloudflareAccess(settings.raw, settings.environment);
  if (config.preflight && access === undefined) {
    // Every look-up below would fail for the same reason.
    throw new UserError([missingTokenProblem]);
  }
  const nothing: PreflightReport = { problems: [], warnings: [] };
  const [zone, team, report] = await Promise.all([
    lookUpZone(config),
    config.publish.kind === "tunnel" ? lookUpTeamName(config) : { teamName: "", problems: [] as const },
    config.preflight && access !== undefined ? preflight(access, config, sites, settings.ownPrefix) : nothing,
  ]);
  for (const warning of report.warnings) {
    await pulumi.log.warn(warning);
  }
  if (zone.zone === undefined || team.teamName === undefined || report.problems.length > 0) {
    throw new UserError([...report.problems, ...zone.problems, ...team.problems]);
  }
  return { zone: zone.zone, teamName: team.teamName };
}
