import type { IncomingMessage } from "node:http";
import type { Database } from "../api/database";
import type { DnsRecord } from "../api/rows";
import { checkAccess } from "./access";
import { ownAnswer, type Answer } from "./answer";
import { findRecord, tunnelIdOf } from "./dns-lookup";
import { forwardingHeaders } from "./forwarding-headers";
import { headerLines, valuesOf, type HeaderLines } from "./header-lines";
import { interferedAnswer, type ActiveInterference } from "./interference";
import type { OutgoingRequest } from "./loopback-request";
import { readBody } from "./read-body";
import type { RequestTarget } from "./request-target";
import type { SigningKeys } from "./signing-keys";
import { answerTeamDomain } from "./team-domain";
import type { UrlNormalization } from "./url-normalization";
import { isDeadEnd, sendThroughTunnel, sendToAddress, type Addresses } from "./way-to-origin";

/** What a request is answered with the help of. */
export interface World {
  readonly database: Database;
  readonly now: () => Date;
  readonly addresses: Addresses;
  readonly urlNormalization: UrlNormalization;
  readonly keys: SigningKeys;
  readonly edgeUrl: string;
  /** Where the login page is on loopback; undefined: at the team's domain. */
  readonly loginUrl: string | undefined;
  readonly interferences: readonly ActiveInterference[];
}

/** Free and Pro zones; more is answered with 413, before Access is asked [gap] (facts/cloudflare.md §13). */
const longestBody = 100 * 1024 * 1024;

/** Answers a request to a host: the team's own domain, or a name with a record. */
export async function answerFor(
  request: IncomingMessage,
  target: RequestTarget,
  world: World,
): Promise<Answer> {
  const { database, keys } = world;
  if (target.host === database.organization.auth_domain) {
    return answerTeamDomain(target.path, keys);
  }
  const record = findRecord(database, target.host);
  if (record === undefined || isDeadEnd(record)) {
    // In real life the name would mostly not resolve at all. That the edge says 1016 for a name of its zone is a gap.
    return ownAnswer("dns", 530, "no such host", "error code: 1016\n");
  }
  const headers = headerLines(request.rawHeaders);
  if (!record.proxied) {
    const body = await readBody(request);
    return sendToAddress(record, world.addresses, outgoing(request, target, headers, body));
  }
  return answerProxied(request, target, record, headers, world);
}

async function answerProxied(
  request: IncomingMessage,
  target: RequestTarget,
  record: DnsRecord,
  headers: HeaderLines,
  world: World,
): Promise<Answer> {
  if (Number(valuesOf(headers, "content-length")[0] ?? 0) > longestBody) {
    return tooLong();
  }
  const interfered = interferedAnswer(world.interferences, target);
  if (interfered !== undefined) {
    return interfered;
  }
  const { database, keys, urlNormalization: normalization, loginUrl } = world;
  const address = request.socket.remoteAddress ?? "";
  const verdict = await checkAccess(
    { target, headers, address },
    { database, keys, normalization, loginUrl, now: world.now() },
  );
  if (verdict.refusal !== undefined) {
    return verdict.refusal;
  }
  const body = await readBody(request, longestBody);
  if (body === undefined) {
    return tooLong();
  }
  const onward = outgoing(request, target, forwardingHeaders(verdict.headers, address), body);
  const tunnelId = tunnelIdOf(record);
  const answer =
    tunnelId === undefined
      ? await sendToAddress(record, world.addresses, onward)
      : await sendThroughTunnel(tunnelId, database, onward, world.edgeUrl);
  const { cookie } = verdict;
  return cookie === undefined ? answer : { ...answer, headers: [...answer.headers, ["set-cookie", cookie]] };
}

function outgoing(
  { method = "GET" }: IncomingMessage,
  { host, path }: RequestTarget,
  headers: HeaderLines,
  body: Buffer = Buffer.alloc(0),
): OutgoingRequest {
  return { method, host, path, headers, body };
}

function tooLong(): Answer {
  return ownAnswer("edge", 413, "the body is longer than 100 MB", "Payload Too Large\n");
}
