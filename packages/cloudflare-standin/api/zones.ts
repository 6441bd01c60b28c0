import type { BotFightModeConfiguration } from "cloudflare/resources/bot-management/bot-management";
import type { Zone as SdkZone } from "cloudflare/resources/zones/zones";
import { z } from "zod";
import { accountName } from "./api-token";
import type { Database } from "./database";
import { pageOf, pagination, type Answered } from "./envelope";
import { noInput, route, type Route } from "./route";
import type { Zone } from "./rows";

/** Filters by cloudflare 7.3.0 resources/zones/zones.d.ts ZoneListParams; operators such as `contains:` in a name are not imitated. The provider sends an empty `type` (TF:zone/data_source_model.go). */
const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  "account.id": z.string().exactOptional(),
  "account.name": z.string().exactOptional(),
  status: z.enum(["initializing", "pending", "active", "moved"]).exactOptional(),
  type: z.string().exactOptional(),
  match: z.enum(["any", "all"]).default("all"),
  direction: z.enum(["asc", "desc"]).default("asc"),
  order: z.literal("name").exactOptional(),
});
const botBody = z.strictObject({ fight_mode: z.boolean().exactOptional() });

const item = "/zones/:zone";
const bots = `${item}/bot_management`;

/**
 * Zones, read only: an account has those that it was started with. One of another account may have the same name, as where a zone
 * moved (terraform-provider-cloudflare#109). Of a zone's bot management only Bot Fight Mode is
 * imitated: it runs before Access and stops collectors (D:docs/bots/get-started/bot-fight-mode.mdx). It is off for a new
 * zone [gap].
 */
export const zoneRoutes: readonly Route[] = [
  route("GET", "/zones", "Zone Read", { ...noInput, query: listQuery }, ({ database, query }) => {
    const wantedType = query.type ?? "";
    const filters = (zone: Zone): boolean[] => [
      ...(query.name === undefined ? [] : [zone.name === query.name]),
      ...(query["account.id"] === undefined ? [] : [query["account.id"] === ownerOf(zone, database)]),
      ...(query["account.name"] === undefined ? [] : [query["account.name"] === accountName]),
      ...(query.status === undefined ? [] : [query.status === (zone.status ?? "active")]),
      ...(wantedType === "" ? [] : [wantedType.split(",").includes("full")]),
    ];
    const zones = [...database.zones.values()].filter((zone) => {
      const results = filters(zone);
      return query.match === "any" && results.length > 0 ? results.some(Boolean) : results.every(Boolean);
    });
    zones.sort((one, other) => one.name.localeCompare(other.name) * (query.direction === "asc" ? 1 : -1));
    return pageOf(zones, query, (zone) => shown(zone, database));
  }),
  route("GET", item, "Zone Read", noInput, ({ database, zoneId }) => ({
    result: shown(known(database, zoneId), database),
  })),
  route("GET", bots, "Bot Management Read", noInput, ({ database, zoneId }) => ({
    result: shownBots(known(database, zoneId)),
  })),
  route("PUT", bots, "Bot Management Write", { ...noInput, body: botBody }, ({ database, zoneId, body }) => {
    const zone = known(database, zoneId);
    zone.fight_mode = body.fight_mode ?? zone.fight_mode;
    return { result: shownBots(zone) };
  }),
];

/** The app lets no request with an unknown zone through. */
function known(database: Database, zoneId: string): Zone {
  const zone = database.zones.get(zoneId);
  if (zone === undefined) {
    throw new Error(`zone ${zoneId} is unknown`);
  }
  return zone;
}

function shownBots({ fight_mode }: Zone): BotFightModeConfiguration {
  return { fight_mode, using_latest_model: true };
}

const ownerOf = ({ accountId }: Zone, database: Database): string => accountId ?? database.accountId;

/** The SDK's zone. There an owner's ID and name are never null, and two fields that are still answered are deprecated. */
type ZoneAnswer = Omit<SdkZone, "owner" | "permissions" | "plan"> & {
  readonly owner: Answered<SdkZone.Owner>;
  readonly permissions: readonly string[];
  readonly plan: SdkZone["plan"];
};

/** A zone on the Free plan. */
function shown(zone: Zone, database: Database): ZoneAnswer {
  const { id, name, created_on, status = "active" } = zone;
  return {
    id,
    name,
    status,
    paused: false,
    type: "full",
    development_mode: 0,
    name_servers: ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
    original_name_servers: null,
    original_registrar: null,
    original_dnshost: null,
    created_on,
    modified_on: created_on,
    activated_on: created_on,
    account: { id: ownerOf(zone, database), name: accountName },
    owner: { id: null, name: null, type: "user" },
    meta: {
      cdn_only: false,
      custom_certificate_quota: 0,
      dns_only: false,
      foundation_dns: false,
      page_rule_quota: 3,
      phishing_detected: false,
      step: 2,
    },
    permissions: [],
    plan: {
      id: "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
      name: "Free Website",
      price: 0,
      currency: "USD",
      frequency: "",
      is_subscribed: false,
      can_subscribe: false,
      legacy_id: "free",
      legacy_discount: false,
      externally_managed: false,
    },
  };
}
