import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import { explained, yamlFile } from "./common/config-text";
import { credentialFiles, credentialPaths, headersWith, tenantHeaders } from "./common/credentials";
import {
  commonRefusals,
  listOf,
  otherSignalsNote,
  redirectNote,
  takeRelay,
} from "./common/refusals-and-notes";
import { pushUrl, siteLabels } from "./common/site-settings";
import { dropIn, execStart } from "./common/systemd";

/**
 * Before 0.164 the exporter's `timeout` covered all attempts to send a batch together, and before 0.165 a batch in the
 * write-ahead log was dropped on 401 and 403 (docs/facts/collectors.md, K29).
 */
const leastVersion = "0.165.0";

/** Where the collector's unit lets it write. */
const stateDirectory = "/var/lib/otelcol-contrib";

/** OpenTelemetry Collector, of the contrib distribution: metrics by remote write, logs by OTLP. */
export const otelcol: Collector = {
  name: "otelcol",
  title: "OpenTelemetry Collector",
  signals: ["metrics", "logs"],
  defaultVersion: leastVersion,
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release, ["remote write", "otlp logs"], {
      before: leastVersion,
      says: "which throws metrics away after one time-out, or once central has answered 401 or 403",
      todo: `Install ${leastVersion} or later`,
    }),
    ...Object.keys(site.labels)
      .filter((name) => /^_+$/.test(name) && site.endpoints.metrics !== undefined)
      .map((name) => ({
        subject: `labels.${name}`,
        says: "has a name of underscores alone, which the OpenTelemetry Collector does not send",
        todo: "Rename it",
      })),
    // Loki, pkg/loghttp/push/otlp.go: its names for labels are made by otlptranslator, which keeps single underscores alone.
    ...siteLabels(site)
      .filter(([name]) => /[^_]__/.test(name) && site.endpoints.logs !== undefined)
      .map(([name]) => ({
        subject: name === site.siteLabel ? "sitepass:siteLabel" : `labels.${name}`,
        says: `has two underscores in its name "${name}", of which Loki makes one in what comes by OTLP`,
        todo: "Rename it, or name another collector",
      })),
  ],
  notes,
  render: (site, placement, release) => [
    configuration(site, placement, release),
    inputs(site),
    ...credentialFiles("otelcol", placement),
    unit(placement),
  ],
  service: (placement) => ({
    unit: "otelcol-contrib",
    user: "otelcol-contrib",
    validator: {
      program: "otelcol-contrib",
      args: [
        "validate",
        `--config=${placement.directory}/otelcol/config.yaml`,
        `--config=${placement.directory}/otelcol/inputs.d/sitepass.yaml`,
      ],
    },
    rereadsSecrets: placement.credentials === undefined,
  }),
};

