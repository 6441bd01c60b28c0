import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from "jose";
import { z } from "zod";
import { sendToLoopback } from "../http-messages";

/** A request that an ingress rule does not let pass. */
export interface FilteredRequest {
  readonly status: 403 | 502;
  readonly detail: string;
}

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/**
 * The check of `Cf-Access-Jwt-Assertion` that a rule's `access` with `required: true` installs
 * (CFD:ingress/middleware/jwtvalidator.go, with go-oidc). Keys are fetched when first needed and again when none of them
 * fits; each configuration starts without any. The issuer, expiry and signature are checked, not the type.
 */
export class AssertionCheck {
  /** Each is read once, and not for each request. */
  #keys = createLocalJWKSet({ keys: [] });

  constructor(
    private readonly teamName: string,
    private readonly audTags: readonly string[],
  ) {}

  /** Undefined when the request may pass. No assertion or the wrong audience is 403; whatever keeps it from being verified is an error of the proxy, 502. */
  async filter(
    assertion: string | undefined,
    jwksUrl: string,
    now: Date,
  ): Promise<FilteredRequest | undefined> {
    if (assertion === undefined || assertion === "") {
      return { status: 403, detail: "no access token in request" };
    }
    let audiences: readonly string[];
    try {
      const { aud = [] } = await this.#verify(assertion, jwksUrl, now);
      audiences = typeof aud === "string" ? [aud] : aud;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { status: 502, detail: `the assertion could not be verified: ${reason}` };
    }
    return audiences.some((audience) => this.audTags.includes(audience))
      ? undefined
      : { status: 403, detail: `Invalid token in jwt: [${audiences.join(" ")}]` };
  }

  async #verify(assertion: string, jwksUrl: string, now: Date): Promise<JWTPayload> {
    try {
      return await this.#verifyWithKnownKeys(assertion, now);
    } catch (error) {
      const mayBeNewKey =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
      if (!mayBeNewKey) {
        throw error;
      }
      this.#keys = createLocalJWKSet(await this.#fetchKeys(jwksUrl));
      return this.#verifyWithKnownKeys(assertion, now);
    }
  }

  async #verifyWithKnownKeys(assertion: string, now: Date): Promise<JWTPayload> {
    const { payload } = await jwtVerify(assertion, this.#keys, {
      algorithms: ["RS256"],
      issuer: `https://${this.teamName}.cloudflareaccess.com`,
      requiredClaims: ["exp"],
      currentDate: now,
    });
    return payload;
  }

  /** `https://<team>.cloudflareaccess.com/cdn-cgi/access/certs`, found on loopback by its Host header. */
  async #fetchKeys(jwksUrl: string): Promise<JSONWebKeySet> {
    const { pathname } = new URL(jwksUrl);
    const { status, body } = await sendToLoopback(jwksUrl, {
      method: "GET",
      host: `${this.teamName}.cloudflareaccess.com`,
      path: pathname,
      headers: [],
      body: Buffer.alloc(0),
    });
    if (status !== 200) {
      throw new Error(`the team's keys could not be fetched: status ${status}`);
    }
    return keySet.parse(JSON.parse(body.toString()));
  }
}
