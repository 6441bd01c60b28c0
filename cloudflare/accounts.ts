import { z } from "zod";
import type { CallResult, CloudflareApi } from "./client";

const accountSchema = z.object({ id: z.string(), name: z.string().catch("") });

/** An account that an API token is shown. */
export type Account = Readonly<z.infer<typeof accountSchema>>;

/** Of accounts and of zones (docs/facts/cloudflare.md, C61, for zones; that of accounts by the OpenAPI document). */
const pageSize = 50;

/**
 * The accounts that the API token is shown: none without the permission "Account Settings" Read (cloudflare-go#725), and a refusal
 * with status 400 for one that is owned by an account (edgefirst-dev/starter#3). The zones that it sees name theirs, too.
 */
export const listAccounts = (api: CloudflareApi): Promise<CallResult<readonly Account[]>> =>
  api.list(
    { doing: "list the accounts", what: "the accounts" },
    accountSchema,
    (page) => api.client.accounts.list(page),
    pageSize,
  );

const zoneSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.string().optional().catch(undefined),
    account: z
      .object({ id: z.string(), name: z.string().catch("") })
      .nullish()
      .catch(undefined),
  })
  .transform(({ account, ...zone }) => ({ ...zone, account: account ?? undefined }));

/** A zone that an API token is shown, with the account that it belongs to. */
export type ShownZone = Readonly<z.infer<typeof zoneSchema>>;

/** Every zone that the API token is shown, of whichever account. */
export const listZones = (api: CloudflareApi): Promise<CallResult<readonly ShownZone[]>> =>
  api.list(
    { doing: "list the zones", what: "the zones" },
    zoneSchema,
    (page) => api.client.zones.list(page),
    pageSize,
  );
