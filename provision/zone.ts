import { getZone } from "@pulumi/cloudflare";
import { z } from "zod";
import type { Config } from "../fleet/config";
import { briefMessage } from "../fleet/brief-message";
import { hostInZoneProblem } from "../fleet/names";

export interface Zone {
  readonly id: string;
  readonly name: string;
}

/** The zone, or why it cannot be used, one problem a line. */
export type ZoneLookup =
  | { readonly zone: Zone; readonly problems: readonly [] }
  | { readonly zone?: undefined; readonly problems: readonly string[] };

/** What is used of the answer; the SDK's types promise more than a provider has to give. */
const answerSchema = z.object({
  zoneId: z.string(),
  name: z.string(),
  account: z.object({ id: z.string().nullish() }).nullish(),
});

/** Looks the zone up by the name or ID that is configured, and checks what only Cloudflare knows of it. */
export async function lookUpZone(config: Config): Promise<ZoneLookup> {
  const wanted = "id" in config.zone ? config.zone.id : config.zone.name;
  let found: z.infer<typeof answerSchema>;
  try {
    found = answerSchema.parse(
      await getZone(
        "id" in config.zone ? { zoneId: config.zone.id } : { filter: { name: config.zone.name } },
      ),
    );
  } catch (error) {
    return {
      problems: [
        `sitepass:zone: is "${wanted}", and Cloudflare shows the API token no such zone (${briefMessage(error)}). Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it.`,
      ],
    };
  }
  const zone = { id: found.zoneId, name: found.name };
  const problems = [
    ...accountProblem(found.account?.id, wanted, config.accountId),
    ...("id" in config.zone ? hostProblems(config, zone.name) : []),
  ];
  return problems.length > 0 ? { problems } : { zone, problems: [] };
}

/** A tunnel serves host names of its own account only (cloudflare-docs, tunnel/dns-records-intro). */
function accountProblem(zoneAccount: string | null | undefined, zone: string, accountId: string): string[] {
  return typeof zoneAccount !== "string" || zoneAccount === accountId
    ? []
    : [
        `sitepass:accountId: is ${accountId}, and the zone ${zone} belongs to account ${zoneAccount}. Configure account and zone that belong together.`,
      ];
}

/** With a zone given by name these are found without Cloudflare, in config.ts. */
function hostProblems(config: Config, zoneName: string): string[] {
  return config.endpoints.flatMap(({ signal, hostname }) => {
    const problem = hostInZoneProblem(hostname, zoneName);
    return problem === undefined
      ? []
      : [`sitepass:endpoints.${signal}.hostname: is "${hostname}", which ${problem}.`];
  });
}