function notes(site: CollectorSite, placement: Placement, release: CollectorRelease): readonly string[] {
  const { metrics, logs } = site.endpoints;
  const bare = placement.credentials !== undefined;
  const attributes = siteLabels(site).map(([name]) => name);
  return listOf(
    "These files are for the contrib distribution, package otelcol-contrib; the smaller ones have neither the queue on disk nor the journal.",
    otherSignalsNote(otelcol, site),
    redirectNote("The OpenTelemetry Collector", placement),
    bare &&
      metrics &&
      `While central answers 401, 403, 404 or 429, the OpenTelemetry Collector keeps its metrics on disk, and once it has a few minutes of them sends them again and again without a pause. ${takeRelay} to make it wait.`,
    bare &&
      logs &&
      `Logs that are answered with 401, 403, 404, 500 or one of Cloudflare's 520 to 530 are lost: the OpenTelemetry Collector sends again after 429, 502, 503 and 504 alone. ${takeRelay} to keep them.`,
    ...bufferNotes("otelcol", site, release),
    metrics &&
      `Metrics wait in ${stateDirectory}/metrics: watch the disk's free space on a site that is cut off for long.`,
    metrics &&
      `A label ${site.siteLabel} that your own metrics bring is replaced, and not kept as other collectors do: two series that differ by it alone become one.`,
    logs &&
      `Loki keeps what comes by OTLP as structured metadata, and makes of it only those labels that it is told to. Name ${attributes.join(", ")} in the central Loki's limits_config.otlp_config.resource_attributes.attributes_config, with action: index_label.`,
  );
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const paths = credentialPaths("otelcol", placement);
  // The values are read once, when the collector starts (docs/facts/collectors.md, K31).
  const headers = placement.credentials && {
    ...headersWith((key) => `\${file:${paths[key]}}`),
    ...tenantHeaders(site, (tenant) => tenant),
  };
  const labels = siteLabels(site).map(([name, value]) => [name, escaped(value)] as const);
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "otlp logs");
  return yamlFile(
    "otelcol/config.yaml",
    `Rendered by sitepass for the site ${site.name} and OpenTelemetry Collector ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. After a change: systemctl restart otelcol-contrib.`,
    {
      extensions: logs && {
        file_storage: {
          directory: `${stateDirectory}/logs`,
          create_directory: true,
          compaction: explained("Gives the disk back after an outage.", {
            on_start: true,
            on_rebound: true,
            directory: `${stateDirectory}/logs`,
            cleanup_on_start: true,
          }),
        },
      },
      processors: {
        memory_limiter: { check_interval: "1s", limit_mib: 400, spike_limit_mib: 100 },
        batch: metrics && { timeout: "5s", send_batch_size: 8192 },
        "resource/site": {
          attributes: labels.map(([key, value]) => ({
            key,
            value,
            // The site's own labels give way to what data bring.
            action: key === site.siteLabel ? "upsert" : "insert",
          })),
        },
      },
      exporters: {
        prometheus_remote_write: metrics && {
          http: { endpoint: metrics, proxy_url: site.proxy, headers },
          timeout: explained("Of one attempt.", "30s"),
          max_batch_size_bytes: batchLimits.metrics,
          external_labels: Object.fromEntries(labels),
          resource_constant_labels: explained(
            `External labels give way to a label of the data's own; resource/site makes sure that ${site.siteLabel} does not.`,
            { included: [site.siteLabel] },
          ),
          max_batch_request_parallelism: explained(
            "One, so that samples arrive in their order; and refused ones are sent again without a pause.",
            1,
          ),
          retry_on_failure: explained("Of time-outs, broken lines and 5xx; 0 is without end.", withoutEnd),
          wal: explained("What is sent goes through this log, and outlives a restart there.", {
            directory: `${stateDirectory}/metrics`,
            truncate_frequency: explained("Also how long a sample waits for others at most.", "5s"),
          }),
        },
        "otlp_http/logs": logs && {
          logs_endpoint: logs,
          proxy_url: site.proxy,
          headers,
          timeout: "30s",
          retry_on_failure: withoutEnd,
          sending_queue: {
            storage: "file_storage",
            sizer: "bytes",
            queue_size: explained(
              "1 GiB; then the journal is read no further until there is room.",
              buffers.otelcol.logs.holds.bytes,
            ),
            block_on_overflow: true,
            num_consumers: explained("One, so that lines arrive in their order.", 1),
            batch: { flush_timeout: "5s", min_size: 262_144, max_size: batchLimits.logs },
          },
        },
      },
      service: logs && { extensions: ["file_storage"] },
    },
  );
}

/** In every string `${` begins an expansion, and `$$` is a dollar sign (docs/facts/collectors.md, K31). */
const escaped = (value: string): string => value.replaceAll("$", "$$$$");

const withoutEnd = { initial_interval: "1s", max_interval: "30s", max_elapsed_time: "0s" };

/** The collector's own metrics, what programs push to it on loopback, and the journal. */
function inputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  const toLoki = { processors: ["memory_limiter", "resource/site"], exporters: ["otlp_http/logs"] };
  return yamlFile(
    "otelcol/inputs.d/sitepass.yaml",
    "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with receivers and with pipelines of other names, such as metrics/own, that have the same processors and exporters.",
    {
      receivers: {
        otlp: {
          protocols: { grpc: { endpoint: "127.0.0.1:4317" }, http: { endpoint: "127.0.0.1:4318" } },
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
          metrics: { readers: [{ pull: { exporter: { prometheus: { host: "127.0.0.1", port: 8888 } } } }] },
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
  );
}

function unit(placement: Placement): RenderedFile {
  const script = [
    "set --",
    `for file in ${placement.directory}/otelcol/inputs.d/*.yaml; do set -- "$@" --config "$file"; done`,
    `exec /usr/bin/otelcol-contrib --config ${placement.directory}/otelcol/config.yaml "$@"`,
  ].join("; ");
  return dropIn("otelcol-contrib", placement, [
    "# OTELCOL_OPTIONS in /etc/otelcol-contrib/otelcol-contrib.conf is not used: it names the package's own example. The collector",
    "# takes files one by one, so the shell lists those in inputs.d; they are merged into the first.",
    ...execStart("/bin/sh", ["-c", script]),
    "StateDirectory=otelcol-contrib",
    "StateDirectoryMode=0700",
    "# May read the journal.",
    "SupplementaryGroups=systemd-journal",
  ]);
}
