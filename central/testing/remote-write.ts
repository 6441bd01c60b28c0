import { parse } from "protobufjs";
import { compress } from "snappyjs";

/** Remote write 1.0 and 2.0 (prometheus/prometheus, prompb/types.proto and prompb/io/prometheus/write/v2/types.proto), with all that can be written. */
const { root } = parse(
  `syntax = "proto3";

  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
  message Histogram {
    uint64 count_int = 1; double sum = 3; sint32 schema = 4; double zero_threshold = 5; uint64 zero_count_int = 6;
    repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; int64 timestamp = 15;
  }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
  message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; }
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }

  message SeriesV2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; }
  message RequestV2 { repeated string symbols = 4; repeated SeriesV2 timeseries = 5; }`,
  { keepCase: true },
);

/** A label as it stands in a request: in any order, twice, empty. */
export type LabelPair = readonly [name: string, value: string];

export interface WrittenSeries {
  readonly labels: readonly LabelPair[];
  /** In milliseconds since 1970. */
  readonly timestamp?: number;
  readonly value?: number;
  /** What else stands in the series, as in the message. */
  readonly more?: Readonly<Record<string, unknown>>;
}

const encode = (message: string, content: object): Buffer => {
  const type = root.lookupType(message);
  return compress(Buffer.from(type.encode(type.fromObject(content)).finish()));
};

/** @param more what stands beside the series. */
export const writeRequest = (series: readonly WrittenSeries[], more: object = {}): Buffer =>
  encode("WriteRequest", {
    timeseries: series.map(({ labels, timestamp = Date.now(), value = 1, more: inSeries }) => ({
      labels: labels.map(([name, text]) => ({ name, value: text })),
      samples: [{ value, timestamp }],
      ...inSeries,
    })),
    ...more,
  });

export function writeRequestV2(labels: readonly LabelPair[], timestamp = Date.now()): Buffer {
  const symbols = ["", ...labels.flat()];
  return encode("RequestV2", {
    symbols,
    timeseries: [
      { labels_refs: labels.flat().map((_, index) => index + 1), samples: [{ value: 1, timestamp }] },
    ],
  });
}
