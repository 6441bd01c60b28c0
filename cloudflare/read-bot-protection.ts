import { z } from "zod";
import type { CallResult } from "./client";
import type { CloudflareApi } from "./cloudflare-api";

/** What of a zone's bot protection meets collectors before Access does. */
export interface BotProtection {
  /** Bot Fight Mode, of which no rule can except a host; undefined when Cloudflare does not say. */
  readonly fightMode: boolean | undefined;
  /** What Super Bot Fight Mode does with what is surely automated, such as `allow` and `block`; undefined without it. */
  readonly definitelyAutomated: string | undefined;
}

/** Fields by cloudflare 7.3.0 resources/bot-management/bot-management.d.ts; which of them come depends on the plan. */
const botSchema = z
  .object({
    fight_mode: z.boolean().optional().catch(undefined),
    sbfm_definitely_automated: z.string().optional().catch(undefined),
  })
  .transform(({ fight_mode, sbfm_definitely_automated }): BotProtection => ({
    fightMode: fight_mode,
    definitelyAutomated: sbfm_definitely_automated,
  }));

/** Reads a zone's bot protection. Undefined when the answer is none. */
export function readBotProtection(
  api: CloudflareApi,
  zoneId: string,
): Promise<CallResult<BotProtection | undefined>> {
  return api.call(`read the bot protection of zone ${zoneId}`, async () => {
    const found: unknown = await api.client.botManagement.get({ zone_id: zoneId });
    return botSchema.safeParse(found).data;
  });
}
