import type { Site } from "../../fleet/sites";
import type { SiteCredentials } from "../../stack/stack-outputs";
import type { SignalName } from "../../fleet/signals";
import type { Problem } from "./verdict";

/** What is known when Access refuses the stored secret where the site is to be let in. */
export interface RefusedPush {
  readonly site: Site;
  readonly signal: SignalName;
  readonly credentials: SiteCredentials;
  readonly status: 401 | 403;
  /** Whether the organization is in strict mode; undefined when that could not be seen. */
  readonly strict: boolean | undefined;
  /** Whether the same secret was let in at another place. */
  readonly letInElsewhere: boolean;
  readonly now: Date;
}

/**
 * Why Access refuses a secret, as far as it can be told. In strict mode 401 is a secret that does not authenticate, and 403 a good
 * one that is not allowed here (service-tokens.mdx); without it, both are 401 on the write paths.
 */
export function likelyCause(refused: RefusedPush): Problem {
  const { signal, credentials, status, strict, letInElsewhere, now } = refused;
  if (credentials.expiresAt !== "" && Date.parse(credentials.expiresAt) <= now.getTime()) {
    return {
      says: `the token expired at ${credentials.expiresAt}`,
      todo: "Run `sitepass renew <site>` and `pulumi up`",
    };
  }
  if (credentials.endpoints[signal] === undefined) {
    return { says: `the last up did not let the site push ${signal}`, todo: "Run `pulumi up`" };
  }
  if (letInElsewhere || (strict === true && status === 403)) {
    return {
      says: `the secret is good${letInElsewhere ? ", as it is let in elsewhere" : ""}, but no policy of ${signal} lets it in`,
      todo: "Run `pulumi up --refresh`, which puts the policies back",
    };
  }
  const lapsed = lapsedWindow(refused);
  if (strict === true) {
    return {
      says: `the stored secret does not authenticate: the token was rotated, disabled or deleted outside of this project${lapsed}`,
      todo: "Run `pulumi up --refresh`, which enables it or makes it again; if that changes nothing it was rotated: `sitepass rotate <site> --now` and `pulumi up` make a new secret",
    };
  }
  return {
    says: `the stored secret is not the token's any more (rotated outside of this project${lapsed}), the token is disabled or deleted, or no policy lets it in, which this organization answers alike`,
    todo: "Run `pulumi up --refresh`, which mends all but a rotation; after that, `sitepass rotate <site> --now` and `pulumi up`. Strict service token mode tells them apart; `sitepass check` says how to turn it on",
  };
}

/** A stack that was restored from before a rotation holds the secret before it, whose time may be over. */
function lapsedWindow({ site: { token }, now }: RefusedPush): string {
  const { secretVersion, previousSecretExpiresAt } = token;
  return previousSecretExpiresAt !== undefined && Date.parse(previousSecretExpiresAt) <= now.getTime()
    ? `, or the stack was restored from before secret version ${secretVersion}, when the secret ended at ${previousSecretExpiresAt}`
    : "";
}
