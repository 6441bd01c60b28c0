import type { Database } from "../api/database";
import type { DnsRecord } from "../api/rows";
import { ownAnswer, type Answer } from "./answer";
import { sendToLoopback, type ForwardedRequest } from "./http-messages";

/** The record of a host name. Wildcard records and several records of one name are not imitated: the first one counts. */
export function findRecord(database: Database, host: string): DnsRecord | undefined {
  return [...database.dnsRecords.values()].find(({ name }) => name.toLowerCase() === host);
}

/**
 * The tunnel that a record leads to, by the name Cloudflare gives each tunnel: `<id>.cfargotunnel.com` (cloudflare-docs,
 * partials/cloudflare-one/tunnel/dns-records-intro).
 */
export function tunnelIdOf({ type, content }: DnsRecord): string | undefined {
  const [, id] = /^([^.]+)\.cfargotunnel\.com\.?$/i.exec(content) ?? [];
  return type === "CNAME" ? id?.toLowerCase() : undefined;
}

/** Where the addresses in A, AAAA and CNAME records are on this machine: by the record's content, an `http://` URL on loopback. */
export type Addresses = ReadonlyMap<string, string>;

/**
 * Sends the request to the record's address. Of a proxied record 523 when the address is not known here, and 521 when nobody
 * listens there (Cloudflare's "origin is unreachable" and "web server is down"). A record that is not proxied leads around
 * Cloudflare: the answer is the origin's, and instead of 502 there would be none at all.
 */
export async function sendToAddress(
  { content, proxied }: DnsRecord,
  addresses: Addresses,
  request: ForwardedRequest,
): Promise<Answer> {
  const url = addresses.get(content);
  if (url === undefined) {
    return proxied
      ? ownAnswer("edge", 523, `nothing is known of ${content}`, "error code: 523\n")
      : ownAnswer("dns", 502, `the record is not proxied, and nothing is known of ${content}`);
  }
  try {
    const way = proxied ? "straight" : "around Access, as the record is not proxied";
    const answer = await sendToLoopback(url, request);
    return { by: proxied ? "origin" : "dns", ...answer, detail: `${content}, ${way}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return proxied ? ownAnswer("edge", 521, reason, "error code: 521\n") : ownAnswer("dns", 502, reason);
  }
}
