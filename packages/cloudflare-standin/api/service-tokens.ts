import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ServiceToken as SdkServiceToken } from "cloudflare/resources/zero-trust/access/service-tokens";
import { z } from "zod";
import { goDurationMilliseconds } from "../go-duration";
import type { Database } from "./database";
import {
  accessNotFound,
  accessQuota,
  apiError,
  invalidRequest,
  pageOf,
  pagination,
  refuse,
  type Answered,
} from "./envelope";
import { noInput, route, type Backend, type Route } from "./route";
import type { ServiceToken } from "./rows";

const previousExpiry = {
  previous_client_secret_expires_at: z.iso.datetime({ offset: true }).exactOptional(),
};

/** Bodies by the SDK's types (cloudflare 7.3.0 resources/zero-trust/access/service-tokens.d.ts); a name has at most 350 characters (account-limits page). */
const createBody = z.strictObject({
  name: z.string().min(1).max(350),
  duration: z.string().exactOptional(),
  enabled: z.boolean().exactOptional(),
  client_secret_version: z.int().min(1).exactOptional(),
  ...previousExpiry,
});
const updateBody = createBody.exactPartial();

const listQuery = z.strictObject({
  ...pagination,
  name: z.string().exactOptional(),
  search: z.string().exactOptional(),
});

const collection = "/accounts/:account/access/service_tokens";
const item = `${collection}/:id`;
const read = "Access: Service Tokens Read";
const write = "Access: Service Tokens Write";
const yearMilliseconds = 8760 * 3600 * 1000;

/**
 * Access service tokens, at account level (D:docs/cloudflare-one/access-controls/service-credentials/service-tokens.mdx).
 * The secret is in the answers to create, to rotate, and to the PUT that raises the version; nowhere else.
 */
export const serviceTokenRoutes: readonly Route[] = [
  // Duplicate names are allowed (jikig-ai/soleur#7065). An expiry of a previous secret has no effect yet, as there is none.
  route("POST", collection, write, { ...noInput, body: createBody }, ({ body, ...backend }) => {
    const { database, limits, issuedSecrets, now } = backend;
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
    return { status: 201, result: { ...shown(token), client_secret: secret } };
  }),
  route("GET", collection, read, { ...noInput, query: listQuery }, ({ database, query }) => {
    const wanted = query.search?.toLowerCase();
    const tokens = [...database.serviceTokens.values()].filter(
      ({ name }) =>
        (query.name === undefined || name === query.name) &&
        (wanted === undefined || name.toLowerCase().includes(wanted)),
    );
    return pageOf(tokens, query, shown);
  }),
  route("GET", item, read, noInput, ({ database, id }) => ({ result: shown(find(database, id)) })),
  route("PUT", item, write, { ...noInput, body: updateBody }, ({ id, body, ...backend }) => {
    const { database, now } = backend;
    const token = find(database, id);
    const previousExpiresAt = body.previous_client_secret_expires_at;
    // Counted anew only when it changes: the provider repeats the same duration in each PUT (service-tokens.mdx "Renew").
    if (body.duration !== undefined && body.duration !== token.duration) {
      token.expires_at = expiry(body.duration, now());
      token.duration = body.duration;
    }
    token.name = body.name ?? token.name;
    token.enabled = body.enabled ?? token.enabled;
    token.updated_at = now().toISOString();
    // Higher rotates, the same does not (TF TestAcc..._SecretRotation). Lower keeps the secret and stores the version: a gap.
    const version = body.client_secret_version ?? token.clientSecretVersion;
    const isRotation = version > token.clientSecretVersion;
    token.clientSecretVersion = version;
    if (isRotation) {
      return { result: rotated(token, previousExpiresAt, backend) };
    }
    if (previousExpiresAt !== undefined && token.previousClientSecretHash !== undefined) {
      token.previousClientSecretExpiresAt = previousExpiresAt;
    }
    return { result: shown(token) };
  }),
  route("DELETE", item, write, noInput, ({ database, id }) => {
    const token = find(database, id);
    if (isNamedInPolicy(database, id)) {
      // A live probe (jikig-ai/soleur#7065). That the status is 400 is a gap.
      throw apiError(
        400,
        12139,
        "access.api.error.service_token_in_use: cannot delete service token because it is used by a policy, group, or app SCIM configuration",
      );
    }
    database.serviceTokens.delete(id);
    return { result: shown(token) };
  }),
  // That a rotation leaves client_secret_version as it is, is a gap.
  route(
    "POST",
    `${item}/rotate`,
    write,
    { ...noInput, body: z.strictObject(previousExpiry).optional() },
    ({ id, body, ...backend }) => {
      const token = find(backend.database, id);
      token.updated_at = backend.now().toISOString();
      return { result: rotated(token, body?.previous_client_secret_expires_at, backend) };
    },
  ),
  // "Extends by one year" (service-tokens.mdx): counted from the expiry, not from today [gap]. A `forever` token stays as it is.
  route("POST", `${item}/refresh`, write, noInput, ({ database, now, id }) => {
    const token = find(database, id);
    if (token.duration !== "forever") {
      token.expires_at = wholeSecond(Date.parse(token.expires_at) + yearMilliseconds);
    }
    token.updated_at = now().toISOString();
    return { result: shown(token) };
  }),
];

