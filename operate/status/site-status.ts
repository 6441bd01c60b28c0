import type { SignalName } from "../../fleet/signals";
import type { Trouble } from "./trouble";

/**
 * Where a site stands between its file, the stack's state and the account: `gone` is in the state and no longer in the
 * account, `orphan` in the account alone, and of an `unknown` one too little could be read.
 */
export type SiteState = "provisioned" | "not provisioned" | "not declared" | "gone" | "orphan" | "unknown";

/** What is known of one site, or of a token that belongs to none. Times are RFC 3339. */
export interface SiteStatus {
  readonly site: string;
  readonly state: SiteState;
  readonly declared: boolean;
  /** Undefined when it cannot be told. */
  readonly provisioned: boolean | undefined;
  /** What the site's file says; undefined without one. */
  readonly enabledInFile: boolean | undefined;
  /** What Cloudflare says; undefined when it does not. */
  readonly enabledAtCloudflare: boolean | undefined;
  readonly tokenId: string | undefined;
  readonly clientId: string | undefined;
  readonly createdAt: string | undefined;
  /** Null for a token that never expires, undefined when it cannot be told. */
  readonly expiresAt: string | null | undefined;
  /** Null for a token that was never used, undefined when it cannot be told. */
  readonly lastSeenAt: string | null | undefined;
  /** From the site's file: Cloudflare does not say which secret a token is at. */
  readonly secretVersion: number | undefined;
  /** Until when the secret before the last rotation works; from the site's file, too. */
  readonly previousSecretExpiresAt: string | undefined;
  readonly signals: readonly SignalName[];
  /** Worst first. */
  readonly troubles: readonly Trouble[];
}

/** How bad it is with a site: 0 with an alarm, 1 with a warning, 2 without either. */
export function rankOf({ troubles }: Pick<SiteStatus, "troubles">): 0 | 1 | 2 {
  return troubles.some(({ level }) => level === "alarm") ? 0 : troubles.length > 0 ? 1 : 2;
}
