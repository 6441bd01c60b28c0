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

/** The organization's key pair, made anew in each process. Cloudflare rotates keys and lists two; here there is one. */
export class SigningKeys {
  private constructor(
    private readonly privateKey: CryptoKey,
    /** The public part, as `/cdn-cgi/access/certs` lists it. */
    readonly jwks: { readonly keys: JWK[] },
  ) {}

  static async create(): Promise<SigningKeys> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    const jwk = { ...(await exportJWK(publicKey)), kid: crypto.randomUUID(), alg: algorithm, use: "sig" };
    return new SigningKeys(privateKey, { keys: [jwk] });
  }

  /** A token of type `app` with an empty subject, as a service token gets it. */
  async sign({ issuer, audience, commonName, issuedAt, expiresAt }: ApplicationToken): Promise<string> {
    return new SignJWT({ type: "app", common_name: commonName })
      .setProtectedHeader({ alg: algorithm, kid: this.jwks.keys[0]?.kid ?? "", typ: "JWT" })
      .setIssuer(issuer)
      .setAudience([audience])
      .setSubject("")
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.privateKey);
  }

  /** The common name in a token of this issuer for this audience; undefined when it is another's, has expired or is forged. */
  async commonNameOf(jwt: string, issuer: string, audience: string, now: Date): Promise<string | undefined> {
    try {
      const { payload } = await jwtVerify(jwt, createLocalJWKSet(this.jwks), {
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
