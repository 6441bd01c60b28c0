import { z } from "zod";
import { optionalTime, type CallResult, type CloudflareApi } from "./client";

/** A tunnel that is run by cloudflared. */
export interface AccountTunnel {
  readonly id: string;
  readonly name: string;
  /** `cloudflare` when its ingress rules are kept by Cloudflare, `local` when in a file on its host. */
  readonly configSrc: string | undefined;
  /** `healthy`, `degraded`, `down`, or `inactive` when it never ran. */
  readonly status: string | undefined;
  /** RFC 3339; null while it lives. */
  readonly deletedAt: string | null;
}

/** What the API token needs for it, as the dashboard names it. */
export const readTunnels = "Cloudflare Tunnel, Read";

/** The most that this list gives a page is not published: 100 is what every list of Cloudflare's takes. */
const pageSize = 100;

const tunnelSchema = z
  .object({
    id: z.string(),
    name: z.string().catch(""),
    config_src: z.string().optional().catch(undefined),
    status: z.string().optional().catch(undefined),
    deleted_at: optionalTime,
  })
  .transform(({ id, name, config_src, status, deleted_at }): AccountTunnel => ({
    id,
    name,
    configSrc: config_src,
    status,
    deletedAt: deleted_at ?? null,
  }));

/**
 * Lists an account's live tunnels.
 *
 * @param name only those of this name, of which there is at most one.
 */
export async function listTunnels(
  api: CloudflareApi,
  accountId: string,
  name?: string,
): Promise<CallResult<readonly AccountTunnel[]>> {
  const listed = await api.list(
    { doing: `list the tunnels of account ${accountId}`, what: "the account's tunnels" },
    tunnelSchema,
    (page) =>
      api.client.zeroTrust.tunnels.cloudflared.list({
        account_id: accountId,
        is_deleted: false,
        ...(name === undefined ? {} : { name }),
        ...page,
      }),
    pageSize,
  );
  // Said to the server for its sake, and checked here for ours.
  return listed.kind === "answered"
    ? {
        kind: "answered",
        value: listed.value.filter(
          (tunnel) => tunnel.deletedAt === null && (name === undefined || tunnel.name === name),
        ),
      }
    : listed;
}

/** Counts the connectors that are up: a tunnel itself no longer shows them (docs/facts/cloudflare.md, C53). */
export function countConnectors(
  api: CloudflareApi,
  accountId: string,
  tunnelId: string,
): Promise<CallResult<number>> {
  return api.call(`list the connectors of tunnel ${tunnelId}`, async () => {
    const found = await api.client.zeroTrust.tunnels.cloudflared.connections.get(tunnelId, {
      account_id: accountId,
    });
    return found.result.length;
  });
}

/** One rule of a tunnel's configuration that Cloudflare keeps. */
export interface IngressRule {
  /** Empty for every host. */
  readonly hostname: string;
  /** A Go regular expression, not anchored; empty for every path. */
  readonly path: string;
  readonly service: string;
  readonly originRequest: Readonly<Record<string, unknown>>;
}

/** A tunnel's configuration that Cloudflare keeps, in place of a file on the tunnel's host. */
export interface TunnelConfiguration {
  /** In order: the first that matches serves. */
  readonly rules: readonly IngressRule[];
  /** What all rules inherit. */
  readonly originRequest: Readonly<Record<string, unknown>>;
  /** Whether private networks are reached through the tunnel too. */
  readonly privateNetworks: boolean;
}

const originRequestSchema = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((found) => found ?? {});

const ruleSchema = z.object({
  hostname: z.string().default(""),
  path: z.string().default(""),
  service: z.string(),
  originRequest: originRequestSchema,
});

const configurationSchema = z.looseObject({
  config: z
    .looseObject({
      ingress: z.array(ruleSchema).nullish(),
      originRequest: originRequestSchema,
      "warp-routing": z.looseObject({ enabled: z.boolean().default(false) }).nullish(),
    })
    .nullish(),
});

/** Reads a tunnel's configuration; undefined before it was given one. */
export function readTunnelConfiguration(
  api: CloudflareApi,
  accountId: string,
  tunnelId: string,
): Promise<CallResult<TunnelConfiguration | undefined>> {
  return api.call(`read the configuration of tunnel ${tunnelId}`, async () => {
    const answer: unknown = await api.client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, {
      account_id: accountId,
    });
    const { config } = configurationSchema.parse(answer);
    return config === undefined || config === null
      ? undefined
      : {
          rules: config.ingress ?? [],
          originRequest: config.originRequest,
          privateNetworks: config["warp-routing"]?.enabled ?? false,
        };
  });
}
