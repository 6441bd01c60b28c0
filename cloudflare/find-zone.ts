import { z } from "zod";
import type { CallResult } from "./client";
import type { Config } from "../fleet/config";
import type { CloudflareApi } from "./cloudflare-api";

/** The zone that the host names lie in. */
export interface AccountZone {
  readonly id: string;
  readonly name: string;
  /** `active` once its name servers are Cloudflare's; `pending`, `initializing` or `moved` before and after. */
  readonly status: string | undefined;
  /** Paused: Cloudflare answers for its names, and proxies none of them. */
  readonly paused: boolean;
  readonly accountId: string | undefined;
}

/** What the API token needs for it, as the dashboard names it. */
export const readZone = "Zone, Read";

const zoneSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string().optional().catch(undefined),
    paused: z.boolean().catch(false),
    account: z.object({ id: z.string().optional() }).nullish().catch(undefined),
  })
  .transform(({ account, ...zone }): AccountZone => ({
    ...zone,
    status: zone.status,
    accountId: account?.id,
  }));

/** Cloudflare gives at most 50 zones a page (OpenAPI document, zones-get). */
const pageSize = 50;

/** The configured zone, by name or ID; undefined when the API token is shown no zone of that name. */
export async function findZone(
  api: CloudflareApi,
  zone: Config["zone"],
): Promise<CallResult<AccountZone | undefined>> {
  if ("id" in zone) {
    return api.call(`read the zone ${zone.id}`, async () => {
      const found: unknown = await api.client.zones.get({ zone_id: zone.id });
      return zoneSchema.safeParse(found).data;
    });
  }
  const listed = await api.list(
    { doing: `look up the zone ${zone.name}`, what: `the zone ${zone.name}` },
    zoneSchema,
    (page) => api.client.zones.list({ name: zone.name, ...page }),
    pageSize,
  );
  return listed.kind === "answered"
    ? { kind: "answered", value: listed.value.find(({ name }) => name === zone.name) }
    : listed;
}
