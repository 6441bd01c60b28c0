import { parse, type Type } from "protobufjs";

/** Prometheus remote write 1.0 (prompb/remote.proto and types.proto), Loki's push (pkg/push/push.proto) and OpenTelemetry's logs (opentelemetry/proto/logs/v1), as far as collectors' pushes need them. */
const { root } = parse(
  `syntax = "proto3";

  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message WriteRequest { repeated TimeSeries timeseries = 1; }

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

const writeRequest = root.lookupType("WriteRequest");
const pushRequest = root.lookupType("PushRequest");
const exportLogsRequest = root.lookupType("ExportLogsServiceRequest");

export type MessageName = "WriteRequest" | "PushRequest" | "ExportLogsServiceRequest";

function typeOf(name: MessageName): Type {
  return {
    WriteRequest: writeRequest,
    PushRequest: pushRequest,
    ExportLogsServiceRequest: exportLogsRequest,
  }[name];
}

/** The message as protobuf. */
export function encodeMessage(name: MessageName, content: Record<string, unknown>): Buffer {
  return Buffer.from(typeOf(name).encode(typeOf(name).fromObject(content)).finish());
}

/** A message as a plain object with every field; 64-bit numbers are decimal text. Throws on what is no such message. */
export function decodeMessage(name: MessageName, bytes: Uint8Array): unknown {
  return typeOf(name).toObject(typeOf(name).decode(bytes), { longs: String, defaults: true, arrays: true });
}