/** The SDK's answer to a read, and three times of the OpenAPI document that the SDK does not have. */
type TokenAnswer = Answered<SdkServiceToken> &
  Readonly<Record<"created_at" | "updated_at" | "last_seen_at", string | null>>;

function shown(token: ServiceToken): TokenAnswer {
  const { id, client_id, name, duration, enabled, created_at, updated_at, expires_at, lastSeenAt } = token;
  const last_seen_at = lastSeenAt;
  return { id, client_id, name, duration, enabled, created_at, updated_at, expires_at, last_seen_at };
}

/**
 * Gives the token a new secret and shows both. The old one is accepted until `previousExpiresAt`, by default until now
 * (cloudflare 7.3.0 service-tokens.d.ts ServiceTokenRotateParams). One previous secret is kept, so a second rotation inside
 * the overlap ends the oldest (inferred).
 */
function rotated(
  token: ServiceToken,
  previousExpiresAt: string | undefined,
  { issuedSecrets, now }: Backend,
): TokenAnswer & { readonly client_secret: string } {
  const secret = newClientSecret();
  issuedSecrets.add(secret);
  token.previousClientSecretHash = token.clientSecretHash;
  token.previousClientSecretExpiresAt = previousExpiresAt ?? now().toISOString();
  token.clientSecretHash = hashClientSecret(secret);
  return { ...shown(token), client_secret: secret };
}

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A client secret of today's format: `cfast_`, 40 alphanumerics, 8 characters of checksum (service-tokens.mdx, since 2026-08-26). That the checksum is a CRC-32 in hex is made up [gap]. */
function newClientSecret(): string {
  const random = Array.from({ length: 40 }, () => alphanumerics.charAt(randomInt(alphanumerics.length)));
  const body = random.join("");
  return `cfast_${body}${crc32(body).toString(16).padStart(8, "0")}`;
}

/** What is kept of a client secret. A plain SHA-256 will do: the secret is random, so it cannot be guessed from a list. */
export function hashClientSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Cloudflare shows an expiry for `forever` too (TF:zero_trust_access_service_token/resource_test.go); which one is a gap. */
const farExpiry = "9999-12-31T23:59:59Z";

/** When a token of this duration expires. Throws 12130 on anything but a Go duration and `forever`. */
function expiry(duration: string, now: Date): string {
  if (duration === "forever") {
    return farExpiry;
  }
  const milliseconds = goDurationMilliseconds(duration) ?? 0;
  // That a token lasting no time is refused is a gap.
  if (milliseconds <= 0) {
    throw invalidRequest(`invalid duration '${duration}'`);
  }
  return wholeSecond(now.getTime() + milliseconds);
}

/** An expiry is shown to the second (the OpenAPI document's example `2025-01-01T00:00:00Z`), and the provider cuts what is finer (TF:internal/apijson/decoder.go). */
function wholeSecond(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function find(database: Database, id: string): ServiceToken {
  return database.serviceTokens.get(id) ?? refuse(accessNotFound("service token"));
}

/** A scan of a thousand rules takes microseconds, so there is no index to keep right. */
function isNamedInPolicy(database: Database, tokenId: string): boolean {
  return [...database.policies.values()].some((policy) =>
    [policy.include, policy.exclude, policy.require]
      .flat()
      .some((rule) => "service_token" in rule && rule.service_token.token_id === tokenId),
  );
}
