import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";

/** Encrypts the secrets of one state file: AES-256-GCM, with a key derived from a passphrase by scrypt. */
export interface SecretBox {
  /** Kept beside the ciphertexts, in clear: hexadecimal. */
  readonly salt: string;
  seal(value: unknown): string;
  /** @throws when the passphrase is not the one that the value was sealed with. */
  open(sealed: string): unknown;
}

const nonceBytes = 12;
const tagBytes = 16;

export function secretBox(passphrase: string, salt: string = randomBytes(16).toString("hex")): SecretBox {
  const key = scryptSync(passphrase, Buffer.from(salt, "hex"), 32);
  return {
    salt,
    seal(value) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const text = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, "base64");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
      const value: unknown = JSON.parse(text.toString("utf8"));
      return value;
    },
  };
}
