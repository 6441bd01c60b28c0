import { isIP } from "node:net";
import type { SignalName } from "../fleet/signals";

/** The kinds of record that a push host may have. */
export type RecordType = "A" | "AAAA" | "CNAME";

/** The kind of record that leads to an address or host name. */
export function recordTypeFor(address: string): RecordType {
  switch (isIP(address)) {
    case 4:
      return "A";
    case 6:
      return "AAAA";
    default:
      return "CNAME";
  }
}

/** The comment on a signal's record. At most 100 characters, which is what free zones may have (cloudflare-docs, record-attributes). */
export function recordComment(ownPrefix: string, signal: SignalName): string {
  return `${ownPrefix}${signal}`.slice(0, 100);
}
