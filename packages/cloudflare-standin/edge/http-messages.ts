import { request, type IncomingMessage } from "node:http";

/** Header lines in the order in which they came, names as they were sent; a name that was sent twice is there twice. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** The lines of `rawHeaders`. Spaces around a value are not part of it (RFC 9112, section 5.1). */
export function headerLines(raw: readonly string[]): HeaderLines {
  const lines: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    lines.push([raw[index] ?? "", (raw[index + 1] ?? "").trim()]);
  }
  return lines;
}

/** Every value that was sent under a name; names are compared without case. */
export function valuesOf(lines: HeaderLines, name: string): string[] {
  const wanted = name.toLowerCase();
  return lines.filter(([other]) => other.toLowerCase() === wanted).map(([, value]) => value);
}

/** The lines without those that have one of the names. */
export function linesWithout(lines: HeaderLines, names: readonly string[]): HeaderLines {
  const unwanted = new Set(names.map((name) => name.toLowerCase()));
  return lines.filter(([name]) => !unwanted.has(name.toLowerCase()));
}

/** The lines as node:http takes them: name, value, name, value. */
export function flatHeaders(lines: HeaderLines): string[] {
  return lines.flatMap(([name, value]) => [name, value]);
}

/** What the JSON says; undefined when it is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The whole body of a request or an answer; undefined when it is longer than the limit. Rejects when it ends early. */
export function readBody(message: IncomingMessage, limit = Infinity): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        chunks.length = 0;
        resolve(undefined);
      } else {
        chunks.push(chunk);
      }
    });
    message.on("end", () => {
      resolve(Buffer.concat(chunks));
    });
    message.on("error", reject);
    message.on("close", () => {
      reject(new Error("the body ended early"));
    });
  });
}

/** A request as a client writes it. */
export interface RequestToSend {
  /** The Host header, whatever the address. */
  readonly host: string;
  /** Sent as it is: it is never normalised, and an absolute URL is allowed. */
  readonly path: string;
  /** Default POST. */
  readonly method?: string;
  /** In this order, duplicates included. Host and Content-Length are added. */
  readonly headers?: HeaderLines;
  readonly body?: Buffer;
}

/** An answer as it came. */
export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

/** Where a server listens: `http://` and an address, or `unix:` and the path of its socket. */
function peerOf(url: string): { socketPath: string } | { hostname: string; port: string } {
  if (url.startsWith(unixPrefix)) {
    return { socketPath: url.slice(unixPrefix.length) };
  }
  const { hostname, port } = new URL(url);
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port };
}

const unixPrefix = "unix:";

/**
 * Sends one request and reads the whole answer; a redirect is an answer like any other. A connection is used once, so that a
 * server that went away is noticed. Rejects only when there is no answer.
 */
export function send(url: string, outgoing: RequestToSend): Promise<ReceivedAnswer> {
  const { host, path, method = "POST", headers = [], body } = outgoing;
  const lines: HeaderLines = [
    ["Host", host],
    ...headers,
    ...(body === undefined && method !== "POST"
      ? []
      : ([["Content-Length", String(body?.length ?? 0)]] as const)),
  ];
  return new Promise((resolve, reject) => {
    const client = request(
      {
        ...peerOf(url),
        method,
        path,
        headers: flatHeaders(lines),
        agent: false,
      },
      (response) => {
        readBody(response).then((received = Buffer.alloc(0)) => {
          const { statusCode: status = 0, rawHeaders } = response;
          resolve({ status, headers: headerLines(rawHeaders), body: received });
        }, reject);
      },
    );
    // Comes too late to matter when an answer is there before the body was sent, as with 413.
    client.on("error", reject);
    client.end(body);
  });
}

/** A request that is passed on. */
export type ForwardedRequest = Required<RequestToSend>;

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
 * Passes a request on to a server on this machine, as a proxy does: without the headers that are about one connection.
 *
 * Rejects when nobody answers, and when the URL is neither on loopback nor a socket's path: the imitation never sends anything off this machine.
 */
export async function sendToLoopback(url: string, forwarded: ForwardedRequest): Promise<ReceivedAnswer> {
  const { hostname, protocol } = new URL(url);
  const isLoopback = protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (!isLoopback && protocol !== unixPrefix) {
    throw new Error(`${url} is not an http address on this machine`);
  }
  const { body, ...head } = forwarded;
  const hasBody = body.length > 0 || !["GET", "HEAD", "OPTIONS", "DELETE"].includes(head.method);
  const answer = await send(url, {
    ...head,
    headers: linesWithout(head.headers, perConnection),
    ...(hasBody ? { body } : {}),
  });
  return { ...answer, headers: linesWithout(answer.headers, perConnection) };
}
