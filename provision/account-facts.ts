import { getZeroTrustOrganization, getZone, getZones } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { findApiCredentials, missingTokenProblem, type ApiCredentials } from "../cloudflare/api-credentials";
import { apiTokenProblem, openCloudflareApi } from "../cloudflare/client";
import { teamNameOf, unreadableTeamName } from "../cloudflare/organization";
import type { AccountToken } from "../cloudflare/service-tokens";
import {
  findZone,
  hostsOutsideZone,
  missingZone,
  zoneOfAnotherAccount,
  zoneOfName,
  zoneSchema,
  zoneTroubles,
  type AccountZone,
} from "../cloudflare/zones";
import type { Config } from "../fleet/config";
import {
  failure,
  problemsOf,
  problemText,
  success,
  UserError,
  type Problem,
  type Result,
} from "../fleet/problem";
import type { Fleet } from "../fleet/sites";
import { briefMessage } from "../fleet/zod-issues";
import { readHeldObjects } from "./held-objects";
import { heldTokensIn, brakeOnHeld, preflight, type HeldTokens, type PreflightReport } from "./preflight";
import type { StackSettings } from "./pulumi-program";

/** What has to be known of the account before anything is declared. */
export interface AccountFacts {
  readonly zone: Pick<AccountZone, "id" | "name">;
  /** Zero Trust team name; empty when nothing needs it. */
  readonly teamName: string;
  /** The account's service tokens, where nothing was said yet of those that the stack does not hold. */
  readonly tokens: readonly AccountToken[] | undefined;
}

/**
 * Asks Cloudflare for what the declarations need, and whether they would fit.
 *
 * @throws UserError with everything that is wrong, from all look-ups together.
 */
export async function readAccountFacts(fleet: Fleet, settings: StackSettings): Promise<AccountFacts> {
  const { config } = fleet;
  const credentials = findApiCredentials(settings.raw, settings.environment);
  if (config.preflight && credentials === undefined) {
    // Every look-up below would fail for the same reason.
    throw new UserError([missingTokenProblem]);
  }
  const direct = config.preflight ? credentials : undefined;
  const [zone, report] = await Promise.all([
    lookUpZone(config, direct),
    direct === undefined ? uncompared(fleet) : preflight(direct, fleet, settings.ownPrefix, readHeldTokens),
  ]);
  const known = [...report.problems, ...unsaid(problemsOf(zone), report.problems)];
  // Not asked for nothing: what the provider is refused, the engine shows as an error of its own.
  const teamName =
    config.publish.kind === "tunnel" && causeOf(known) === undefined
      ? await lookUpTeamName(config)
      : success("");
  const warnings = [...report.warnings, ...(zone.ok ? zoneTroubles(zone.value) : [])];
  for (const warning of warnings) {
    await pulumi.log.warn(problemText(warning));
  }
  if (!zone.ok || !teamName.ok || known.length > 0) {
    const problems = [...known, ...problemsOf(teamName)];
    const cause = causeOf(problems);
    throw new UserError(cause === undefined ? problems : [cause]);
  }
  return { zone: zone.value, teamName: teamName.value, tokens: report.tokens };
}

/** What is wrong with the API token as a whole is why the others fail, and each way of asking words it differently. */
const causeOf = (problems: readonly Problem[]): Problem | undefined =>
  problems.find(({ says }) => apiTokenProblem(says) !== undefined);

/** An outage, or an API token that is refused, is the same whatever was asked for; what is wrong with a key is not. */
const unsaid = (problems: readonly Problem[], others: readonly Problem[]): readonly Problem[] =>
  problems.filter(
    ({ subject }) => subject.startsWith("sitepass:") || others.every((other) => other.subject !== subject),
  );

const uncompared = async (fleet: Fleet): Promise<PreflightReport> => ({
  problems: await brakeOnHeld(fleet, readHeldTokens),
  warnings: [],
});

async function readHeldTokens(): Promise<HeldTokens | undefined> {
  const held = await readHeldObjects();
  return held === undefined ? undefined : heldTokensIn(held);
}

/** Looks the zone up by the name or ID that is configured, and checks what only Cloudflare knows of it. */
async function lookUpZone(config: Config, direct: ApiCredentials | undefined): Promise<Result<AccountZone>> {
  const read = await (direct === undefined ? askProviderForZone(config) : askForZone(direct, config));
  if (!read.ok) {
    return read;
  }
  const problems = [
    ...zoneOfAnotherAccount(config, read.value.accountId),
    ...hostsOutsideZone(config, read.value.name),
  ];
  return problems.length > 0 ? failure(...problems) : read;
}

/** One call, of which the engine sees nothing: where the provider's look-up finds none, the engine shows an error beside what is said of it here. */
async function askForZone(credentials: ApiCredentials, config: Config): Promise<Result<AccountZone>> {
  const found = await findZone(openCloudflareApi(credentials), config);
  if (found.kind === "failed" && found.status !== 404) {
    return failure(found.problem);
  }
  const zone = found.kind === "answered" ? found.value : undefined;
  return zone === undefined
    ? failure(missingZone(config, found.kind === "forbidden" ? found.reason : undefined))
    : success(zone);
}

const listedZones = z.object({ results: z.array(zoneSchema) });

/**
 * Asks the provider instead, where Cloudflare is not to be asked directly.
 *
 * By a name it is asked for a list, because its look-up of one zone takes the only zone that is there for the one that was asked
 * for, and fails where there are several (docs/facts/provider.md, P65).
 */
async function askProviderForZone({ zone, accountId }: Config): Promise<Result<AccountZone>> {
  try {
    if ("id" in zone) {
      const found = await getZone({ zoneId: zone.id });
      return success(zoneSchema.parse({ ...found, id: found.zoneId }));
    }
    const { results } = listedZones.parse(await getZones({ name: zone.name }));
    const found = zoneOfName(results, zone.name, accountId);
    return found === undefined ? failure(missingZone({ zone })) : success(found);
  } catch (error) {
    const reason = briefMessage(error);
    return failure(apiTokenProblem(reason) ?? missingZone({ zone }, reason));
  }
}

const organizationSchema = z.object({ authDomain: z.string() });

/**
 * The Zero Trust team name: as configured, else from the account's organization.
 *
 * cloudflared accepts an empty team name in an ingress rule and then refuses every push, so an empty one never gets
 * that far (docs/facts/edge.md, E48).
 */
async function lookUpTeamName(config: Config): Promise<Result<string>> {
  if (config.teamName !== "") {
    return success(config.teamName);
  }
  let authDomain: string;
  try {
    ({ authDomain } = organizationSchema.parse(
      await getZeroTrustOrganization({ accountId: config.accountId }),
    ));
  } catch (error) {
    const reason = briefMessage(error);
    return failure(apiTokenProblem(reason) ?? unreadableTeamName(reason));
  }
  return teamNameOf(authDomain);
}
