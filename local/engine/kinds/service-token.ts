import { z } from "zod";
import { importIdParts } from "../import-id";
import { secret, type Properties } from "../properties";
import { defineKind } from "../resource-kind";

const inputs = z.strictObject({
  accountId: z.string(),
  name: z.string(),
  duration: z.string().optional(),
  enabled: z.boolean().optional(),
  /** Null after an import, where the provider plans 1 and so one update (facts/pulumi.md §6, pitfall 3). */
  clientSecretVersion: z.number().nullish(),
  previousClientSecretExpiresAt: z.string().optional(),
});

/** `expires_at` is missing in the SDK's type of the answer to a creation, and null for a token that never expires. */
const answer = z.looseObject({
  id: z.string(),
  client_id: z.string(),
  client_secret: z.string().nullish(),
  expires_at: z.string().nullish(),
});

const imported = answer.extend({
  name: z.string(),
  duration: z.string().optional(),
  enabled: z.boolean().optional(),
});

function body(token: z.infer<typeof inputs>) {
  return {
    account_id: token.accountId,
    name: token.name,
    ...(token.duration === undefined ? {} : { duration: token.duration }),
    ...(token.enabled === undefined ? {} : { enabled: token.enabled }),
    ...(typeof token.clientSecretVersion === "number"
      ? { client_secret_version: token.clientSecretVersion }
      : {}),
    ...(token.previousClientSecretExpiresAt === undefined
      ? {}
      : { previous_client_secret_expires_at: token.previousClientSecretExpiresAt }),
  };
}

/** The secret comes with creation and rotation only; otherwise the one in the state stays (provider: resource.go, Update and Read). */
function outputsOf(data: unknown, before: Properties): Properties {
  const token = answer.parse(data);
  return {
    clientId: token.client_id,
    clientSecret: typeof token.client_secret === "string" ? secret(token.client_secret) : before.clientSecret,
    expiresAt: token.expires_at ?? "",
  };
}

/** terraform-provider-cloudflare v5, internal/services/zero_trust_access_service_token/resource.go */
export const serviceToken = defineKind({
  type: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
  permission: "Access: Service Tokens Edit",
  replaceOn: ["accountId"],
  inputs,
  async create(client, token) {
    const made = await client.zeroTrust.access.serviceTokens.create(body(token));
    return { id: answer.parse(made).id, outputs: outputsOf(made, {}) };
  },
  async import(client, importId) {
    const [accountId, tokenId] = importIdParts(importId, "accounts/<account_id>/<service_token_id>");
    const token = imported.parse(
      await client.zeroTrust.access.serviceTokens.get(tokenId, { account_id: accountId }),
    );
    const { id, name, duration, enabled } = token;
    return {
      id,
      inputs: { accountId, name, duration, enabled, clientSecretVersion: null },
      // Never with a secret: Cloudflare shows it once.
      outputs: outputsOf(token, {}),
    };
  },
  async update(client, id, token, before) {
    return outputsOf(await client.zeroTrust.access.serviceTokens.update(id, body(token)), before);
  },
  async read(client, id, token, before) {
    return outputsOf(
      await client.zeroTrust.access.serviceTokens.get(id, { account_id: token.accountId }),
      before,
    );
  },
  async delete(client, id, token) {
    await client.zeroTrust.access.serviceTokens.delete(id, { account_id: token.accountId });
  },
  unknownAfter: (changed) => [
    // The provider plans a new expiry with every update.
    "expiresAt",
    ...(changed.includes("clientSecretVersion") ? ["clientSecret"] : []),
  ],
});
