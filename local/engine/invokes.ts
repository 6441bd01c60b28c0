import type { Cloudflare } from "cloudflare";
import { z } from "zod";
import type { Properties } from "./properties";

const zoneArgs = z.union([
  z.strictObject({ zoneId: z.string() }),
  z.strictObject({ filter: z.strictObject({ name: z.string() }) }),
]);

const accountArgs = z.strictObject({ accountId: z.string() });

const tunnelTokenArgs = z.strictObject({ accountId: z.string(), tunnelId: z.string() });

const idOf = z.looseObject({ id: z.string() });

type Invoke = (client: Cloudflare, args: Properties) => Promise<Properties>;

/** The provider's look-ups that the program uses, with the provider's calls (terraform-provider-cloudflare v5, data_source.go of each). */
const invokes: Readonly<Record<string, Invoke>> = {
  "cloudflare:index/getZone:getZone": async (client, raw) => {
    const args = zoneArgs.parse(raw);
    let zoneId = "zoneId" in args ? args.zoneId : "";
    if ("filter" in args) {
      const found = (await client.zones.list({ name: args.filter.name })).getPaginatedItems();
      if (found.length !== 1) {
        throw new Error(`failed to find exactly one result: ${found.length} found`);
      }
      zoneId = idOf.parse(found[0]).id;
    }
    const { id, name, account, status } = await client.zones.get({ zone_id: zoneId });
    return { ...args, id, zoneId: id, name, account: { id: account.id, name: account.name }, status };
  },
  "cloudflare:index/getZeroTrustOrganization:getZeroTrustOrganization": async (client, raw) => {
    const { accountId } = accountArgs.parse(raw);
    const { auth_domain: authDomain, name } = await client.zeroTrust.organizations.list({
      account_id: accountId,
    });
    return { accountId, authDomain: authDomain ?? "", name: name ?? "" };
  },
  "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": async (
    client,
    raw,
  ) => {
    const { accountId, tunnelId } = tunnelTokenArgs.parse(raw);
    const token = await client.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id: accountId });
    return { accountId, tunnelId, token };
  },
};

/** Runs one of the provider's look-ups. */
export async function runInvoke(client: Cloudflare, token: string, args: Properties): Promise<Properties> {
  const invoke = invokes[token];
  if (invoke === undefined) {
    throw new Error(`local/engine does not know the function ${token}; add it to local/engine/invokes.ts`);
  }
  return invoke(client, args);
}
