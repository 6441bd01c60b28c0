import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWK,
} from "jose";
import { z } from "zod";

const algorithm = "RS256";

/** Tokens that are remembered: those of some seconds. */
const mostSigned = 1000;

/** What an application token says (cloudflare-docs, authorization-cookie/application-token.mdx). */
export interface ApplicationToken {
  readonly issuer: string;
  /** Audience tag of the application. */
  readonly audience: string;
  /** Client ID of the service token; empty when a policy let the sender in without one [gap]. */
  readonly commonName: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

const claims = z.object({ common_name: z.string() });

/** One key pair; the public part as `/cdn-cgi/access/certs` lists it. */
interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: JWK;
}

/**
 * The organization's key pairs, made anew in each process: the one that signs, and the one before it, which still verifies. At
 * Cloudflare a key signs for six weeks and verifies for a week more (cloudflare-docs, validating-json.mdx, "Access signing keys").
 */
export class SigningKeys {
  private readonly signed = new Map<string, Promise<string>>();
  /** Of the public parts, which are read once. */
  private verifying: ReturnType<typeof createLocalJWKSet>;

  private constructor(
    private current: SigningKey,
    private previous: SigningKey | undefined,
  ) {
    this.verifying = createLocalJWKSet(this.jwks);
  }

  static async create(): Promise<SigningKeys> {
    return new SigningKeys(await makeKey(), undefined);
  }

  /** The public parts. */
  get jwks(): { readonly keys: JWK[] } {
    return { keys: [this.current, this.previous].flatMap((key) => key?.publicKey ?? []) };
  }

  /** Signs with a new key from now on; of the former ones only the last still verifies. */
  async rotate(): Promise<void> {
    this.previous = this.current;
    this.current = await makeKey();
    this.verifying = createLocalJWKSet(this.jwks);
  }

  /**
   * A token of type `app` with an empty subject, as a service token gets it. The same claims within a second are the same token, to the
   * last byte: it is signed once.
   */
  async sign(token: ApplicationToken): Promise<string> {
    const { issuer, audience, commonName } = token;
    const issuedAt = seconds(token.issuedAt);
    const expiresAt = seconds(token.expiresAt);
    const kid = this.current.publicKey.kid ?? "";
    const key = JSON.stringify([kid, issuer, audience, commonName, issuedAt, expiresAt]);
    const known = this.signed.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.signed.size >= mostSigned) {
      this.signed.clear();
    }
    const signing = new SignJWT({ type: "app", common_name: commonName })
      .setProtectedHeader({ alg: algorithm, kid, typ: "JWT" })
      .setIssuer(issuer)
      .setAudience([audience])
      .setSubject("")
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.current.privateKey);
    this.signed.set(key, signing);
    return signing;
  }

  /** The common name in a token of this issuer for this audience; undefined when it is another's, has expired or is forged. */
  async commonNameOf(jwt: string, issuer: string, audience: string, now: Date): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(jwt, this.verifying, {
        algorithms: [algorithm],
        issuer,
        audience,
        requiredClaims: ["exp"],
        currentDate: now,
      });
      return claims.parse(payload).common_name;
    } catch {
      return undefined;
    }
  }
}

/** As a JWT has times. */
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const jwk = await exportJWK(publicKey);
  return { privateKey, publicKey: { ...jwk, kid: crypto.randomUUID(), alg: algorithm, use: "sig" } };
}
