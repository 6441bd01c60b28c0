import type { CollectorSite, Placement } from "./collector";
import { accessHeaders, credentialPaths } from "./credential-files";
import { pushUrl } from "./push-url";
import { explained, type YamlObject } from "./yaml-text";

/** Where the collector's unit lets it write. */
export const stateDirectory = "/var/lib/otelcol-contrib";

/** @param labels with dollar signs escaped. */
export function metricsExporter(
  site: CollectorSite,
  placement: Placement,
  labels: readonly (readonly [string, string])[],
): YamlObject {
  const endpoint = pushUrl(site, "remote write");
  return endpoint === undefined
    ? {}
    : {
        prometheus_remote_write: {
          http: { endpoint, headers: headers(placement) },
          timeout: explained("Of one attempt.", "30s"),
          external_labels: Object.fromEntries(labels),
          resource_constant_labels: explained(
            `External labels give way to a label of the data's own; resource/site makes sure that ${site.siteLabel} does not.`,
            { included: [site.siteLabel] },
          ),
          max_batch_request_parallelism: explained(
            "One, so that samples arrive in their order; and refused ones are sent again without a pause.",
            1,
          ),
          retry_on_failure: explained("Of time-outs, broken lines and 5xx; 0 is without end.", {
            initial_interval: "1s",
            max_interval: "30s",
            max_elapsed_time: "0s",
          }),
          wal: explained("What is sent goes through this log, and outlives a restart there.", {
            directory: `${stateDirectory}/metrics`,
            truncate_frequency: explained("Also how long a sample waits for others at most.", "5s"),
          }),
        },
      };
}

/** Undefined when the site pushes no logs. */
export function logsExporter(site: CollectorSite, placement: Placement): YamlObject | undefined {
  const endpoint = pushUrl(site, "otlp logs");
  return endpoint === undefined
    ? undefined
    : {
        "otlp_http/logs": {
          logs_endpoint: endpoint,
          headers: headers(placement),
          timeout: "30s",
          retry_on_failure: { initial_interval: "1s", max_interval: "30s", max_elapsed_time: "0s" },
          sending_queue: {
            storage: "file_storage",
            sizer: "bytes",
            queue_size: explained(
              "1 GiB; then the journal is read no further until there is room.",
              1_073_741_824,
            ),
            block_on_overflow: true,
            num_consumers: explained("One, so that lines arrive in their order.", 1),
            batch: { flush_timeout: "5s", min_size: 262_144, max_size: 1_048_576 },
          },
        },
      };
}

/** The values are read once, when the collector starts. */
function headers(placement: Placement): YamlObject | undefined {
  const { clientId, clientSecret } = credentialPaths("otelcol", placement);
  return placement.credentials === undefined
    ? undefined
    : {
        [accessHeaders.clientId]: `\${file:${clientId}}`,
        [accessHeaders.clientSecret]: `\${file:${clientSecret}}`,
      };
}
