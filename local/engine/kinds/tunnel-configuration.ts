import type { Cloudflare } from "cloudflare";
import { z } from "zod";
import { importIdParts } from "../import-id";
import { defineKind } from "../resource-kind";

const originRequest = z.strictObject({
  access: z.strictObject({ required: z.boolean(), teamName: z.string(), audTags: z.array(z.string()) }),
});

const inputs = z.strictObject({
  accountId: z.string(),
  tunnelId: z.string(),
  config: z.strictObject({
    ingresses: z.array(
      z.strictObject({
        hostname: z.string().optional(),
        path: z.string().optional(),
        service: z.string(),
        originRequest: originRequest.optional(),
      }),
    ),
    originRequest: originRequest.optional(),
  }),
});

const access = z.looseObject({
  access: z
    .looseObject({ required: z.boolean().default(false), teamName: z.string(), audTag: z.array(z.string()) })
    .optional(),
});

const imported = z.looseObject({
  config: z.looseObject({
    ingress: z.array(
      z.looseObject({
        hostname: z.string().optional(),
        path: z.string().optional(),
        service: z.string(),
        originRequest: access.optional(),
      }),
    ),
    originRequest: access.optional(),
  }),
});

async function put(
  client: Cloudflare,
  { accountId, tunnelId, config }: z.infer<typeof inputs>,
): Promise<void> {
  // Not configurations.update(): its type wants a host name on every rule, and Cloudflare wants none on the last.
  await client.put(`/accounts/${accountId}/cfd_tunnel/${tunnelId}/configurations`, {
    body: {
      config: {
        ingress: config.ingresses.map(({ originRequest: settings, ...rule }) => ({
          ...rule,
          ...body(settings),
        })),
        ...body(config.originRequest),
      },
    },
  });
}

function settingsOf(settings: z.infer<typeof access> | undefined): z.infer<typeof originRequest> | undefined {
  if (settings?.access === undefined) {
    return undefined;
  }
  const { required, teamName, audTag } = settings.access;
  return { access: { required, teamName, audTags: audTag } };
}

/** The provider's plural is the API's `audTag`. */
function body(settings: z.infer<typeof originRequest> | undefined): object {
  if (settings === undefined) {
    return {};
  }
  const { audTags, ...access } = settings.access;
  return { originRequest: { access: { ...access, audTag: audTags } } };
}

/**
 * terraform-provider-cloudflare v5, internal/services/zero_trust_tunnel_cloudflared_config/resource.go: creation and
 * change are the same PUT, the ID is the tunnel's, and deletion makes no call.
 */
export const tunnelConfiguration = defineKind({
  type: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
  permission: "Cloudflare Tunnel Edit",
  replaceOn: ["accountId", "tunnelId"],
  inputs,
  async create(client, configuration) {
    await put(client, configuration);
    return { id: configuration.tunnelId, outputs: {} };
  },
  async import(client, importId) {
    const [accountId, tunnelId] = importIdParts(importId, "<account_id>/<tunnel_id>");
    const { config } = imported.parse(
      await client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, { account_id: accountId }),
    );
    return {
      id: tunnelId,
      inputs: {
        accountId,
        tunnelId,
        config: {
          ingresses: config.ingress.map(({ hostname, path, service, originRequest: settings }) => ({
            hostname,
            path,
            service,
            originRequest: settingsOf(settings),
          })),
          originRequest: settingsOf(config.originRequest),
        },
      },
      outputs: {},
    };
  },
  async update(client, _id, configuration) {
    await put(client, configuration);
    return {};
  },
  async read(client, _id, { accountId, tunnelId }) {
    await client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, { account_id: accountId });
    return {};
  },
  delete: () => Promise.resolve(),
});
