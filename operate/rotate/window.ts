import type { Site } from "../../fleet/sites";

const minute = 60_000;

/** When a site's secret before its last rotation stops working, by its file; undefined when it was never rotated. */
export function windowEnd({ token }: Pick<Site, "token">): Date | undefined {
  return token.previousSecretExpiresAt === undefined ? undefined : new Date(token.previousSecretExpiresAt);
}

/** When the window closes in which both secrets work, by the file; undefined when none is open. */
export function openWindow(site: Pick<Site, "token">, now: Date): Date | undefined {
  const end = windowEnd(site);
  return end !== undefined && end > now ? end : undefined;
}

/** The end of a window that is at least as long as asked for: RFC 3339, in whole minutes. */
export function windowEndAfter(now: Date, graceMilliseconds: number): string {
  return wholeMinutes(Math.ceil((now.getTime() + graceMilliseconds) / minute));
}

/** A time that is over: the end of a window that never opens. */
export function noWindow(now: Date): string {
  return wholeMinutes(Math.floor(now.getTime() / minute));
}

/** RFC 3339 without fractions of a second, which nobody needs to read. */
function wholeMinutes(minutes: number): string {
  return new Date(minutes * minute).toISOString().replace(".000Z", "Z");
}
