import { z } from "zod";
import { importIdParts } from "../import-id";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  configSrc: z.enum(["local", "cloudflare"]),
});

const answer = z.looseObject({ id: z.string() });

const imported = answer.extend({ name: inputs.shape.name, config_src: inputs.shape.configSrc });

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
  async import(client, importId) {
    const [accountId, tunnelId] = importIdParts(importId, "<account_id>/<tunnel_id>");
    const { id, name, config_src } = imported.parse(
      await client.zeroTrust.tunnels.cloudflared.get(tunnelId, { account_id: accountId }),
    );
    return { id, inputs: { accountId, name, configSrc: config_src }, outputs: {} };
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
