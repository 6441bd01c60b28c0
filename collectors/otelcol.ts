import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { commonRefusals } from "./common-refusals";
import { credentialFiles } from "./credential-files";
import { inputsFolder } from "./inputs-folder";
import { logsExporter, metricsExporter, stateDirectory } from "./otelcol-exporters";
import { otelcolInputs } from "./otelcol-inputs";
import { pushUrlRefusals } from "./push-url";
import { redirectNote } from "./redirect-note";
import { isAtLeast, versionRefusals } from "./release-version";
import { siteLabels } from "./site-labels";
import { dropIn, execStart } from "./systemd";
import { explained, yamlText } from "./yaml-text";

/**
 * Before 0.164 the exporter's `timeout` covered all attempts to send a batch together, and before 0.165 a batch in the
 * write-ahead log was dropped on 401 and 403 (prometheusremotewriteexporter, factory.go and wal.go at these tags).
 */
const leastVersion = "0.165.0";

/** OpenTelemetry Collector, of the contrib distribution: metrics by remote write, logs by OTLP. */
export const otelcol: Collector = {
  name: "otelcol",
  title: "OpenTelemetry Collector",
  signals: ["metrics", "logs"],
  defaultVersion: leastVersion,
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...pushUrlRefusals(site, "otlp logs"),
    ...(versionRefusals(release).length > 0 || isAtLeast(release, leastVersion)
      ? []
      : [
          `--release: is ${release.version}, which throws metrics away after one time-out, or once central has answered 401 or 403. Install ${leastVersion} or later.`,
        ]),
    ...Object.keys(site.labels)
      .filter((name) => /^_+$/.test(name) && site.endpoints.metrics !== undefined)
      .map(
        (name) =>
          `labels.${name}: has a name of underscores alone, which the OpenTelemetry Collector does not send. Rename it.`,
      ),
  ],
  notes,
  render: (site, placement, release) => [
    { path: "otelcol/config.yaml", mode: 0o644, content: configuration(site, placement, release) },
    otelcolInputs(site),
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
        `--config=${inputsFolder("otelcol", placement)}/sitepass.yaml`,
      ],
    },
    rereadsSecrets: placement.credentials === undefined,
  }),
};

function notes(site: CollectorSite, placement: Placement): readonly string[] {
  const { metrics, logs } = site.endpoints;
  const bare = placement.credentials !== undefined;
  const attributes = siteLabels(site).map(([name]) => name);
  return [
    "These files are for the contrib distribution, package otelcol-contrib; the smaller ones have neither the queue on disk nor the journal.",
    ...redirectNote("The OpenTelemetry Collector", placement),
    ...(bare && metrics !== undefined
      ? [
          "While central answers 401, 403, 404 or 429, the OpenTelemetry Collector keeps its metrics on disk, and once it has a few minutes of them sends them again and again without a pause. Render with --relay to make it wait.",
        ]
      : []),
    ...(bare && logs !== undefined
      ? [
          "Logs that are answered with 401, 403, 404, 500 or one of Cloudflare's 520 to 530 are lost: the OpenTelemetry Collector sends again after 429, 502, 503 and 504 alone. Render with --relay to keep them.",
        ]
      : []),
    ...(metrics === undefined
      ? []
      : [
          `Metrics that cannot be sent wait in ${stateDirectory}/metrics, which has no limit: watch the disk's free space on a site that is cut off for long.`,
        ]),
    ...(logs === undefined
      ? []
      : [
          `Loki keeps what comes by OTLP as structured metadata, and makes of it only those labels that it is told to. Name ${attributes.join(", ")} in the central Loki's limits_config.otlp_config.resource_attributes.attributes_config, with action: index_label.`,
        ]),
  ];
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): string {
  const labels = siteLabels(site).map(([name, value]) => [name, escaped(value)] as const);
  const logs = logsExporter(site, placement);
  return yamlText(
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
        batch: site.endpoints.metrics && { timeout: "5s", send_batch_size: 8192 },
        "resource/site": {
          attributes: labels.map(([key, value]) => ({ key, value, action: "upsert" })),
        },
      },
      exporters: { ...metricsExporter(site, placement, labels), ...logs },
      service: logs && { extensions: ["file_storage"] },
    },
  );
}

/** In every string `${` begins an expansion, and `$$` is a dollar sign (confmap, expand.go and resolver.go at v1.71.0). */
const escaped = (value: string): string => value.replaceAll("$", "$$$$");

function unit(placement: Placement): RenderedFile {
  const script = [
    "set --",
    `for file in ${inputsFolder("otelcol", placement)}/*.yaml; do set -- "$@" --config "$file"; done`,
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
