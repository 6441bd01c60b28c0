import { z } from "zod";
import type { CloudflareAccess } from "./api-credentials";
import { listCloudflare, openClient, type CallResult } from "./client";

/** What a listing says of a service token; secrets are never part of it. */
export interface ListedToken {
  readonly id: string;
  readonly name: string;
}

const tokenSchema = z.object({ id: z.string(), name: z.string().catch("") });

/** Lists every service token of an account. */
export async function listServiceTokens(
  access: CloudflareAccess,
  accountId: string,
): Promise<CallResult<readonly ListedToken[]>> {
  const { client, problem } = openClient(access);
  if (client === undefined) {
    return { kind: "failed", problem, status: undefined };
  }
  return listCloudflare(
    access,
    {
      doing: `list the service tokens of account ${accountId}`,
      what: "the account's service tokens",
    },
    tokenSchema,
    (page) => client.zeroTrust.access.serviceTokens.list({ account_id: accountId, ...page }),
  );
}
