import type { CollectorSite, RenderedFile } from "./collector";
import { explained, yamlText } from "./yaml-text";

/** The collector's own metrics, what programs push to it on loopback, and the journal. */
export function otelcolInputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  const toLoki = { processors: ["memory_limiter", "resource/site"], exporters: ["otlp_http/logs"] };
  return {
    path: "otelcol/inputs.d/sitepass.yaml",
    mode: 0o644,
    content: yamlText(
      "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with receivers and with pipelines of other names, such as metrics/own, that have the same processors and exporters.",
      {
        receivers: {
          otlp: {
            protocols: {
              grpc: { endpoint: "127.0.0.1:4317" },
              http: { endpoint: "127.0.0.1:4318" },
            },
          },
          "prometheus/self": metrics && {
            config: {
              scrape_configs: [
                {
                  job_name: "otelcol",
                  scrape_interval: "30s",
                  static_configs: [{ targets: ["127.0.0.1:8888"] }],
                },
              ],
            },
          },
          journald: logs && {
            start_at: "end",
            storage: explained("Goes on after a restart where it has stopped.", "file_storage"),
            retry_on_failure: explained("Reads no further while the queue is full.", {
              enabled: true,
              max_elapsed_time: "0s",
            }),
          },
        },
        service: {
          telemetry: {
            metrics: {
              readers: [{ pull: { exporter: { prometheus: { host: "127.0.0.1", port: 8888 } } } }],
            },
          },
          pipelines: {
            metrics: metrics && {
              receivers: ["otlp", "prometheus/self"],
              processors: ["memory_limiter", "resource/site", "batch"],
              exporters: ["prometheus_remote_write"],
            },
            logs: logs && { receivers: ["otlp"], ...toLoki },
            "logs/journal": logs && { receivers: ["journald"], ...toLoki },
          },
        },
      },
    ),
  };
}
