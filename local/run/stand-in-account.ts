import { parseConfig, type Config } from "../../fleet/config";
import { orThrow, UserError } from "../../fleet/problem";
import type { ZoneOption } from "../../packages/cloudflare-standin/api/database";
import { readStackConfig } from "../../stack/stack-config";

/** The account that a stack's configuration speaks of, for the stand-in to have. */
export interface StandInAccount {
  readonly accountId: string;
  readonly teamName: string;
  readonly zones: readonly ZoneOption[];
}

/**
 * Reads which account, team and zone a stack expects, so that the stand-in answers to its configuration as it is.
 *
 * @throws UserError with everything that is wrong with the configuration.
 */
export function standInAccount(
  directory: string,
  stack: string,
): StandInAccount & { readonly config: Config } {
  const { values } = readStackConfig(directory, stack, {});
  const config = orThrow(parseConfig(values));
  return {
    config,
    accountId: config.accountId,
    teamName: config.teamName === "" ? "example-team" : config.teamName,
    zones: [{ name: zoneName(config), ...("id" in config.zone ? { id: config.zone.id } : {}) }],
  };
}

/** A zone given by its ID has no name in the configuration; every push host lies directly below it. */
function zoneName(config: Config): string {
  return "name" in config.zone
    ? config.zone.name
    : (config.endpoints[0]?.hostname.split(".").slice(1).join(".") ?? "example.com");
}
