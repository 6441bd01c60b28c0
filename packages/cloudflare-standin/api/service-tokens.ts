import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import { parseGoDuration } from "../../../fleet/duration";
import { hashClientSecret, newClientSecret, rotateClientSecret } from "./client-secrets";
import type { Database } from "./database";
import { pageOf, pagination } from "./envelope";
import { accessNotFound, accessQuota, invalidRequest, serviceTokenInUse } from "./errors";
import { noBody, noQuery, route, type Route } from "./route";
import type { ServiceToken } from "./rows";

/** Bodies by the SDK's types (cloudflare 7.3.0 resources/zero-trust/access/service-tokens.d.ts); a name has at most 350 characters (account-limits page). */
const fields = {
  name: z.string().min(1).max(350),
  duration: z.string().exactOptional(),
  enabled: z.boolean().exactOptional(),
  client_secret_version: z.int().min(1).exactOptional(),
  previous_client_secret_expires_at: z.iso.datetime({ offset: true }).exactOptional(),
};
const createBody = z.strictObject(fields);
const updateBody = z.strictObject({ ...fields, name: fields.name.exactOptional() });

const collection = "/accounts/:account/access/service_tokens";
const item = `${collection}/:id`;
const read = "Access: Service Tokens Read";
const write = "Access: Service Tokens Write";

/** Access service tokens (facts/cloudflare.md §1). The secret is in the answers to create, to rotate, and to the PUT that raises the version; nowhere else. */
export const serviceTokenRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: collection,
    permission: write,
    query: noQuery,
    body: createBody,
    // Duplicate names are allowed (jikig-ai/soleur#7065). An expiry of a previous secret has no effect yet, as there is none.
    handle: ({ database, limits, issuedSecrets, now, body }) => {
      if (database.serviceTokens.size >= limits.serviceTokens) {
        throw accessQuota("service tokens");
      }
      const duration = body.duration ?? "8760h";
      const secret = newClientSecret();
      const created_at = now().toISOString();
      const token: ServiceToken = {
        id: randomUUID(),
        client_id: `${randomBytes(16).toString("hex")}.access`,
        name: body.name,
        duration,
        enabled: body.enabled ?? true,
        created_at,
        updated_at: created_at,
        expires_at: expiry(duration, now()),
        lastSeenAt: null,
        clientSecretVersion: body.client_secret_version ?? 1,
        clientSecretHash: hashClientSecret(secret),
      };
      database.serviceTokens.set(token.id, token);
      issuedSecrets.add(secret);
      // The status is the OpenAPI document's (cloudflare/api-schemas c92b9b0f, access-service-tokens-create-a-service-token).
      return { status: 201, result: { ...shownToken(token), client_secret: secret } };
    },
  }),
  route({
    method: "GET",
    path: collection,
    permission: read,
    query: z.strictObject({
      ...pagination,
      name: z.string().exactOptional(),
      search: z.string().exactOptional(),
    }),
    body: noBody,
    handle: ({ database, query }) => {
      const wanted = query.search?.toLowerCase();
      const tokens = [...database.serviceTokens.values()].filter(
        ({ name }) =>
          (query.name === undefined || name === query.name) &&
          (wanted === undefined || name.toLowerCase().includes(wanted)),
      );
      return pageOf(tokens, query, shownToken);
    },
  }),
  route({
    method: "GET",
    path: item,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => ({ result: shownToken(findToken(database, id)) }),
  }),
  route({
    method: "PUT",
    path: item,
    permission: write,
    query: noQuery,
    body: updateBody,
    handle: ({ database, issuedSecrets, now, id, body }) => {
      const token = findToken(database, id);
      const previousExpiresAt = body.previous_client_secret_expires_at;
      // Counted anew only when it changes: the provider repeats the same duration in each PUT (service-tokens.mdx "Renew").
      const renewed =
        body.duration !== undefined && body.duration !== token.duration
          ? { duration: body.duration, expires_at: expiry(body.duration, now()) }
          : {};
      Object.assign(token, renewed, {
        name: body.name ?? token.name,
        enabled: body.enabled ?? token.enabled,
        updated_at: now().toISOString(),
      });
      const version = body.client_secret_version ?? token.clientSecretVersion;
      // Higher rotates, the same does not (TF TestAcc..._SecretRotation). Lower keeps the secret and stores the version: a gap.
      if (version > token.clientSecretVersion) {
        const secret = rotateClientSecret(token, previousExpiresAt, now());
        token.clientSecretVersion = version;
        issuedSecrets.add(secret);
        return { result: { ...shownToken(token), client_secret: secret } };
      }
      token.clientSecretVersion = version;
      if (previousExpiresAt !== undefined && token.previousClientSecretHash !== undefined) {
        token.previousClientSecretExpiresAt = previousExpiresAt;
      }
      return { result: shownToken(token) };
    },
  }),
  route({
    method: "DELETE",
    path: item,
    permission: write,
    query: noQuery,
    body: noBody,
    handle: ({ database, id }) => {
      const token = findToken(database, id);
      if (isIncluded(database, id)) {
        throw serviceTokenInUse();
      }
      database.serviceTokens.delete(id);
      return { result: shownToken(token) };
    },
  }),
];

/** A token as answers show it. created_at, updated_at, expires_at and last_seen_at are in the OpenAPI document, not all of them in the SDK (facts/cloudflare.md §1). */
export function shownToken(token: ServiceToken): object {
  const { id, client_id, name, duration, enabled, created_at, updated_at, expires_at, lastSeenAt } = token;
  return {
    id,
    client_id,
    name,
    duration,
    enabled,
    created_at,
    updated_at,
    expires_at,
    last_seen_at: lastSeenAt,
  };
}

/** When a token of this duration expires; null for `forever` (what Cloudflare shows then is a gap). Throws 12130 on anything but a Go duration. */
function expiry(duration: string, now: Date): string | null {
  if (duration === "forever") {
    return null;
  }
  const milliseconds = parseGoDuration(duration) ?? 0;
  // That a token lasting no time is refused is a gap.
  if (milliseconds <= 0) {
    throw invalidRequest(`invalid duration '${duration}'`);
  }
  return new Date(now.getTime() + milliseconds).toISOString();
}

/** The token; 404 when there is none. */
export function findToken(database: Database, id: string): ServiceToken {
  const token = database.serviceTokens.get(id);
  if (token === undefined) {
    throw accessNotFound("service token");
  }
  return token;
}

/** Whether any policy names the token. A scan of a thousand rules takes microseconds, so there is no index to keep right. */
function isIncluded(database: Database, tokenId: string): boolean {
  for (const { include, exclude, require } of database.policies.values()) {
    for (const rules of [include, exclude, require]) {
      if (rules.some((rule) => "service_token" in rule && rule.service_token.token_id === tokenId)) {
        return true;
      }
    }
  }
  return false;
}
