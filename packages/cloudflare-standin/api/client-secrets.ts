import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ServiceToken } from "./rows";

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A client secret of today's format: `cfast_`, 40 alphanumerics, 8 characters of checksum (service-tokens.mdx, since 2026-08-26). That the checksum is a CRC-32 in hex is made up [gap]. */
export function newClientSecret(): string {
  const body = Array.from({ length: 40 }, () => alphanumerics.charAt(randomInt(alphanumerics.length))).join(
    "",
  );
  return `cfast_${body}${crc32(body).toString(16).padStart(8, "0")}`;
}

/** What is kept of a client secret. A plain SHA-256 will do: the secret is random, so it cannot be guessed from a list. */
export function hashClientSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/**
 * Gives the token a new secret and returns it. The old one is accepted until `previousExpiresAt`, by default until now
 * (cloudflare 7.3.0 service-tokens.d.ts ServiceTokenRotateParams). One previous secret is kept, so a second rotation inside
 * the overlap ends the oldest (facts/cloudflare.md §1 [INF]).
 */
export function rotateClientSecret(
  token: ServiceToken,
  previousExpiresAt: string | undefined,
  now: Date,
): string {
  const secret = newClientSecret();
  token.previousClientSecretHash = token.clientSecretHash;
  token.previousClientSecretExpiresAt = previousExpiresAt ?? now.toISOString();
  token.clientSecretHash = hashClientSecret(secret);
  return secret;
}
