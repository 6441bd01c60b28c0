import type { Database } from "../api/database";
import type { DnsRecord } from "../api/rows";
import { ownAnswer, type Answer, type AnsweredBy } from "./answer";
import { tunnelIdOf } from "./dns-lookup";
import { sendToLoopback, type OutgoingRequest } from "./loopback-request";
import { findLink } from "./tunnel-link";

/** Where the addresses in A, AAAA and CNAME records are on this machine: by the record's content, an `http://` URL on loopback. */
export type Addresses = ReadonlyMap<string, string>;

/**
 * Through the tunnel: 530 with error 1033 when the tunnel is unknown, deleted, or has no connector (facts/cloudflare.md §10).
 * A request under way when the connector is dropped is still answered [gap].
 */
export async function sendThroughTunnel(
  tunnelId: string,
  database: Database,
  request: OutgoingRequest,
  edgeUrl: string,
): Promise<Answer> {
  const tunnel = database.tunnels.get(tunnelId);
  const serve = tunnel?.deleted_at === null ? findLink(tunnel) : undefined;
  return serve === undefined
    ? ownAnswer("edge", 530, "no connector serves the tunnel", "error code: 1033\n")
    : serve({ ...request, edgeUrl });
}

/**
 * Straight to an address. Of a proxied record 523 when it is not known here, and 521 when nobody listens there (Cloudflare's
 * "origin is unreachable" and "web server is down"). A record that is not proxied leads around Cloudflare: the answer is
 * the origin's, and there would be none at all instead of 502.
 */
export async function sendToAddress(
  record: DnsRecord,
  addresses: Addresses,
  request: OutgoingRequest,
): Promise<Answer> {
  const by: AnsweredBy = record.proxied ? "origin" : "dns";
  const url = addresses.get(record.content);
  if (url === undefined) {
    return record.proxied
      ? ownAnswer("edge", 523, `nothing is known of ${record.content}`, "error code: 523\n")
      : ownAnswer("dns", 502, `the record is not proxied, and nothing is known of ${record.content}`);
  }
  try {
    const answer = await sendToLoopback(url, request);
    const way = record.proxied ? "straight" : "around Access, as the record is not proxied";
    return { by, ...answer, detail: `${record.content}, ${way}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return record.proxied
      ? ownAnswer("edge", 521, reason, "error code: 521\n")
      : ownAnswer("dns", 502, reason);
  }
}

/** A name that points at a tunnel and is not proxied leads nowhere (facts/cloudflare.md §10 [INF]). */
export function isDeadEnd(record: DnsRecord): boolean {
  return !record.proxied && tunnelIdOf(record) !== undefined;
}
