import type { Cloudflare } from "cloudflare";
import { z } from "zod";
import { defineKind } from "../resource-kind";

const configSrc = z.enum(["local", "cloudflare"]);

const existingTunnel = z.object({ name: z.string(), config_src: configSrc });

/** terraform-provider-cloudflare v5, internal/services/zero_trust_tunnel_cloudflared/resource.go */
export const tunnel = defineKind({
  type: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
  permission: "Cloudflare Tunnel Edit",
  replaceOn: ["accountId", "configSrc"],
  inputs: z.strictObject({ accountId: z.string(), name: z.string(), configSrc }),
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "<account_id>/<tunnel_id>",
  create: (client, { accountId, name, configSrc }) =>
    client.zeroTrust.tunnels.cloudflared.create({ account_id: accountId, name, config_src: configSrc }),
  update: (client, id, { accountId, name }) =>
    client.zeroTrust.tunnels.cloudflared.edit(id, { account_id: accountId, name }),
  get: (client, id, account_id) => client.zeroTrust.tunnels.cloudflared.get(id, { account_id }),
  delete: (client, id, account_id) => client.zeroTrust.tunnels.cloudflared.delete(id, { account_id }),
  keptOnRead: ["configSrc"],
  inputsOf: (answer, accountId) => {
    const { name, config_src } = existingTunnel.parse(answer);
    return { accountId, name, configSrc: config_src };
  },
});

const originRequest = z.strictObject({
  access: z.strictObject({ required: z.boolean(), teamName: z.string(), audTags: z.array(z.string()) }),
});

const rule = { hostname: z.string().optional(), path: z.string().optional(), service: z.string() };

const configurationInputs = z.strictObject({
  accountId: z.string(),
  tunnelId: z.string(),
  config: z.strictObject({
    ingresses: z.array(z.strictObject({ ...rule, originRequest: originRequest.optional() })),
    originRequest: originRequest.optional(),
  }),
});

const existingOriginRequest = z.looseObject({
  access: z
    .looseObject({ required: z.boolean().default(false), teamName: z.string(), audTag: z.array(z.string()) })
    .optional(),
});

const existingConfiguration = z.looseObject({
  config: z.looseObject({
    ingress: z.array(z.looseObject({ ...rule, originRequest: existingOriginRequest.optional() })),
    originRequest: existingOriginRequest.optional(),
  }),
});

/**
 * terraform-provider-cloudflare v5, internal/services/zero_trust_tunnel_cloudflared_config/resource.go: creation and
 * change are the same PUT, the ID is the tunnel's, and deletion makes no call.
 */
export const tunnelConfiguration = defineKind({
  type: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
  permission: "Cloudflare Tunnel Edit",
  replaceOn: ["accountId", "tunnelId"],
  inputs: configurationInputs,
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "<account_id>/<tunnel_id>",
  idOf: ({ tunnelId }) => tunnelId,
  create: put,
  update: (client, _id, configuration) => put(client, configuration),
  get: (client, tunnelId, account_id) =>
    client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, { account_id }),
  delete: () => Promise.resolve(),
  inputsOf: (answer, accountId, tunnelId) => {
    const { config } = existingConfiguration.parse(answer);
    return {
      accountId,
      tunnelId,
      config: {
        ingresses: config.ingress.map(({ hostname, path, service, originRequest: settings }) => ({
          hostname,
          path,
          service,
          originRequest: declared(settings),
        })),
        originRequest: declared(config.originRequest),
      },
    };
  },
});

function put(client: Cloudflare, { accountId, tunnelId, config }: z.infer<typeof configurationInputs>) {
  // Not configurations.update(): its type wants a host name on every rule, and Cloudflare wants none on the last.
  return client.put(`/accounts/${accountId}/cfd_tunnel/${tunnelId}/configurations`, {
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

/** The provider's plural is the API's `audTag`. */
function body(settings: z.infer<typeof originRequest> | undefined): object {
  if (settings === undefined) {
    return {};
  }
  const { audTags, ...access } = settings.access;
  return { originRequest: { access: { ...access, audTag: audTags } } };
}

function declared(
  settings: z.infer<typeof existingOriginRequest> | undefined,
): z.infer<typeof originRequest> | undefined {
  if (settings?.access === undefined) {
    return undefined;
  }
  const { required, teamName, audTag } = settings.access;
  return { access: { required, teamName, audTags: audTag } };
}
