import { parseConfig, type Config } from "./config";
import { readSiteFiles } from "./site-files";
import { resolveSites, siteProblems, type Site } from "./sites";
import { UserError } from "./problem";

/** Everything that the program is told: the stack's configuration and the sites, checked together. */
export interface Inputs {
  readonly config: Config;
  readonly sites: readonly Site[];
}

/**
 * Checks configuration and site files.
 *
 * @param raw the stack's whole configuration, full keys.
 * @param sitesDirectory absolute path of `sites/`.
 * @param emptyFleet "allowed" where nothing is taken away from an empty `sites/`; see emptyFleetProblems in sites.ts.
 * @throws UserError with every problem in both, so that one run shows them all.
 */
export function readInputs(
  raw: Readonly<Record<string, string>>,
  sitesDirectory: string,
  emptyFleet: "refused" | "allowed" = "refused",
): Inputs {
  const config = parseConfig(raw);
  const files = readSiteFiles(sitesDirectory);
  if (config.value === undefined || files.value === undefined) {
    throw new UserError([...config.problems, ...files.problems]);
  }
  const sites = resolveSites(files.value, config.value);
  const problems = sites.length === 0 && emptyFleet === "allowed" ? [] : siteProblems(sites, config.value);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return { config: config.value, sites };
}
