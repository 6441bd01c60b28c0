import { parse } from "protobufjs";
import { compress, uncompress } from "snappyjs";
import { z } from "zod";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly value: number;
}

export interface Series {
  readonly labels: Labels;
  readonly samples: readonly Sample[];
}

export interface Line {
  /** Nanoseconds since 1970, in decimal, as Loki's JSON has them: a number could not hold them. */
  readonly timestamp: string;
  readonly line: string;
}

export interface Stream {
  readonly labels: Labels;
  readonly lines: readonly Line[];
}

/** Prometheus remote write 1.0 (prompb/remote.proto and types.proto) and 2.0 (prompb/io/prometheus/write/v2/types.proto), Loki's push (pkg/push/push.proto) and OpenTelemetry's logs (opentelemetry/proto/logs/v1), as far as collectors' pushes need them. */
const { root } = parse(
  `syntax = "proto3";

  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message WriteRequest { repeated TimeSeries timeseries = 1; }

  message TimeSeries2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; }
  message Request2 { repeated string symbols = 4; repeated TimeSeries2 timeseries = 5; }

  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Entry { Timestamp timestamp = 1; string line = 2; repeated Label structuredMetadata = 3; }
  message Stream { string labels = 1; repeated Entry entries = 2; uint64 hash = 3; }
  message PushRequest { repeated Stream streams = 1; }

  message AnyValue { string stringValue = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message LogRecord { fixed64 timeUnixNano = 1; AnyValue body = 5; }
  message ScopeLogs { repeated LogRecord logRecords = 2; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scopeLogs = 2; }
  message ExportLogsServiceRequest { repeated ResourceLogs resourceLogs = 1; }`,
  { keepCase: true },
);

type MessageName = "WriteRequest" | "Request2" | "PushRequest" | "ExportLogsServiceRequest";

/** The message as protobuf. */
export function encodeMessage(name: MessageName, content: Record<string, unknown>): Buffer {
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(content)).finish());
}

/** A message as a plain object with every field; 64-bit numbers are decimal text. Throws on what is not such a message. */
function decodeMessage(name: MessageName, bytes: Uint8Array): unknown {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String, defaults: true, arrays: true });
}

/** Headers of a remote write 1.0 request (Prometheus storage/remote/client.go). */
export const remoteWriteHeaders: HeaderLines = [
  ["Content-Type", "application/x-protobuf"],
  ["Content-Encoding", "snappy"],
  ["X-Prometheus-Remote-Write-Version", "0.1.0"],
];

/** A remote write 1.0 body: protobuf in Snappy's block format, labels sorted by name. */
export function remoteWriteBody(series: readonly Series[]): Buffer {
  const timeseries = series.map(({ labels, samples }) => ({
    labels: Object.entries(labels)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => ({ name, value })),
    samples,
  }));
  return compress(encodeMessage("WriteRequest", { timeseries }));
}

const writeRequest = z.object({
  timeseries: z.array(
    z.object({
      labels: z.array(z.object({ name: z.string(), value: z.string() })),
      // Not a number is a value like any other: Prometheus marks stale series with it.
      samples: z.array(
        z.object({
          timestamp: z.coerce.number(),
          value: z.union([z.number(), z.nan(), z.literal(Infinity), z.literal(-Infinity)]),
        }),
      ),
    }),
  ),
});

/** The series of a remote write body. Throws when it is not one. */
export function decodeRemoteWrite(body: Buffer): Series[] {
  const message = decodeMessage("WriteRequest", uncompressSnappy(body));
  return writeRequest.parse(message).timeseries.map(({ labels, samples }) => {
    const twice = labels.find(
      ({ name }, index) => labels.findIndex((other) => other.name === name) !== index,
    );
    if (twice !== undefined) {
      // As Prometheus does (storage/remote/write_handler.go).
      throw new Error(`label ${twice.name} twice in a series`);
    }
    return { labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])), samples };
  });
}

/** The two bodies that Loki's push API takes (Loki docs, reference/loki-http-api). Protobuf in Snappy's block format is what Alloy and Promtail send. */
type LokiFormat = "json" | "protobuf";

export function lokiHeaders(format: LokiFormat): HeaderLines {
  return [["Content-Type", format === "json" ? "application/json" : "application/x-protobuf"]];
}

/** The body of a Loki push. */
export function lokiBody(streams: readonly Stream[], format: LokiFormat): Buffer {
  if (format === "json") {
    const content = streams.map(({ labels, lines }) => ({
      stream: labels,
      values: lines.map(({ timestamp, line }) => [timestamp, line]),
    }));
    return Buffer.from(JSON.stringify({ streams: content }));
  }
  const content = streams.map(({ labels, lines }) => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return {
      labels: `{${pairs.join(", ")}}`,
      entries: lines.map(({ timestamp, line }) => ({
        timestamp: {
          seconds: String(BigInt(timestamp) / nanosecondsPerSecond),
          nanos: Number(BigInt(timestamp) % nanosecondsPerSecond),
        },
        line,
      })),
    };
  });
  return compress(encodeMessage("PushRequest", { streams: content }));
}

