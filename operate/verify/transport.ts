import { setMaxListeners } from "node:events";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { openProxyAgent, outboundProxy, type OutboundProxy } from "../../cloudflare/outbound-proxy";

/** One request to a public host, without a body. */
export interface ProbeRequest {
  readonly hostname: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string } | undefined;
  /** What else a collector sends with such a request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where requests are sent instead of to the public hosts. */
export interface Via {
  readonly protocol: "http:" | "https:";
  /** A name, or an IP address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

export type Reply =
  | {
      readonly status: number;
      /** By lower-case name; several values of one are joined by commas. */
      readonly headers: ReadonlyMap<string, string>;
      /** The beginning of the body. */
      readonly body: string;
    }
  | { readonly failure: NetworkFailure; readonly reason: string };

/**
 * Why a request got no answer. `dns`: the name does not exist. `resolver`: the name could not be looked up, which is more likely this
 * machine's fault than the name's. `closed`: the connection ended before an answer came. `no-http`: the answer is not HTTP. `proxy`: this
 * machine's proxy cannot be reached, or does not let the request through.
 */
export type NetworkFailure =
  "dns" | "resolver" | "tls" | "time-out" | "refused" | "closed" | "unreachable" | "no-http" | "proxy";

export interface Transport {
  /** Sends one request and never follows a redirect. Rejects only when it is aborted. */
  readonly send: (request: ProbeRequest) => Promise<Reply>;
  readonly close: () => void;
}

export interface TransportOptions {
  /** Where every request goes instead of to the public hosts; the Host header stays. */
  readonly via: Via | undefined;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Milliseconds from the start of a request to the end of its answer. */
  readonly requestTimeout: number;
  /** Ends all requests; their promises then reject. */
  readonly abort: AbortSignal | undefined;
  /** Milliseconds before each further attempt after a failure of the network. */
  readonly pauses?: readonly number[];
}

/** Enough to tell who answered. */
const longestBody = 16 * 1024;

/**
 * How often a failed request is repeated. Repeating is safe, because nothing that is sent is stored, and an unreliable line on this
 * side is not the site's problem. An unknown name and a wrong certificate do not change within seconds; a time-out costs too much
 * time to be repeated twice.
 */
const furtherAttempts: Readonly<Partial<Record<NetworkFailure, number>>> = {
  resolver: 2,
  "time-out": 1,
  refused: 2,
  closed: 2,
  unreachable: 2,
  proxy: 1,
};

/** Opens what all requests are sent with; connections are kept and used again. */
export function openTransport(options: TransportOptions): Transport {
  const { via, concurrency, abort, pauses = [250, 1000] } = options;
  const Agent = via?.protocol === "http:" ? HttpAgent : HttpsAgent;
  // By default Node gives an address 250 ms before it tries the other address family, which is too short for a slow line.
  const patient = { autoSelectFamilyAttemptTimeout: 2500 };
  const kept = new Agent({
    ...patient,
    keepAlive: true,
    maxSockets: concurrency,
    maxFreeSockets: concurrency,
  });
  const fresh = new Agent(patient);
  // What is sent to an address of its own does not go to the public hosts, and needs no way out.
  const proxy = via === undefined ? outboundProxy() : undefined;
  const proxied = proxy && openProxied(proxy, options);
  if (abort !== undefined) {
    // Every request under way listens, which is more than Node expects.
    setMaxListeners(0, abort);
  }
  return {
    send: async (request) => {
      for (let attempt = 0; ; attempt += 1) {
        abort?.throwIfAborted();
        // A repeated request gets a connection of its own: the kept one may be dead without this side having noticed.
        const reply = await (proxied?.send(request) ??
          sendOnce(request, options, attempt === 0 ? kept : fresh));
        abort?.throwIfAborted();
        if (!("failure" in reply)) {
          return reply;
        }
        if (attempt >= (furtherAttempts[reply.failure] ?? 0)) {
          return attempt === 0 ? reply : { ...reply, reason: `${reply.reason}, ${attempt + 1} times` };
        }
        await delay(pauses[attempt] ?? pauses.at(-1) ?? 0, undefined, abort && { signal: abort });
      }
    },
    close: () => {
      kept.destroy();
      fresh.destroy();
      proxied?.close();
    },
  };
}

/** Headers of a request, without those that say how it is sent. */
function headersOf({
  hostname,
  method,
  credentials,
  headers,
}: ProbeRequest): Readonly<Record<string, string>> {
  return {
    Host: hostname,
    "User-Agent": "sitepass-verify",
    Accept: "*/*",
    ...(method === "POST" ? { "Content-Type": "application/x-protobuf", "Content-Length": "0" } : {}),
    ...(credentials && {
      "CF-Access-Client-Id": credentials.clientId,
      "CF-Access-Client-Secret": credentials.clientSecret,
    }),
    ...headers,
  };
}

