import type { IncomingMessage } from "node:http";
import { goPath } from "cloudflare-standin/edge/request-url";
import { headerLines, valuesOf, readBody, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import {
  decodeLoki,
  decodeOtlpLogs,
  decodeRemoteWrite,
  type Line,
  type Stream,
  type Sample,
  type Series,
  type Labels,
} from "./push-messages";

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

/**
 * Starts an origin on 127.0.0.1 that stands for both Prometheus and Loki and keeps what it is sent. It also answers what a push
 * may never reach, so that a hole in front of it shows. Port 0, the default, is any free one.
 */
export async function startReceiver({ port = 0 } = {}): Promise<Receiver> {
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

/** What is not a push and is answered with 200 all the same: reading, and changing what must not be changed. */
const otherPaths: Readonly<Record<string, string>> = {
  "/api/v1/query": "GET",
  "/loki/api/v1/query_range": "GET",
  "/-/reload": "POST",
};

/** Statuses: Prometheus storage/remote/write_handler.go, Loki pkg/distributor/http.go, OTLP/HTTP. */
const pushStatuses: Readonly<Record<string, number>> = {
  "/api/v1/write": 204,
  "/loki/api/v1/push": 204,
  "/otlp/v1/logs": 200,
};

/** Both services are written in Go and match decoded paths exactly; otherwise 404 and 405 (their routers' defaults). */
function answerFor(request: IncomingMessage, body: Buffer, store: Store): OriginAnswer {
  const { method = "", url = "" } = request;
  const path = goPath(url)?.toString() ?? "";
  const allowed = otherPaths[path];
  if (allowed !== undefined) {
    return method === allowed ? { status: 200, text: "{}\n" } : { status: 405 };
  }
  const status = pushStatuses[path];
  if (status === undefined) {
    return { status: 404, text: "404 page not found\n" };
  }
  if (method !== "POST") {
    return { status: 405, text: "Method Not Allowed\n" };
  }
  const [type = ""] = valuesOf(headerLines(request.rawHeaders), "content-type");
  if (path === "/api/v1/write" && type.includes("io.prometheus.write.v2")) {
    // A receiver that does not know 2.0 says so (remote write 2.0 specification).
    return { status: 415, text: `${type} is not accepted\n` };
  }
  try {
    keep(path, body, type.startsWith("application/json") ? "json" : "protobuf", store);
    return { status };
  } catch (error) {
    return { status: 400, text: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}

function keep(path: string, body: Buffer, format: "json" | "protobuf", { samples, lines }: Store): void {
  if (path === "/api/v1/write") {
    for (const series of decodeRemoteWrite(body)) {
      samples.add(series.labels, series.samples);
    }
    return;
  }
  const decode = path === "/otlp/v1/logs" ? decodeOtlpLogs : decodeLoki;
  for (const stream of decode(body, format)) {
    lines.add(stream.labels, stream.lines);
  }
}

/** Lists kept by label set, whatever the labels' order. */
export class LabelSets<Item> {
  readonly #byKey = new Map<string, { readonly labels: Labels; readonly items: Item[] }>();

  add(labels: Labels, items: readonly Item[]): void {
    const sorted = Object.fromEntries(
      Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)),
    );
    const key = JSON.stringify(sorted);
    const entry = this.#byKey.get(key) ?? { labels: sorted, items: [] };
    entry.items.push(...items);
    this.#byKey.set(key, entry);
  }

  /** In the order in which the label sets first came. */
  entries(): readonly { readonly labels: Labels; readonly items: readonly Item[] }[] {
    return [...this.#byKey.values()];
  }

  clear(): void {
    this.#byKey.clear();
  }
}
