import { z } from "zod";
import type { Stream } from "./loki-message";
import { decodeMessage } from "./push-messages";

const text = z.object({ stringValue: z.string().default("") });
const attribute = z.object({ key: z.string(), value: text });

/** The JSON of an OTLP log request, which the decoded protobuf is given the form of, too (OTLP specification, "JSON Protobuf Encoding"). Only strings are imitated as values. */
const exportRequest = z.object({
  resourceLogs: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute).default([]) }).default({ attributes: [] }),
      scopeLogs: z.array(
        z.object({
          logRecords: z.array(z.object({ timeUnixNano: z.coerce.string().default("0"), body: text })),
        }),
      ),
    }),
  ),
});

/** The lines of an OTLP log request; a resource's attributes are the labels, with dots as underscores, as Loki makes them (Loki docs, send-data/otel). Throws when it is none. */
export function decodeOtlpLogs(body: Buffer, isJson: boolean): Stream[] {
  const content: unknown = isJson
    ? JSON.parse(body.toString())
    : decodeMessage("ExportLogsServiceRequest", body);
  return exportRequest.parse(content).resourceLogs.map(({ resource, scopeLogs }) => ({
    labels: Object.fromEntries(
      resource.attributes.map(({ key, value }) => [key.replaceAll(".", "_"), value.stringValue]),
    ),
    lines: scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ timeUnixNano, body: { stringValue } }) => ({
        timestamp: timeUnixNano,
        line: stringValue,
      })),
    ),
  }));
}
