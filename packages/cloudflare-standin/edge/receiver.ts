import type { IncomingMessage } from "node:http";
import { goPath } from "./go-path";
import { headerLines, valuesOf, type HeaderLines } from "./header-lines";
import { LabelSets } from "./label-sets";
import { decodeLokiJson, decodeLokiProtobuf, type Line, type Stream } from "./loki-message";
import { listenOnLoopback } from "../loopback-server";
import { decodeOtlpLogs } from "./otlp-logs-message";
import { readBody } from "./read-body";
import { decodeRemoteWrite, type Sample, type Series } from "./remote-write-message";

export interface ReceivedRequest {
  readonly method: string;
  /** As it came, with query. */
  readonly path: string;
  readonly status: number;
  readonly headers: HeaderLines;
}

export interface Receiver {
  /** `http://127.0.0.1:PORT`: a service for an ingress rule, or an address. */
  readonly url: string;
  /** What remote write brought, by label set. */
  readonly samples: readonly Series[];
  /** What Loki's and OpenTelemetry's pushes brought, by label set. */
  readonly lines: readonly Stream[];
  /** Every request, whatever it was answered. */
  readonly requests: readonly ReceivedRequest[];
  clear(): void;
  close(): Promise<void>;
}

export interface ReceiverOptions {
  /** Default 0: any free port. */
  readonly port?: number;
}

/**
 * Starts an origin on 127.0.0.1 that stands for both Prometheus and Loki and keeps what it is sent. It also answers what a push
 * may never reach, so that a hole in front of it shows.
 */
export async function startReceiver({ port = 0 }: ReceiverOptions = {}): Promise<Receiver> {
  const store: Store = { samples: new LabelSets(), lines: new LabelSets() };
  const requests: ReceivedRequest[] = [];
  const server = await listenOnLoopback((request, response) => {
    readBody(request)
      .then((body = Buffer.alloc(0)) => {
        const answer = answerFor(request, body, store);
        const { method = "", url: path = "" } = request;
        requests.push({ method, path, status: answer.status, headers: headerLines(request.rawHeaders) });
        response.writeHead(answer.status, { "content-type": "text/plain; charset=utf-8" }).end(answer.text);
      })
      .catch(() => response.destroy());
  }, port);
  return {
    url: server.url,
    get samples() {
      return store.samples.entries().map(({ labels, items }) => ({ labels, samples: items }));
    },
    get lines() {
      return store.lines.entries().map(({ labels, items }) => ({ labels, lines: items }));
    },
    requests,
    clear: () => {
      store.samples.clear();
      store.lines.clear();
      requests.length = 0;
    },
    close: () => server.close(),
  };
}

interface Store {
  readonly samples: LabelSets<Sample>;
  readonly lines: LabelSets<Line>;
}

interface OriginAnswer {
  readonly status: number;
  readonly text?: string;
}

/** Answers anything with 200 that is not a push: reading, and changing what must not be changed. */
const otherPaths: Readonly<Record<string, string>> = {
  "/api/v1/query": "GET",
  "/loki/api/v1/query_range": "GET",
  "/-/reload": "POST",
};

/** Both services are written in Go and match decoded paths exactly; otherwise 404 and 405 (their routers' defaults). */
function answerFor(request: IncomingMessage, body: Buffer, store: Store): OriginAnswer {
  const { method = "", url = "" } = request;
  const path = goPath(url)?.toString() ?? "";
  const allowed = otherPaths[path];
  if (allowed !== undefined) {
    return method === allowed ? { status: 200, text: "{}\n" } : { status: 405 };
  }
  const push = pushFor(path, contentType(request), store);
  if (push === undefined) {
    return { status: 404, text: "404 page not found\n" };
  }
  if (method !== "POST") {
    return { status: 405, text: "Method Not Allowed\n" };
  }
  return push(body);
}

function contentType(request: IncomingMessage): string {
  return valuesOf(headerLines(request.rawHeaders), "content-type")[0] ?? "";
}

/** Statuses: Prometheus storage/remote/write_handler.go, Loki pkg/distributor/http.go (204, 400; facts/datapath.md §3), OTLP/HTTP 200. */
function pushFor(
  path: string,
  type: string,
  { samples, lines }: Store,
): ((body: Buffer) => OriginAnswer) | undefined {
  const keepLines = (streams: readonly Stream[]): void => {
    for (const stream of streams) {
      lines.add(stream.labels, stream.lines);
    }
  };
  const isJson = type.startsWith("application/json");
  switch (path) {
    case "/api/v1/write":
      // A receiver that does not know 2.0 says so (remote write 2.0 specification).
      return (body) =>
        type.includes("io.prometheus.write.v2")
          ? { status: 415, text: `${type} is not accepted\n` }
          : kept(204, () => {
              for (const series of decodeRemoteWrite(body)) {
                samples.add(series.labels, series.samples);
              }
            });
    case "/loki/api/v1/push":
      return (body) =>
        kept(204, () => {
          keepLines(isJson ? decodeLokiJson(body) : decodeLokiProtobuf(body));
        });
    case "/otlp/v1/logs":
      return (body) =>
        kept(200, () => {
          keepLines(decodeOtlpLogs(body, isJson));
        });
    default:
      return undefined;
  }
}

function kept(status: number, keep: () => void): OriginAnswer {
  try {
    keep();
    return { status };
  } catch (error) {
    return { status: 400, text: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}
