import { parse } from "protobufjs";
import { compress } from "snappyjs";

/** Remote write 1.0 and 2.0, and OpenTelemetry's metrics (opentelemetry/proto/metrics/v1) as far as a gauge needs them (prometheus/prometheus, prompb/types.proto and prompb/io/prometheus/write/v2/types.proto), with all that can be written. */
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

  message AnyValue { string string_value = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message NumberDataPoint { fixed64 time_unix_nano = 3; double as_double = 4; repeated KeyValue attributes = 7; }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Metric { string name = 1; Gauge gauge = 5; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }

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

const encodePlain = (message: string, content: object): Buffer => {
  const type = root.lookupType(message);
  return Buffer.from(type.encode(type.fromObject(content)).finish());
};

const encode = (message: string, content: object): Buffer => compress(encodePlain(message, content));

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

/** One gauge in OpenTelemetry's protobuf, not compressed. */
export function otlpGauge(
  name: string,
  { resource, point }: { readonly resource: readonly LabelPair[]; readonly point: readonly LabelPair[] },
): Buffer {
  const attributes = (pairs: readonly LabelPair[]) =>
    pairs.map(([key, text]) => ({ key, value: { string_value: text } }));
  return encodePlain("ExportMetricsServiceRequest", {
    resource_metrics: [
      {
        resource: { attributes: attributes(resource) },
        scope_metrics: [
          {
            metrics: [
              {
                name,
                gauge: {
                  data_points: [
                    { time_unix_nano: `${Date.now()}000000`, as_double: 1, attributes: attributes(point) },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  });
}
