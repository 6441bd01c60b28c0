import { request, type IncomingMessage } from "node:http";
import { flatHeaders, headerLines, linesWithout, type HeaderLines } from "./header-lines";
import { readBody } from "./read-body";

export interface OutgoingRequest {
  readonly method: string;
  /** The Host header, whatever the address. */
  readonly host: string;
  /** Sent as it is, never normalised. */
  readonly path: string;
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

export interface IncomingAnswer {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

/** Headers that are about one connection (RFC 9110, section 7.6.1), and those that are written anew on each. */
const perConnection = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "content-length",
];

/**
 * Sends a request to a server on this machine and reads the whole answer; a redirect is an answer like any other. A
 * connection is used once, so that a server that went away is noticed.
 *
 * Rejects when nobody answers, and when the URL is not on loopback: the imitation never sends anything off this machine.
 */
export async function sendToLoopback(url: string, outgoing: OutgoingRequest): Promise<IncomingAnswer> {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== "http:" || !["localhost", "127.0.0.1", "[::1]"].includes(hostname)) {
    throw new Error(`${url} is no http address on this machine`);
  }
  const { method, host, path, headers, body } = outgoing;
  const hasBody = body.length > 0 || !["GET", "HEAD", "OPTIONS", "DELETE"].includes(method);
  const lines: HeaderLines = [
    ["Host", host],
    ...linesWithout(headers, perConnection),
    ...(hasBody ? ([["Content-Length", String(body.length)]] as const) : []),
  ];
  return new Promise((resolve, reject) => {
    const client = request(
      {
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? 80 : Number(port),
        method,
        path,
        headers: flatHeaders(lines),
        agent: false,
      },
      (response) => {
        readAnswer(response).then(resolve, reject);
      },
    );
    client.on("error", reject);
    client.end(body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<IncomingAnswer> {
  return {
    status: response.statusCode ?? 0,
    headers: linesWithout(headerLines(response.rawHeaders), perConnection),
    body: (await readBody(response)) ?? Buffer.alloc(0),
  };
}
