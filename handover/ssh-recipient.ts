import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { Stanza, type Recipient } from "age-encryption";
import type { SshPublicKey } from "./ssh-public-key";

/**
 * Encrypts to an SSH key as `age -R key.pub` does, so that `age -d -i key` opens it: the stanza types ssh-ed25519 and
 * ssh-rsa, which the age-encryption package leaves out and FiloSottile/age defines (agessh/agessh.go).
 */
export function sshRecipient(key: SshPublicKey): SshRecipient {
  return {
    wrapFileKey: (fileKey) => [
      key.type === "ssh-rsa" ? wrapForRsa(key, fileKey) : wrapForEd25519(key, fileKey),
    ],
  };
}

/** A recipient that needs no waiting for. */
interface SshRecipient extends Recipient {
  readonly wrapFileKey: (fileKey: Uint8Array) => Stanza[];
}

type KeyOf<Type extends SshPublicKey["type"]> = Extract<SshPublicKey, { readonly type: Type }>;

const rsaLabel = "age-encryption.org/v1/ssh-rsa";
const ed25519Label = "age-encryption.org/v1/ssh-ed25519";

function wrapForRsa({ wire, exponent, modulus }: KeyOf<"ssh-rsa">, fileKey: Uint8Array): Stanza {
  const key = createPublicKey({
    format: "jwk",
    key: { kty: "RSA", e: exponent.toString("base64url"), n: modulus.toString("base64url") },
  });
  const body = publicEncrypt(
    {
      key,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: "sha256",
      oaepLabel: Buffer.from(rsaLabel),
    },
    fileKey,
  );
  return new Stanza(["ssh-rsa", tagOf(wire)], body);
}

/** X25519 with the key as a point of the Montgomery curve, tied to the SSH key by one more multiplication. */
function wrapForEd25519({ wire, point }: KeyOf<"ssh-ed25519">, fileKey: Uint8Array): Stanza {
  const theirs = montgomeryPoint(point);
  const ephemeral = privateX25519(randomBytes(32));
  const share = rawPublic(createPublicKey(ephemeral));
  const tweak = privateX25519(hkdf(Buffer.alloc(0), wire));
  const secret = multiply(tweak, multiply(ephemeral, theirs));
  const cipher = createCipheriv(
    "chacha20-poly1305",
    hkdf(secret, Buffer.concat([share, theirs])),
    // Each key encrypts one message.
    Buffer.alloc(12),
    { authTagLength: 16 },
  );
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return new Stanza(["ssh-ed25519", tagOf(wire), unpadded(share)], body);
}

/** Tells an identity which stanza may be its own. */
function tagOf(wire: Buffer): string {
  return unpadded(createHash("sha256").update(wire).digest().subarray(0, 4));
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}

function hkdf(secret: Buffer, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, ed25519Label, 32));
}

/** PKCS #8 of an X25519 key up to its 32 bytes (RFC 8410, section 7). */
const pkcs8Start = Buffer.from("302e020100300506032b656e04220420", "hex");

function privateX25519(scalar: Buffer): KeyObject {
  return createPrivateKey({ format: "der", type: "pkcs8", key: Buffer.concat([pkcs8Start, scalar]) });
}

function rawPublic(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}

/** @throws when the point is of low order: no key that somebody generated is. */
function multiply(scalar: KeyObject, point: Buffer): Buffer {
  const publicKey = createPublicKey({
    format: "jwk",
    key: { kty: "OKP", crv: "X25519", x: point.toString("base64url") },
  });
  return diffieHellman({ privateKey: scalar, publicKey });
}

const prime = 2n ** 255n - 19n;

/** The same point on the Montgomery curve: u = (1 + y) / (1 - y) (RFC 7748, section 4.1). */
function montgomeryPoint(edwardsPoint: Buffer): Buffer {
  // Little endian, and the top bit is the sign of x.
  const y = BigInt(`0x${Buffer.from(edwardsPoint).reverse().toString("hex")}`) & (2n ** 255n - 1n);
  const u = modulo((1n + y) * inverse(modulo(1n - y)));
  return Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse();
}

const modulo = (value: bigint): bigint => ((value % prime) + prime) % prime;

/** By Fermat's little theorem. The key is public, so that the time this takes may show. */
function inverse(value: bigint): bigint {
  let [result, base] = [1n, value];
  for (let exponent = prime - 2n; exponent > 0n; exponent >>= 1n) {
    result = exponent & 1n ? modulo(result * base) : result;
    base = modulo(base * base);
  }
  return result;
}
