import { z } from "zod";
import { zoneOutOfScope } from "./errors";
import type { Database } from "./database";
import { noBody, noQuery, route, type Route } from "./route";
import type { Zone } from "./rows";

const path = "/zones/:zone/bot_management";

/** Bot Fight Mode of a zone, of which only `fight_mode` is imitated: it runs before Access and stops collectors (facts/cloudflare.md §13). Off for a new zone [gap]. */
export const botManagementRoutes: readonly Route[] = [
  route({
    method: "GET",
    path,
    permission: "Bot Management Read",
    query: noQuery,
    body: noBody,
    handle: ({ database, zoneId }) => ({ result: shown(find(database, zoneId)) }),
  }),
  route({
    method: "PUT",
    path,
    permission: "Bot Management Write",
    query: noQuery,
    body: z.strictObject({ fight_mode: z.boolean().exactOptional() }),
    handle: ({ database, zoneId, body }) => {
      const zone = find(database, zoneId);
      zone.fight_mode = body.fight_mode ?? zone.fight_mode;
      return { result: shown(zone) };
    },
  }),
];

/** Fields by cloudflare 7.3.0 resources/bot-management/bot-management.d.ts BotFightModeConfiguration. */
function shown({ fight_mode }: Zone): object {
  return { fight_mode, using_latest_model: true };
}

function find(database: Database, zoneId: string): Zone {
  const zone = database.zones.get(zoneId);
  if (zone === undefined) {
    throw zoneOutOfScope();
  }
  return zone;
}
