import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { NetworkFailure } from "./met";
import { failureReason, networkFailure, TookTooLong } from "./network-failure";
import type { Via } from "./via";

export interface OutgoingProbe {
  /** The public host. */
  readonly hostname: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string } | undefined;
}

export type Reply =
  | {
      readonly status: number;
      /** By lower-case name; several values of one are joined by commas. */
      readonly headers: ReadonlyMap<string, string>;
      /** Its beginning. */
      readonly body: string;
    }
  | { readonly failure: NetworkFailure; readonly reason: string };

export interface Transport {
  /** Sends one request and never follows a redirect. Rejects only when it is stopped. */
  readonly send: (probe: OutgoingProbe) => Promise<Reply>;
  readonly close: () => void;
}

export interface TransportOptions {
  readonly via: Via | undefined;
  readonly concurrency: number;
  /** Milliseconds from the start of a request to the end of its answer. */
  readonly requestTimeout: number;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds before each further attempt after a failure of the line. */
  readonly pauses?: readonly number[];
}

/** Enough to tell who answered. */
const longestBody = 16 * 1024;

/**
 * How often a failure is given another chance. What is sent can be repeated, for nothing of it is stored; and a flaky line
 * on this side is not the site's problem. A name that is not there and a wrong certificate stay so; a time-out is dear.
 */
const furtherAttempts: Readonly<Record<NetworkFailure, number>> = {
  dns: 0,
  resolver: 2,
  tls: 0,
  "time-out": 1,
  refused: 2,
  closed: 2,
  unreachable: 2,
  "no-http": 0,
};

/** Opens the way on which all requests go, with connections that are kept. */
export function openTransport(options: TransportOptions): Transport {
  const { via, concurrency, signal, pauses = [250, 1000] } = options;
  const Agent = via?.protocol === "http:" ? HttpAgent : HttpsAgent;
  // Node gives an address 250 ms before it tries the other family, which is too short for a slow line.
  const patient = { autoSelectFamilyAttemptTimeout: 2500 };
  const kept = new Agent({
    ...patient,
    keepAlive: true,
    maxSockets: concurrency,
    maxFreeSockets: concurrency,
  });
  const fresh = new Agent(patient);
  const underWay = new Set<() => void>();
  // One listener for all requests: a signal warns of more than a handful.
  const stop = () => {
    for (const end of underWay) {
      end();
    }
  };
  signal?.addEventListener("abort", stop);
  const send = async (probe: OutgoingProbe): Promise<Reply> => {
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      // What failed once is tried on a connection of its own: one that was kept may be dead without knowing.
      const reply = await sendOnce(probe, options, attempt === 0 ? kept : fresh, underWay);
      signal?.throwIfAborted();
      if (!("failure" in reply)) {
        return reply;
      }
      if (attempt >= furtherAttempts[reply.failure]) {
        return attempt === 0 ? reply : { ...reply, reason: `${reply.reason}, ${attempt + 1} times` };
      }
      await delay(pauses[attempt] ?? pauses.at(-1) ?? 0, undefined, signal === undefined ? {} : { signal });
    }
  };
  return {
    send,
    close: () => {
      signal?.removeEventListener("abort", stop);
      kept.destroy();
      fresh.destroy();
    },
  };
}

function sendOnce(
  probe: OutgoingProbe,
  { via, requestTimeout }: TransportOptions,
  agent: HttpAgent,
  underWay: Set<() => void>,
): Promise<Reply> {
  const { hostname, method, path, credentials } = probe;
  const secure = via?.protocol !== "http:";
  return new Promise((resolve) => {
    const request = (secure ? httpsRequest : httpRequest)({
      hostname: via?.hostname ?? hostname,
      port: via?.port ?? 443,
      // Whatever the address: the certificate must be the public host's.
      ...(secure && isIP(hostname) === 0 ? { servername: hostname } : {}),
      method,
      path,
      agent,
      headers: {
        Host: hostname,
        "User-Agent": "sitepass-verify",
        Accept: "*/*",
        ...(method === "POST" ? { "Content-Type": "application/x-protobuf", "Content-Length": "0" } : {}),
        ...(credentials === undefined
          ? {}
          : {
              "CF-Access-Client-Id": credentials.clientId,
              "CF-Access-Client-Secret": credentials.clientSecret,
            }),
      },
    });
    const end = () => {
      request.destroy(new Error("stopped"));
    };
    underWay.add(end);
    let tooLong: TookTooLong | undefined;
    const timer = setTimeout(() => {
      tooLong = new TookTooLong(`no answer within ${requestTimeout / 1000} s`);
      request.destroy(tooLong);
    }, requestTimeout);
    const done = (reply: Reply) => {
      clearTimeout(timer);
      underWay.delete(end);
      resolve(reply);
    };
    const failed = (error: unknown) => {
      // An answer that was cut off half-way only says that it was.
      const cause = tooLong ?? error;
      done({ failure: networkFailure(cause), reason: failureReason(cause) });
    };
    request.on("error", failed);
    request.on("response", (response) => {
      readBeginning(response).then((body) => {
        done({ status: response.statusCode ?? 0, headers: headersOf(response), body });
      }, failed);
    });
    request.end();
  });
}

function readBeginning(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = () => {
      resolve(Buffer.concat(chunks).subarray(0, longestBody).toString());
    };
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= longestBody) {
        finish();
        response.destroy();
      }
    });
    response.on("end", finish);
    response.on("error", reject);
    response.on("close", () => {
      reject(Object.assign(new Error("the answer ended early"), { code: "ECONNRESET" }));
    });
  });
}

function headersOf({ headers }: IncomingMessage): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}
