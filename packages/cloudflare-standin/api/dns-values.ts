import { randomBytes } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { Database } from "./database";
import { checkConflicts } from "./dns-conflicts";
import { badDnsRecord } from "./errors";
import type { DnsRecord } from "./rows";

/** What a caller can say about a record. */
export interface WantedRecord extends Pick<
  DnsRecord,
  "name" | "type" | "content" | "ttl" | "proxied" | "settings"
> {
  readonly comment?: string;
}

/** Creates the record, or puts it in the place of `earlier`. Throws when a value cannot be, or another record is in the way. */
export function saveRecord(
  wanted: WantedRecord,
  earlier: DnsRecord | undefined,
  zoneId: string,
  database: Database,
  now: Date,
): DnsRecord {
  const name = wanted.name.toLowerCase();
  const zone = database.zones.get(zoneId)?.name;
  // Cloudflare completes a name without the zone; that would be a difference to what was declared, so it is refused here.
  if (zone === undefined || (name !== zone && !name.endsWith(`.${zone}`)) || !isHostName(name)) {
    throw badDnsRecord(`DNS name '${wanted.name}' is not a full name inside the zone ${String(zone)}.`);
  }
  checkContent(wanted, name);
  checkConflicts({ ...wanted, name, zoneId }, earlier?.id, database);
  const comment = wanted.comment === undefined || wanted.comment === "" ? null : wanted.comment;
  const time = now.toISOString();
  const record: DnsRecord = {
    id: earlier?.id ?? randomBytes(16).toString("hex"),
    zoneId,
    name,
    type: wanted.type,
    content: wanted.content,
    proxied: wanted.proxied,
    // A proxied record's TTL is automatic whatever is sent (facts/cloudflare.md §10).
    ttl: wanted.proxied ? 1 : wanted.ttl,
    settings: wanted.settings,
    comment,
    comment_modified_on:
      (earlier?.comment ?? null) === comment ? (earlier?.comment_modified_on ?? null) : time,
    created_on: earlier?.created_on ?? time,
    modified_on: time,
  };
  database.dnsRecords.set(record.id, record);
  return record;
}

/** Throws unless the content fits the type. A CNAME may point anywhere but at itself; that a `cfargotunnel.com` name belongs to a tunnel is for the data path to find out. */
function checkContent({ type, content }: WantedRecord, name: string): void {
  const fits =
    type === "A"
      ? isIPv4(content)
      : type === "AAAA"
        ? isIPv6(content)
        : isHostName(content) && content !== name;
  if (!fits) {
    throw badDnsRecord(`Content '${content}' is not valid for a record of type ${type}.`);
  }
}

function isHostName(name: string): boolean {
  return (
    name.length <= 253 &&
    /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/i.test(name)
  );
}
