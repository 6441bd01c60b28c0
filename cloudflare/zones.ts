import { z } from "zod";
import type { Config } from "../fleet/config";
import { hostInZoneProblem } from "../fleet/names";
import type { Problem } from "../fleet/problem";
import { wrongValue } from "../fleet/zod-issues";
import { mapAnswer, type CallResult, type CloudflareApi } from "./client";

/** What the API token needs for it, as the dashboard names it. */
export const readZone = "Zone, Read";

/** An answer of the API, and an entry of the provider's look-up of zones, which names these fields alike. */
export const zoneSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string().optional().catch(undefined),
    paused: z.boolean().catch(false),
    account: z.object({ id: z.string().optional() }).nullish().catch(undefined),
  })
  .transform((found) => ({
    id: found.id,
    name: found.name,
    /** `active` once its name servers are Cloudflare's; `pending`, `initializing` or `moved` before and after. */
    status: found.status,
    /** Paused: Cloudflare answers for its names, and proxies none of them. */
    paused: found.paused,
    accountId: found.account?.id,
  }));

/** The zone that the host names lie in. */
export type AccountZone = Readonly<z.infer<typeof zoneSchema>>;

/** Cloudflare gives at most 50 zones a page (docs/facts/cloudflare.md, C61). */
const pageSize = 50;

/** The configured zone, by name or ID; undefined when the API token is shown no zone of that name. */
export async function findZone(
  api: CloudflareApi,
  { zone, accountId }: Pick<Config, "zone" | "accountId">,
): Promise<CallResult<AccountZone | undefined>> {
  if ("id" in zone) {
    return api.call(
      `read the zone ${zone.id}`,
      async () => zoneSchema.safeParse(await api.client.zones.get({ zone_id: zone.id })).data,
    );
  }
  const listed = await api.list(
    { doing: `look up the zone ${zone.name}`, what: `the zone ${zone.name}` },
    zoneSchema,
    (page) => api.client.zones.list({ name: zone.name, ...page }),
    pageSize,
  );
  return mapAnswer(listed, (zones) => zoneOfName(zones, zone.name, accountId));
}

/**
 * Which zone of a list is the one of that name; undefined when none is.
 *
 * A name is unique within an account alone, and a zone that moved away stays listed in the account that it left. So of several
 * the account's own counts, and of those the active one; another account's is given where there is no other, to be told so.
 */
export const zoneOfName = (
  zones: readonly AccountZone[],
  wanted: string,
  accountId: string,
): AccountZone | undefined =>
  zones
    .filter(({ name }) => name === wanted)
    .toSorted((a, b) => rankOf(a, accountId) - rankOf(b, accountId))[0];

const statusesByUse = ["active", "pending", "initializing"];

function rankOf({ status, accountId: owner }: AccountZone, accountId: string): number {
  const use = statusesByUse.indexOf(status ?? "");
  // Whose account is not told may be the account's.
  return (owner === undefined || owner === accountId ? 0 : 10) + (use === -1 ? statusesByUse.length : use);
}

/** Fields by cloudflare 7.3.0 resources/bot-management/bot-management.d.ts; which of them come depends on the plan. */
const botSchema = z
  .object({
    fight_mode: z.boolean().optional().catch(undefined),
    sbfm_definitely_automated: z.string().optional().catch(undefined),
  })
  .transform((found) => ({
    /** Bot Fight Mode, from which no rule can except a host; undefined when Cloudflare does not say. */
    fightMode: found.fight_mode,
    /** What Super Bot Fight Mode does with what is surely automated, such as `allow` and `block`; undefined without it. */
    definitelyAutomated: found.sbfm_definitely_automated,
  }));

/** What of a zone's bot protection meets collectors before Access does. */
export type BotProtection = Readonly<z.infer<typeof botSchema>>;

/** Reads a zone's bot protection; undefined when the answer is something else. */
export function readBotProtection(api: CloudflareApi, zoneId: string) {
  return api.call(
    `read the bot protection of zone ${zoneId}`,
    async () => botSchema.safeParse(await api.client.botManagement.get({ zone_id: zoneId })).data,
  );
}

/** The zone as it is configured, by name or ID. */
const configured = (zone: Config["zone"]): string => ("id" in zone ? zone.id : zone.name);

/**
 * Said when the configured zone is not found. Without "Zone" Read Cloudflare may refuse, or list no zone: the two cannot
 * be told apart.
 *
 * @param reason what was answered, where that is known.
 */
export function missingZone({ zone }: Pick<Config, "zone">, reason?: string): Problem {
  return {
    subject: "sitepass:zone",
    says: `is "${configured(zone)}", and Cloudflare shows the API token no such zone${reason === undefined ? "" : ` (${reason})`}`,
    todo: 'Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it',
  };
}

/** Why pushes to the zone's names do not arrive, though all that they need is there; empty where Cloudflare says nothing of it. */
export function zoneTroubles({ name, status, paused }: AccountZone): readonly Problem[] {
  const subject = `zone ${name}`;
  const troubles: Problem[] = [];
  if (status !== undefined && status !== "active") {
    const says = `is ${status}, not active, so its names lead nowhere yet`;
    const todo =
      "Set the name servers that the dashboard shows at the registrar, and wait for Cloudflare's e-mail";
    troubles.push({ subject, says, todo });
  }
  if (paused) {
    const says = "is paused, so Cloudflare proxies none of its names and Access guards none";
    const todo = "Enable Cloudflare on the zone again, on its Overview page";
    troubles.push({ subject, says, todo });
  }
  return troubles;
}

/** A tunnel serves host names of its own account only (docs/facts/edge.md, E33). */
export function zoneOfAnotherAccount(
  { zone, accountId }: Pick<Config, "zone" | "accountId">,
  zoneAccount: string | undefined,
  shownAs = configured(zone),
): readonly Problem[] {
  return zoneAccount === undefined || zoneAccount === accountId
    ? []
    : [
        {
          subject: "sitepass:accountId",
          says: `is ${accountId}, and the zone ${shownAs} belongs to account ${zoneAccount}`,
          todo: "Configure account and zone that belong together",
        },
      ];
}

/** Hosts that do not lie in the zone; with a zone given by name they are found without Cloudflare, in fleet/config.ts. */
export function hostsOutsideZone(
  { zone, endpoints }: Pick<Config, "zone" | "endpoints">,
  zoneName: string,
): readonly Problem[] {
  return "name" in zone
    ? []
    : endpoints.flatMap(({ signal, hostname }) => {
        const wrong = hostInZoneProblem(hostname, zoneName);
        return wrong === undefined
          ? []
          : [{ subject: `sitepass:endpoints.${signal}.hostname`, ...wrongValue(hostname, wrong) }];
      });
}
