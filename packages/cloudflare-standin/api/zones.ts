import { z } from "zod";
import type { Database } from "./database";
import { pageOf, pagination } from "./envelope";
import { noBody, noQuery, route, type Route } from "./route";
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

/** Zones, read only: a zone is a precondition of the project, not something it makes. */
export const zoneRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/zones",
    permission: "Zone Read",
    query: listQuery,
    body: noBody,
    handle: ({ database, query: { match, direction, type = "", ...query } }) => {
      const filters = (zone: Zone): boolean[] => [
        ...(query.name === undefined ? [] : [zone.name === query.name]),
        ...(query["account.id"] === undefined ? [] : [query["account.id"] === database.accountId]),
        ...(query["account.name"] === undefined ? [] : [query["account.name"] === accountName]),
        ...(query.status === undefined ? [] : [query.status === "active"]),
        ...(type === "" ? [] : [type.split(",").includes("full")]),
      ];
      const zones = [...database.zones.values()].filter((zone) => {
        const results = filters(zone);
        return match === "any" && results.length > 0 ? results.some(Boolean) : results.every(Boolean);
      });
      zones.sort((one, other) => one.name.localeCompare(other.name) * (direction === "asc" ? 1 : -1));
      return pageOf(zones, query, (zone) => shown(zone, database));
    },
  }),
  route({
    method: "GET",
    path: "/zones/:zone",
    permission: "Zone Read",
    query: noQuery,
    body: noBody,
    handle: ({ database, zoneId }) => {
      const zone = database.zones.get(zoneId);
      return { result: zone === undefined ? null : shown(zone, database) };
    },
  }),
];

const accountName = "Stand-in account";

/** Fields by cloudflare 7.3.0 resources/zones/zones.d.ts Zone, on the Free plan. */
function shown({ id, name, created_on }: Zone, { accountId }: Database): object {
  return {
    id,
    name,
    status: "active",
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
    account: { id: accountId, name: accountName },
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
