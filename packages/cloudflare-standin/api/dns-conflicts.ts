import type { Database } from "./database";
import { dnsCnameTaken, dnsHostTaken, dnsRecordExists } from "./errors";
import type { DnsRecord } from "./rows";

/**
 * Throws when the record cannot stand beside the zone's others (facts/cloudflare.md §10): a CNAME shares its name with no A,
 * AAAA or other CNAME (81053), an A or AAAA with no CNAME (81054), and no two A or AAAA are the same (81058).
 */
export function checkConflicts(
  wanted: Pick<DnsRecord, "zoneId" | "name" | "type" | "content">,
  ownId: string | undefined,
  database: Database,
): void {
  const neighbours = [...database.dnsRecords.values()].filter(
    ({ id, zoneId, name }) => id !== ownId && zoneId === wanted.zoneId && name === wanted.name,
  );
  if (neighbours.length === 0) {
    return;
  }
  if (wanted.type === "CNAME") {
    throw dnsHostTaken();
  }
  if (neighbours.some(({ type }) => type === "CNAME")) {
    throw dnsCnameTaken();
  }
  if (neighbours.some(({ type, content }) => type === wanted.type && content === wanted.content)) {
    throw dnsRecordExists();
  }
}
