import { getZeroTrustOrganization, getZone, type GetZoneArgs } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { findApiCredentials, missingTokenProblem, type ApiCredentials } from "../cloudflare/api-credentials";
import { apiTokenProblem, openCloudflareApi } from "../cloudflare/client";
import { teamNameOf, unreadableTeamName } from "../cloudflare/organization";
import type { AccountToken } from "../cloudflare/service-tokens";
import { findZone, hostsOutsideZone, missingZone, zoneOfAnotherAccount } from "../cloudflare/zones";
import type { Config } from "../fleet/config";
import { failure, problemsOf, problemText, success, UserError, type Result } from "../fleet/problem";
import type { Fleet } from "../fleet/sites";
import { briefMessage } from "../fleet/zod-issues";
import { readHeldObjects } from "./held-objects";
import { heldTokensIn, brakeOnHeld, preflight, type HeldTokens, type PreflightReport } from "./preflight";
import type { StackSettings } from "./pulumi-program";

/** What has to be known of the account before anything is declared. */
export interface AccountFacts {
  readonly zone: Zone;
  /** Zero Trust team name; empty when nothing needs it. */
  readonly teamName: string;
  /** The account's service tokens, where nothing was said yet of those that the stack does not hold. */
  readonly tokens: readonly AccountToken[] | undefined;
}

export interface Zone {
  readonly id: string;
  readonly name: string;
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
  const [zone, teamName, report] = await Promise.all([
    lookUpZone(config, credentials),
    config.publish.kind === "tunnel" ? lookUpTeamName(config) : success(""),
    config.preflight && credentials !== undefined
      ? preflight(credentials, fleet, settings.ownPrefix, readHeldTokens)
      : uncompared(fleet),
  ]);
  for (const warning of report.warnings) {
    await pulumi.log.warn(problemText(warning));
  }
  if (!zone.ok || !teamName.ok || report.problems.length > 0) {
    const problems = [...report.problems, ...problemsOf(zone), ...problemsOf(teamName)];
    // What is wrong with the API token as a whole is why the others fail, and each way of asking words it differently.
    const cause = problems.find(({ says }) => apiTokenProblem(says) !== undefined);
    throw new UserError(cause === undefined ? problems : [cause]);
  }
  return { zone: zone.value, teamName: teamName.value, tokens: report.tokens };
}

const uncompared = async (fleet: Fleet): Promise<PreflightReport> => ({
  problems: await brakeOnHeld(fleet, readHeldTokens),
  warnings: [],
});

async function readHeldTokens(): Promise<HeldTokens | undefined> {
  const held = await readHeldObjects();
  return held === undefined ? undefined : heldTokensIn(held);
}

/** What is used of the answer; the SDK's types promise more than a provider has to give. */
const zoneSchema = z.object({
  zoneId: z.string(),
  name: z.string(),
  account: z.object({ id: z.string().nullish() }).nullish(),
});

/** Looks the zone up by the name or ID that is configured, and checks what only Cloudflare knows of it. */
async function lookUpZone(config: Config, credentials: ApiCredentials | undefined): Promise<Result<Zone>> {
  const read = await readZone(config, credentials);
  if (!read.ok) {
    return read;
  }
  const found = read.value;
  const zone = { id: found.zoneId, name: found.name };
  const problems = [
    ...zoneOfAnotherAccount(config, found.account?.id ?? undefined),
    ...hostsOutsideZone(config, zone.name),
  ];
  return problems.length > 0 ? failure(...problems) : success(zone);
}

/**
 * A name is unique within an account alone, and the provider's look-up fails when it finds several, or another zone's state than it
 * was asked for; each such failure the engine shows as an error, though `up` goes on. So a name is looked up in the list, and the
 * provider is only asked where Cloudflare is not asked directly, or did not answer: for the account's active zone, then any of the
 * account's, and then any at all, to say whose it is.
 */
async function readZone(
  { zone, accountId, preflight: asksDirectly }: Config,
  credentials: ApiCredentials | undefined,
): Promise<Result<z.infer<typeof zoneSchema>>> {
  if ("name" in zone && asksDirectly && credentials !== undefined) {
    const listed = await findZone(openCloudflareApi(credentials), { zone, accountId });
    if (listed.kind === "answered") {
      return listed.value === undefined
        ? failure(missingZone({ zone }))
        : success({
            zoneId: listed.value.id,
            name: listed.value.name,
            account: { id: listed.value.accountId },
          });
    }
  }
  const account = { id: accountId };
  const questions: readonly GetZoneArgs[] =
    "id" in zone
      ? [{ zoneId: zone.id }]
      : [
          { filter: { name: zone.name, account, status: "active" } },
          { filter: { name: zone.name, account } },
          { filter: { name: zone.name } },
        ];
  let reason = "";
  for (const question of questions) {
    try {
      const found = zoneSchema.parse(await getZone(question));
      if ("id" in zone || found.name.toLowerCase() === zone.name) {
        return success(found);
      }
      // An API that does not heed the name, and has one zone alone.
      reason = `asked for exactly one result by its name, it gave the zone ${found.name}`;
    } catch (error) {
      reason = briefMessage(error);
      if (!reason.includes("exactly one result")) {
        break;
      }
    }
  }
  return failure(apiTokenProblem(reason) ?? missingZone({ zone }, reason));
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
