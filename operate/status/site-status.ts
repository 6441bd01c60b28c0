import type { Problem } from "../../fleet/problem";
import type { SignalName } from "../../fleet/signals";
import { refreshAndUp } from "../own-applications";

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

/** The state of a fleet at one moment. */
export interface FleetReport {
  readonly stackName: string;
  readonly at: Date;
  /** Whether the stack's state and Cloudflare's API could be read; when not, what is missing is an alarm. */
  readonly readable: boolean;
  /** What is wrong with no site in particular; every one is an alarm. */
  readonly alarms: readonly Problem[];
  /** What a person should know of the report itself, such as that Cloudflare shows a part of the account alone. */
  readonly warnings: readonly Problem[];
  /** Worst first. */
  readonly sites: readonly SiteStatus[];
  readonly apiCalls: number;
}

/** How bad it is with a site: 0 with an alarm, 1 with a warning, 2 without either. */
export function rankOf({ troubles }: Pick<SiteStatus, "troubles">): 0 | 1 | 2 {
  return troubles.some(({ level }) => level === "alarm") ? 0 : troubles.length > 0 ? 1 : 2;
}

/** An alarm makes `status` fail: pushes are refused, are about to be, or cannot be told to arrive. */
export type TroubleLevel = "alarm" | "warning";

/** Something wrong with one site, which is its subject. */
export interface Trouble extends Problem {
  readonly kind: TroubleKind;
  readonly level: TroubleLevel;
}

export function trouble(level: TroubleLevel, kind: TroubleKind, site: string, says: string): Trouble {
  return { kind, level, subject: site, says, todo: troubleKinds[kind][1].replace("<sites>", site) };
}

/** One sentence about many sites with the same trouble, as of a subject such as `7 sites`. */
export function troubleOfMany(kind: TroubleKind, subject: string, names: string): Problem {
  const [says, todo] = troubleKinds[kind];
  return { subject, says, todo: todo.replace("<sites>", names) };
}

export type TroubleKind = keyof typeof troubleKinds;

const renew = "Run `npx sitepass renew <sites>`";

/** What can be wrong with one site or token: what is said of many at once, and what to do. Worst first. */
const troubleKinds = {
  gone: [
    "their tokens were deleted at Cloudflare, and their pushes are refused",
    `${refreshAndUp}, which makes another token, and hand over the new credentials`,
  ],
  expired: ["their tokens have expired, and their pushes are refused", renew],
  "disabled at Cloudflare": [
    "their tokens are disabled at Cloudflare and enabled in their files: their pushes are refused",
    `${refreshAndUp}, or set token.enabled to false`,
  ],
  "not let in": ["no policy lets their tokens in, and their pushes are refused", refreshAndUp],
  "perhaps not let in": [
    "whether policies let their tokens in cannot be told",
    "Look at the policies in the dashboard, or run `pulumi up --refresh`",
  ],
  "still let in": ["they are shut out in their files, and can still push", "Run `pulumi up`"],
  "not readable": [
    "their tokens cannot be read",
    "Fix what keeps it from being read, and look in the dashboard until then",
  ],
  expiring: ["their tokens expire soon", renew],
  stale: [
    "they were not seen for too long",
    "Check that the collector runs, and that `npx sitepass verify <sites>` passes",
  ],
  "rotation not in its file": [
    "the stack has rotated their secrets, and their files do not say so any more",
    "Bring their files back from the machine or the commit that rotated them: `up` refuses to go back, and so to change anything",
  ],
  "not told when seen": [
    "Cloudflare does not say when they were last seen",
    "Watch what arrives at the stores instead, and pass --stale off",
  ],
  "not provisioned": ["they have a file and no token", "Run `pulumi up`"],
  "not declared": [
    "they have a token and no file",
    "Bring the file back, or let `pulumi up` remove the token",
  ],
  "in another shard": [
    "they have a token here, and their files are in other shards",
    "Put the other stack's credentials in place, and let `pulumi up` remove the token",
  ],
  orphan: [
    "their tokens are known to no file and no state",
    "Delete what nobody uses in the dashboard: it is valid, and counts against the limit",
  ],
  "not disabled": [
    "they are shut out in their files, and their tokens are enabled at Cloudflare",
    refreshAndUp,
  ],
  "lets in more": ["policies let them push what their files do not name", refreshAndUp],
  "expiry differs": [
    "their tokens expire at another time than the stack's state says",
    `${refreshAndUp}; only the stack's outputs depend on it`,
  ],
  "secret not known": [
    "their secrets are not in the stack, as after an adoption",
    "Run `npx sitepass rotate <sites>` and `pulumi up`",
  ],
} as const satisfies Record<string, readonly [ofMany: string, todo: string]>;

/** The kinds, worst first. */
export const kindsOfTrouble = Object.keys(troubleKinds) as readonly TroubleKind[];
