import type { IncomingMessage } from "node:http";
import type { DnsRecord } from "../api/rows";
import { checkAccess, type AccessContext } from "./access/access";
import type { SigningKeys } from "./access/signing-keys";
import { ownAnswer, rayId, type Answer } from "./answer";
import { findRecord, sendToAddress, tunnelIdOf, type Addresses } from "./dns";
import {
  headerLines,
  linesWithout,
  readBody,
  valuesOf,
  type ForwardedRequest,
  type HeaderLines,
} from "./http-messages";
import { interferedAnswer, type ActiveInterference } from "./interference";
import type { RequestTarget } from "./request-url";
import { sendThroughTunnel } from "./tunnel/connector";

/** What a request is answered with. */
export interface World extends AccessContext {
  readonly addresses: Addresses;
  readonly interferences: readonly ActiveInterference[];
  /** Where the edge listens: on the imitated Internet, connectors find the team's keys there. */
  readonly edgeUrl: string;
}

/** Free and Pro zones (developers.cloudflare.com/workers/platform/limits); more is answered with 413, before Access is asked [gap]. */
const longestBody = 100 * 1024 * 1024;
const tooLong = ownAnswer("edge", 413, "the body is longer than 100 MB", "Payload Too Large\n");

/** Answers a request to a host: the team's own domain, or a name with a record. */
export async function routeRequest(
  request: IncomingMessage,
  target: RequestTarget,
  world: World,
): Promise<Answer> {
  const { database, keys, addresses } = world;
  if (target.host === database.organization.auth_domain) {
    return answerTeamDomain(target.path, keys);
  }
  const record = findRecord(database, target.host);
  // A name that points at a tunnel and is not proxied leads nowhere: an inference, Cloudflare documents proxied ones alone.
  if (record === undefined || (!record.proxied && tunnelIdOf(record) !== undefined)) {
    // In real life the name would mostly not resolve at all. That the edge says 1016 for a name of its zone is a gap.
    return ownAnswer("dns", 530, "no such host", "error code: 1016\n");
  }
  const headers = headerLines(request.rawHeaders);
  return record.proxied
    ? answerProxied(request, target, record, headers, world)
    : sendToAddress(record, addresses, onward(request, target, headers, await readBody(request)));
}

async function answerProxied(
  request: IncomingMessage,
  target: RequestTarget,
  record: DnsRecord,
  headers: HeaderLines,
  world: World,
): Promise<Answer> {
  if (Number(valuesOf(headers, "content-length")[0] ?? 0) > longestBody) {
    return tooLong;
  }
  const interfered = interferedAnswer(world.interferences, target.host);
  if (interfered !== undefined) {
    return interfered;
  }
  const address = request.socket.remoteAddress ?? "";
  const verdict = await checkAccess(target, headers, address, world);
  if (verdict.refusal !== undefined) {
    return verdict.refusal;
  }
  const body = await readBody(request, longestBody);
  if (body === undefined) {
    return tooLong;
  }
  const forwarded = onward(request, target, forwardingHeaders(verdict.headers, address), body);
  const tunnelId = tunnelIdOf(record);
  const answer =
    tunnelId === undefined
      ? await sendToAddress(record, world.addresses, forwarded)
      : await sendThroughTunnel(world.database.tunnels.get(tunnelId), forwarded, world.edgeUrl);
  const { cookie } = verdict;
  return cookie === undefined ? answer : { ...answer, headers: [...answer.headers, ["set-cookie", cookie]] };
}

function onward(
  { method = "GET" }: IncomingMessage,
  { host, path }: RequestTarget,
  headers: HeaderLines,
  body: Buffer = Buffer.alloc(0),
): ForwardedRequest {
  return { method, host, path, headers, body };
}

/** The headers that Cloudflare adds on the way to an origin (cloudflare-docs, fundamentals/reference/http-headers). What a sender says of itself under these names is replaced; X-Forwarded-For is continued. */
export function forwardingHeaders(headers: HeaderLines, address: string): HeaderLines {
  return [
    ...linesWithout(headers, ["cf-connecting-ip", "cf-ray", "x-forwarded-for", "x-forwarded-proto"]),
    ["CF-Connecting-IP", address],
    ["CF-Ray", rayId()],
    ["X-Forwarded-For", [...valuesOf(headers, "x-forwarded-for"), address].join(", ")],
    ["X-Forwarded-Proto", "https"],
  ];
}

const loginPage = `<!DOCTYPE html><title>Sign in - Cloudflare Access</title><h1>Sign in</h1>
<form method="post"><input name="email" type="email"><button>Send me a code</button></form>
`;

/**
 * `<team>.cloudflareaccess.com`: the keys that assertions are checked with, and the login page. The page answers 200, so a
 * collector that follows a redirect to it takes its data for delivered (seen with Go's HTTP client).
 */
function answerTeamDomain(path: string, keys: SigningKeys): Answer {
  const [pathname = ""] = path.split("?", 1);
  const answer = (type: string, body: string, detail: string): Answer => ({
    ...ownAnswer("access", 200, detail, body),
    headers: [["content-type", type]],
  });
  if (pathname === "/cdn-cgi/access/certs") {
    return answer("application/json", JSON.stringify(keys.jwks), "the organization's keys");
  }
  if (pathname.startsWith("/cdn-cgi/access/login")) {
    return answer("text/html; charset=UTF-8", loginPage, "the login page");
  }
  return ownAnswer("access", 404, "nothing else of the team domain is imitated", "Not found\n");
}
