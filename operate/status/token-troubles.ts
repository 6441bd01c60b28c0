import type { SiteStatus } from "./site-status";
import { dayMilliseconds, describeSpan, hourMilliseconds } from "./describe-time";
import type { Trouble } from "./trouble";

/** When time itself is a trouble. */
export interface Thresholds {
  readonly now: Date;
  /** An expiry nearer than this is an alarm. */
  readonly warnDays: number;
  /** Not having been seen for longer than this is an alarm; undefined: not looked at. */
  readonly staleHours: number | undefined;
}

type Times = Pick<SiteStatus, "enabledInFile" | "createdAt" | "expiresAt" | "lastSeenAt">;

/** Of a site that is shut out an expiry is only a warning, and that it is not seen is meant. */
export function timeTroubles(status: Times, thresholds: Thresholds): readonly Trouble[] {
  return [...expiryTroubles(status, thresholds), ...staleTroubles(status, thresholds)];
}

function expiryTroubles({ expiresAt, enabledInFile }: Times, { now, warnDays }: Thresholds): Trouble[] {
  if (expiresAt === undefined) {
    return [{ kind: "not readable", level: "alarm", says: "Cloudflare does not say when its token expires" }];
  }
  if (expiresAt === null) {
    return [];
  }
  const left = Date.parse(expiresAt) - now.getTime();
  const level = enabledInFile === false ? "warning" : "alarm";
  if (left <= 0) {
    return [{ kind: "expired", level, says: `its token expired ${describeSpan(left)} ago (${expiresAt})` }];
  }
  return left < warnDays * dayMilliseconds
    ? [{ kind: "expiring", level, says: `its token expires in ${describeSpan(left)} (${expiresAt})` }]
    : [];
}

/**
 * A token that was never used is given as much time as one that was: its site may still be on its way. Whether Cloudflare
 * leaves `last_seen_at` out of an answer for a token that was never used is not known, so that is judged by age, too.
 */
function staleTroubles(status: Times, { now, staleHours }: Thresholds): Trouble[] {
  const { lastSeenAt, createdAt, enabledInFile } = status;
  if (enabledInFile === false || staleHours === undefined) {
    return [];
  }
  const since = lastSeenAt ?? createdAt;
  if (since === undefined) {
    return [
      { kind: "not told when seen", level: "alarm", says: "Cloudflare does not say when it was last seen" },
    ];
  }
  const age = now.getTime() - Date.parse(since);
  if (age <= staleHours * hourMilliseconds) {
    return [];
  }
  const span = describeSpan(age);
  if (lastSeenAt === undefined) {
    return [
      {
        kind: "not told when seen",
        level: "alarm",
        says: `Cloudflare does not say when it was last seen, and its token is ${span} old`,
      },
    ];
  }
  return [
    {
      kind: "stale",
      level: "alarm",
      says:
        lastSeenAt === null
          ? `was never seen since its token was made ${span} ago (${since})`
          : `was last seen ${span} ago (${since})`,
    },
  ];
}
