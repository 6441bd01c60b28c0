import { z } from "zod";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  configSrc: z.enum(["local", "cloudflare"]),
});

const answer = z.looseObject({ id: z.string() });

/** terraform-provider-cloudflare v5, internal/services/zero_trust_tunnel_cloudflared/resource.go */
export const tunnel = defineKind({
  type: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
  permission: "Cloudflare Tunnel Edit",
  replaceOn: ["accountId", "configSrc"],
  inputs,
  async create(client, { accountId, name, configSrc }) {
    const { id } = answer.parse(
      await client.zeroTrust.tunnels.cloudflared.create({
        account_id: accountId,
        name,
        config_src: configSrc,
      }),
    );
    return { id, outputs: {} };
  },
  async update(client, id, { accountId, name }) {
    await client.zeroTrust.tunnels.cloudflared.edit(id, { account_id: accountId, name });
    return {};
  },
  async read(client, id, { accountId }) {
    await client.zeroTrust.tunnels.cloudflared.get(id, { account_id: accountId });
    return {};
  },
  async delete(client, id, { accountId }) {
    await client.zeroTrust.tunnels.cloudflared.delete(id, { account_id: accountId });
  },
});
