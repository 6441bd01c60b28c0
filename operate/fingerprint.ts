import { createHash } from "node:crypto";

/**
 * What a person compares two secrets by without seeing them: the first 12 hexadecimal digits of the SHA-256.
 * A client secret has more than 200 bits of chance in it, so its digest gives nothing away.
 */
export function fingerprint(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 12);
}
