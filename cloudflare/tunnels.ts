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
