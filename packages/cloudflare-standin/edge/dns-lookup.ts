import type { Database } from "../api/database";
import type { DnsRecord } from "../api/rows";

/** The record of a host name. Wildcard records and several records of one name are not imitated: the first one counts. */
export function findRecord(database: Database, host: string): DnsRecord | undefined {
  return [...database.dnsRecords.values()].find(({ name }) => name.toLowerCase() === host);
}

/** The tunnel that a record leads to, by the name Cloudflare gives each tunnel: `<id>.cfargotunnel.com` (facts/cloudflare.md §10). */
export function tunnelIdOf({ type, content }: DnsRecord): string | undefined {
  const [, id] = /^([^.]+)\.cfargotunnel\.com\.?$/i.exec(content) ?? [];
  return type === "CNAME" ? id?.toLowerCase() : undefined;
}
