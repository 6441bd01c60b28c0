import { z } from "zod";
import { mapAnswer, optionalTime, type CallResult, type CloudflareApi } from "./client";

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
  .transform((found) => ({
    id: found.id,
    name: found.name,
    /** `cloudflare` when its ingress rules are kept by Cloudflare, `local` when in a file on its host. */
    configSrc: found.config_src,
    /** `healthy`, `degraded`, `down`, or `inactive` when it never ran. */
    status: found.status,
    /** RFC 3339; null while it lives. */
    deletedAt: found.deleted_at ?? null,
  }));

/** A tunnel that is run by cloudflared. */
export type AccountTunnel = Readonly<z.infer<typeof tunnelSchema>>;

/**
 * Lists an account's live tunnels.
 *
 * @param name only those of this name, of which there is at most one.
 */
export async function listTunnels(api: CloudflareApi, accountId: string, name?: string) {
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
  return mapAnswer(listed, (tunnels) =>
    tunnels.filter((one) => one.deletedAt === null && (name === undefined || one.name === name)),
  );
}

/**
 * Said with 404 of a path that leads nowhere, such as that of an account ID which is none: it says nothing of the object
 * (cloudflare/wrangler-legacy#607, "Could not route to").
 */
const noSuchRoute: readonly number[] = [7000, 7003];

/**
 * Reads one tunnel, which may be deleted: Cloudflare goes on showing it, with the time (docs/facts/cloudflare.md, C47).
 *
 * @returns undefined when Cloudflare says in its own words that the account has none of that ID. A bare 404, as of a proxy, is
 * a failure.
 */
export async function readTunnel(
  api: CloudflareApi,
  accountId: string,
  tunnelId: string,
): Promise<CallResult<AccountTunnel | undefined>> {
  const read = await api.call(`read tunnel ${tunnelId}`, async () =>
    tunnelSchema.parse(
      await api.client.zeroTrust.tunnels.cloudflared.get(tunnelId, { account_id: accountId }),
    ),
  );
  if (read.kind !== "failed" || read.status !== 404) {
    return read;
  }
  const { codes = [] } = read;
  return codes.length > 0 && !codes.some((code) => noSuchRoute.includes(code))
    ? { kind: "answered", value: undefined }
    : read;
}

/** Counts the connectors that are up: a tunnel itself no longer shows them (docs/facts/cloudflare.md, C53). */
export function countConnectors(api: CloudflareApi, accountId: string, tunnelId: string) {
  return api.call(`list the connectors of tunnel ${tunnelId}`, async () => {
    const found = await api.client.zeroTrust.tunnels.cloudflared.connections.get(tunnelId, {
      account_id: accountId,
    });
    return found.result.length;
  });
}

const originRequestSchema = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((found): Readonly<Record<string, unknown>> => found ?? {});

const textOrNone = z
  .string()
  .nullish()
  .transform((text) => text ?? "");

const ruleSchema = z.object({
  /** Empty for every host. */
  hostname: textOrNone,
  /** A Go regular expression, not anchored; empty for every path. */
  path: textOrNone,
  service: z.string(),
  originRequest: originRequestSchema,
});

/** One rule of a tunnel's configuration that Cloudflare keeps. */
export type IngressRule = Readonly<z.infer<typeof ruleSchema>>;

const configurationSchema = z
  .looseObject({
    ingress: z.array(ruleSchema).nullish(),
    originRequest: originRequestSchema,
    "warp-routing": z.looseObject({ enabled: z.boolean().nullish() }).nullish(),
  })
  .transform(({ ingress, originRequest, "warp-routing": warpRouting }) => ({
    /** In order: the first that matches serves. */
    rules: ingress ?? [],
    /** What all rules inherit. */
    originRequest,
    /** Whether private networks are reached through the tunnel too. */
    privateNetworks: warpRouting?.enabled ?? false,
  }));

/** A tunnel's configuration that Cloudflare keeps, in place of a file on the tunnel's host. */
export type TunnelConfiguration = Readonly<z.infer<typeof configurationSchema>>;

const answerSchema = z.looseObject({ config: configurationSchema.nullish() });

/** Reads a tunnel's configuration; undefined before it was given one. */
export function readTunnelConfiguration(api: CloudflareApi, accountId: string, tunnelId: string) {
  return api.call(`read the configuration of tunnel ${tunnelId}`, async () => {
    const answer = await api.client.zeroTrust.tunnels.cloudflared.configurations.get(tunnelId, {
      account_id: accountId,
    });
    return answerSchema.parse(answer).config ?? undefined;
  });
}
