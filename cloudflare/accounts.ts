import { z } from "zod";
import type { CallResult, CloudflareApi } from "./client";

const accountSchema = z.object({ id: z.string(), name: z.string().catch("") });

/** An account that an API token is shown. */
export type Account = Readonly<z.infer<typeof accountSchema>>;

/** By cloudflare-docs' OpenAPI document: 5 to 50. */
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