/** Sends by way of the proxy, but for the hosts that are excepted from it. */
function openProxied(proxy: OutboundProxy, { concurrency, requestTimeout, abort }: TransportOptions) {
  let agent: Promise<Dispatcher> | undefined;
  return {
    send: async (probe: ProbeRequest): Promise<Reply> => {
      const timeout = AbortSignal.timeout(requestTimeout);
      try {
        const { request } = await import("undici");
        agent ??= openProxyAgent(proxy, concurrency);
        const { statusCode, headers, body } = await request(`https://${probe.hostname}${probe.path}`, {
          method: probe.method,
          headers: headersOf(probe),
          dispatcher: await agent,
          signal: abort === undefined ? timeout : AbortSignal.any([abort, timeout]),
        });
        return {
          status: statusCode,
          headers: new Map(Object.entries(headers).map(([name, value]) => [name, String(value)])),
          body: await readBeginning(body),
        };
      } catch (error) {
        return timeout.aborted ? noAnswerWithin(requestTimeout) : proxiedFailure(error, proxy);
      }
    },
    close: () => {
      // One that could not be opened has been told with the request.
      void agent?.then((opened) => opened.destroy()).catch(() => undefined);
    },
  };
}

/** An error of undici: one at the proxy's own address, and a refusal of CONNECT, is the proxy's. */
function proxiedFailure(error: unknown, { address }: OutboundProxy): Reply {
  const refusal = /^Proxy response \((\d+)\)/.exec(error instanceof Error ? error.message : "")?.[1];
  if (refusal !== undefined) {
    return { failure: "proxy", reason: `it answers CONNECT with ${refusal}` };
  }
  const { port, hostname } = failedAddress(error);
  const proxyPort = address.port === "" ? (address.protocol === "http:" ? "80" : "443") : address.port;
  const ofTheProxy = hostname === address.hostname || port === proxyPort;
  return { failure: ofTheProxy ? "proxy" : networkFailure(error), reason: failureReason(error) };
}

/** Where a connection failed, as node:net and node:dns say it. */
function failedAddress(error: unknown): { readonly port?: string; readonly hostname?: string } {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return {
    ...(first instanceof Error && "port" in first ? { port: String(first.port) } : {}),
    ...(first instanceof Error && "hostname" in first ? { hostname: String(first.hostname) } : {}),
  };
}

const noAnswerWithin = (milliseconds: number): Reply => ({
  failure: "time-out",
  reason: `no answer within ${milliseconds / 1000} s`,
});

async function sendOnce(
  probe: ProbeRequest,
  { via, requestTimeout, abort }: TransportOptions,
  agent: HttpAgent,
): Promise<Reply> {
  const { hostname, method, path } = probe;
  const secure = via?.protocol !== "http:";
  const request = (secure ? httpsRequest : httpRequest)({
    hostname: via?.hostname ?? hostname,
    port: via?.port ?? 443,
    // The certificate must be the public host's, whatever address the request is sent to.
    ...(secure && isIP(hostname) === 0 ? { servername: hostname } : {}),
    method,
    path,
    agent,
    ...(abort && { signal: abort }),
    headers: headersOf(probe),
  });
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort();
    request.destroy();
  }, requestTimeout);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve).on("error", reject).end();
    });
    const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
    return {
      status: response.statusCode ?? 0,
      headers: new Map(headers),
      body: await readBeginning(response),
    };
  } catch (error) {
    // After a time-out the error only says that the connection was cut.
    return timeout.signal.aborted
      ? noAnswerWithin(requestTimeout)
      : { failure: networkFailure(error), reason: failureReason(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function readBeginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= longestBody) {
      break;
    }
  }
  return Buffer.concat(chunks).subarray(0, longestBody).toString();
}

const failureByCode: Readonly<Record<string, NetworkFailure>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "resolver",
  EAI_FAIL: "resolver",
  ECONNREFUSED: "refused",
  ECONNRESET: "closed",
  ECONNABORTED: "closed",
  EPIPE: "closed",
  ETIMEDOUT: "time-out",
  UND_ERR_CONNECT_TIMEOUT: "time-out",
  UND_ERR_SOCKET: "closed",
};

/** Errors of TLS, and OpenSSL's reasons to refuse a certificate (Node.js, doc/api/tls.md "X509 certificate error codes"). */
const tlsProblem =
  /^(?:ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** What kind of failure an error of node:http or node:https is. */
export function networkFailure(error: unknown): NetworkFailure {
  const code = codeOf(error);
  const otherwise = code.startsWith("HPE_") ? "no-http" : "unreachable";
  return failureByCode[code] ?? (tlsProblem.test(code) ? "tls" : otherwise);
}

/** In few words and without line breaks; OpenSSL's messages hold both. */
export function failureReason(error: unknown): string {
  const code = codeOf(error);
  const message = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
  const opensslReason = /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1];
  return code === "" ? message : opensslReason === undefined ? code : `${code}, ${opensslReason}`;
}

/** When several addresses were tried, the first one's (node:net, autoSelectFamily, rejects with an AggregateError). */
function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  if (error instanceof AggregateError) {
    const errors: readonly unknown[] = error.errors;
    return codeOf(errors[0]);
  }
  return "";
}
