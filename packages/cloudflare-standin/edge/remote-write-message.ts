import { compress } from "snappyjs";
import { z } from "zod";
import { decodeMessage, encodeMessage } from "./push-messages";
import { uncompressSnappy } from "./snappy";

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

const decoded = z.object({
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

/** A remote write 1.0 body: protobuf in Snappy's block format, labels sorted by name. */
export function encodeRemoteWrite(series: readonly Series[]): Buffer {
  const timeseries = series.map(({ labels, samples }) => ({
    labels: Object.entries(labels)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => ({ name, value })),
    samples,
  }));
  return compress(encodeMessage("WriteRequest", { timeseries }));
}

/** The series of a remote write body. Throws when it is none. */
export function decodeRemoteWrite(body: Buffer): Series[] {
  const { timeseries } = decoded.parse(decodeMessage("WriteRequest", uncompressSnappy(body)));
  return timeseries.map(({ labels, samples }) => ({
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
    samples,
  }));
}