const nanosecondsPerSecond = 1_000_000_000n;

const lokiJson = z.object({
  streams: z.array(
    z.object({
      stream: z.record(z.string(), z.string()),
      values: z.array(z.tuple([z.string().regex(/^\d+$/), z.string()]).rest(z.unknown())),
    }),
  ),
});

const lokiProtobuf = z.object({
  streams: z.array(
    z.object({
      labels: z.string(),
      entries: z.array(
        z.object({ timestamp: z.object({ seconds: z.string(), nanos: z.number() }), line: z.string() }),
      ),
    }),
  ),
});

/** The streams of a Loki push. Throws when the body is not one of this format. */
export function decodeLoki(body: Buffer, format: LokiFormat): Stream[] {
  if (format === "json") {
    return lokiJson.parse(JSON.parse(body.toString())).streams.map(({ stream, values }) => ({
      labels: stream,
      lines: values.map(([timestamp, line]) => ({ timestamp, line })),
    }));
  }
  const message = decodeMessage("PushRequest", uncompressSnappy(body));
  return lokiProtobuf.parse(message).streams.map(({ labels, entries }) => ({
    labels: parsedLabels(labels),
    lines: entries.map(({ timestamp: { seconds, nanos }, line }) => ({
      timestamp: String(BigInt(seconds) * nanosecondsPerSecond + BigInt(nanos)),
      line,
    })),
  }));
}

/** Label sets in PromQL's form, `{site="tokyo", job="node"}`, with values in JSON's escapes, which are nearly Go's. */
function parsedLabels(text: string): Labels {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  const pairs = [...(inner ?? "").matchAll(/([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")\s*(?:,\s*|$)/gy)];
  if (pairs.map(([pair]) => pair).join("") !== inner) {
    throw new Error(`error parsing labels: ${text}`);
  }
  return Object.fromEntries(
    pairs.map(([, name = "", value = '""']) => [name, z.string().parse(JSON.parse(value))]),
  );
}

const otlpText = z.object({ stringValue: z.string().default("") });
const otlpAttribute = z.object({ key: z.string(), value: otlpText });

/** The JSON of an OTLP log request, which the decoded protobuf is given the form of, too (OTLP specification, "JSON Protobuf Encoding"). Only strings are imitated as values. */
const exportLogsRequest = z.object({
  resourceLogs: z.array(
    z.object({
      resource: z.object({ attributes: z.array(otlpAttribute).default([]) }).default({ attributes: [] }),
      scopeLogs: z.array(
        z.object({
          logRecords: z.array(z.object({ timeUnixNano: z.coerce.string().default("0"), body: otlpText })),
        }),
      ),
    }),
  ),
});

/** The lines of an OTLP log request; a resource's attributes are the labels, with dots as underscores, as Loki makes them (Loki docs, send-data/otel). Throws when it is not one. */
export function decodeOtlpLogs(body: Buffer, format: "json" | "protobuf"): Stream[] {
  const content: unknown =
    format === "json" ? JSON.parse(body.toString()) : decodeMessage("ExportLogsServiceRequest", body);
  return exportLogsRequest.parse(content).resourceLogs.map(({ resource, scopeLogs }) => ({
    labels: Object.fromEntries(
      resource.attributes.map(({ key, value }) => [key.replaceAll(".", "_"), value.stringValue]),
    ),
    lines: scopeLogs
      .flatMap(({ logRecords }) => logRecords)
      .map(({ timeUnixNano, body: { stringValue } }) => ({ timestamp: timeUnixNano, line: stringValue })),
  }));
}

/**
 * Uncompresses Snappy's block format. snappyjs takes a body that ends early for whole and fills it up with zeros; Go's
 * decoder, which Prometheus and Loki use, does not, so the elements' lengths are added up here first (Snappy
 * format_description.txt). Throws with Go's words on anything corrupt.
 */
export function uncompressSnappy(body: Buffer): Buffer {
  try {
    if (isWhole(body)) {
      return uncompress(body);
    }
  } catch {
    // Said below.
  }
  throw new Error("snappy: corrupt input");
}

/** Whether the elements are together as long as the body declares, and the last one ends where the body does. */
function isWhole(body: Buffer): boolean {
  let position = 0;
  let declared = 0;
  for (let more = true; more; position += 1) {
    const byte = body.readUInt8(position);
    declared += (byte & 0x7f) * 2 ** (7 * position);
    more = byte >= 0x80;
  }
  let length = 0;
  while (position < body.length) {
    const tag = body.readUInt8(position);
    const upper = tag >> 2;
    position += 1;
    if ((tag & 3) === 0) {
      const extra = Math.max(0, upper - 59);
      const literal = (extra === 0 ? upper : body.readUIntLE(position, extra)) + 1;
      position += extra + literal;
      length += literal;
    } else {
      // A copy, whose offset takes one, two or four bytes.
      position += 2 ** ((tag & 3) - 1);
      length += (tag & 3) === 1 ? (upper & 7) + 4 : upper + 1;
    }
  }
  return position === body.length && length === declared;
}
