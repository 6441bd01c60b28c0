import { compress } from "snappyjs";
import { z } from "zod";
import { decodeMessage, encodeMessage } from "./push-messages";
import type { Labels } from "./remote-write-message";
import { uncompressSnappy } from "./snappy";

export interface Line {
  /** Nanoseconds since 1970, in decimal, as Loki's JSON has them: a number could not hold them. */
  readonly timestamp: string;
  readonly line: string;
}

export interface Stream {
  readonly labels: Labels;
  readonly lines: readonly Line[];
}

const nanosecondsPerSecond = 1_000_000_000n;

const jsonBody = z.object({
  streams: z.array(
    z.object({
      stream: z.record(z.string(), z.string()),
      values: z.array(z.tuple([z.string().regex(/^\d+$/), z.string()]).rest(z.unknown())),
    }),
  ),
});

const protobufBody = z.object({
  streams: z.array(
    z.object({
      labels: z.string(),
      entries: z.array(
        z.object({ timestamp: z.object({ seconds: z.string(), nanos: z.number() }), line: z.string() }),
      ),
    }),
  ),
});

/** The JSON body of Loki's push API (Loki docs, reference/loki-http-api). */
export function encodeLokiJson(streams: readonly Stream[]): Buffer {
  const content = streams.map(({ labels, lines }) => ({
    stream: labels,
    values: lines.map(({ timestamp, line }) => [timestamp, line]),
  }));
  return Buffer.from(JSON.stringify({ streams: content }));
}

/** The protobuf body, in Snappy's block format; what Alloy and Promtail send. */
export function encodeLokiProtobuf(streams: readonly Stream[]): Buffer {
  const content = streams.map(({ labels, lines }) => ({
    labels: `{${Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(", ")}}`,
    entries: lines.map(({ timestamp, line }) => ({
      timestamp: {
        seconds: String(BigInt(timestamp) / nanosecondsPerSecond),
        nanos: Number(BigInt(timestamp) % nanosecondsPerSecond),
      },
      line,
    })),
  }));
  return compress(encodeMessage("PushRequest", { streams: content }));
}

/** The streams of a JSON body. Throws when it is none. */
export function decodeLokiJson(body: Buffer): Stream[] {
  return jsonBody.parse(JSON.parse(body.toString())).streams.map(({ stream, values }) => ({
    labels: stream,
    lines: values.map(([timestamp, line]) => ({ timestamp, line })),
  }));
}

/** The streams of a protobuf body. Throws when it is none. */
export function decodeLokiProtobuf(body: Buffer): Stream[] {
  const message = decodeMessage("PushRequest", uncompressSnappy(body));
  return protobufBody.parse(message).streams.map(({ labels, entries }) => ({
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
  if (inner === undefined) {
    throw new Error(`error parsing labels: ${text}`);
  }
  const pairs = [...inner.matchAll(/([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")\s*(?:,\s*|$)/gy)];
  if (pairs.map(([pair]) => pair).join("").length !== inner.length) {
    throw new Error(`error parsing labels: ${text}`);
  }
  return Object.fromEntries(
    pairs.map(([, name = "", value = '""']) => [name, z.string().parse(JSON.parse(value))]),
  );
}
