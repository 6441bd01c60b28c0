import { z } from "zod";
import { secret } from "../properties";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  duration: z.string().optional(),
  enabled: z.boolean().optional(),
  /** Null after an import, where the provider plans 1 and so one update (docs/facts/provider.md, P33). */
  clientSecretVersion: z.number().nullish(),
  previousClientSecretExpiresAt: z.string().optional(),
});

/** `expires_at` is missing in the SDK's type of the answer to a creation, and null for a token that never expires. */
const answered = z.looseObject({
  client_id: z.string(),
  client_secret: z.string().nullish(),
  expires_at: z.string().nullish(),
});

const existing = z.object({
  name: z.string(),
  duration: z.string().optional(),
  enabled: z.boolean().optional(),
});

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_service_token/resource.go */
export const serviceToken = defineKind({
  type: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
  permission: "Access: Service Tokens Edit",
  replaceOn: ["accountId"],
  inputs,
  scopeOf: ({ accountId }) => accountId,
  importIdForm: "accounts/<account_id>/<service_token_id>",
  create: (client, token) => client.zeroTrust.access.serviceTokens.create(body(token)),
  update: (client, id, token) => client.zeroTrust.access.serviceTokens.update(id, body(token)),
  get: (client, id, account_id) => client.zeroTrust.access.serviceTokens.get(id, { account_id }),
  delete: (client, id, account_id) => client.zeroTrust.access.serviceTokens.delete(id, { account_id }),
  inputsOf: (answer, accountId) => ({ accountId, ...existing.parse(answer), clientSecretVersion: null }),
  keptOnRead: ["clientSecretVersion", "previousClientSecretExpiresAt"],
  outputsOf: (answer, before) => {
    const { client_id, client_secret, expires_at } = answered.parse(answer);
    return {
      clientId: client_id,
      // It comes with creation and rotation only; otherwise the one in the state stays (the provider's Update and Read).
      clientSecret: typeof client_secret === "string" ? secret(client_secret) : before.clientSecret,
      expiresAt: expires_at ?? "",
    };
  },
  unknownAfter: (changed) => [
    // The provider plans a new expiry with every update.
    "expiresAt",
    ...(changed.includes("clientSecretVersion") ? ["clientSecret"] : []),
  ],
});

function body(token: z.infer<typeof inputs>) {
  const { accountId, name, duration, enabled, clientSecretVersion, previousClientSecretExpiresAt } = token;
  return {
    account_id: accountId,
    name,
    ...(duration === undefined ? {} : { duration }),
    ...(enabled === undefined ? {} : { enabled }),
    // The provider's default, which it sends with each token (schema.go).
    client_secret_version: clientSecretVersion ?? 1,
    ...(previousClientSecretExpiresAt === undefined
      ? {}
      : { previous_client_secret_expires_at: previousClientSecretExpiresAt }),
  };
}
