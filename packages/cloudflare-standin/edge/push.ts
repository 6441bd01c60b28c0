import { request } from "node:http";
import { flatHeaders, headerLines, type HeaderLines } from "./header-lines";
import { encodeLokiJson, encodeLokiProtobuf, type Stream } from "./loki-message";
import { readBody } from "./read-body";
import { encodeRemoteWrite, type Series } from "./remote-write-message";

/** What a collector sends. */
export interface PushRequest {
  readonly host: string;
  /** Sent as it is: no normalising, and an absolute URL is allowed. */
  readonly path: string;
  /** Default POST. */
  readonly method?: string;
  /** In this order, duplicates included. Host and Content-Length are added. */
  readonly headers?: HeaderLines;
  readonly body?: Buffer;
}

export interface PushAnswer {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

/** Headers of a remote write 1.0 request (Prometheus storage/remote/client.go). */
export const remoteWriteHeaders: HeaderLines = [
  ["Content-Type", "application/x-protobuf"],
  ["Content-Encoding", "snappy"],
  ["X-Prometheus-Remote-Write-Version", "0.1.0"],
];

/** The body of a Prometheus remote write 1.0 request. */
export function remoteWriteBody(series: readonly Series[]): Buffer {
  return encodeRemoteWrite(series);
}

/** The two bodies that Loki's push API takes. */
export type LokiFormat = "json" | "protobuf";

export function lokiHeaders(format: LokiFormat): HeaderLines {
  return [["Content-Type", format === "json" ? "application/json" : "application/x-protobuf"]];
}

/** The body of a Loki push; protobuf in Snappy's block format is what Alloy and Promtail send. */
export function lokiBody(streams: readonly Stream[], format: LokiFormat): Buffer {
  return format === "json" ? encodeLokiJson(streams) : encodeLokiProtobuf(streams);
}

/** The pair of headers that a service token is sent with. */
export function tokenHeaders(clientId: string, clientSecret: string): HeaderLines {
  return [
    ["CF-Access-Client-Id", clientId],
    ["CF-Access-Client-Secret", clientSecret],
  ];
}

/** Sends one request to the edge, on a connection of its own, and never follows a redirect. Rejects only when there is no answer. */
export async function send(edgeUrl: string, push: PushRequest): Promise<PushAnswer> {
  const { host, path, method = "POST", headers = [], body } = push;
  const { hostname, port } = new URL(edgeUrl);
  const lines: HeaderLines = [
    ["Host", host],
    ...headers,
    ...(body === undefined && method !== "POST"
      ? []
      : ([["Content-Length", String(body?.length ?? 0)]] as const)),
  ];
  return new Promise((resolve, reject) => {
    const client = request(
      { hostname, port, method, path, headers: flatHeaders(lines), agent: false },
      (response) => {
        readBody(response).then((received = Buffer.alloc(0)) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: headerLines(response.rawHeaders),
            body: received,
          });
        }, reject);
      },
    );
    // Comes too late to matter when an answer is there before the body was sent, as with 413.
    client.on("error", reject);
    client.end(body);
  });
}
