import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { commonRefusals } from "./common-refusals";
import { accessHeaders, credentialFiles, credentialsFolder } from "./credential-files";
import { inputsFolder } from "./inputs-folder";
import { pushUrl, pushUrlRefusals } from "./push-url";
import { isAtLeast, versionRefusals } from "./release-version";
import { dropIn, execStart } from "./systemd";
import { vectorInputs } from "./vector-inputs";
import { lineProgram, tagProgram } from "./vector-programs";
import { explained, yamlText, type YamlObject, type YamlValue } from "./yaml-text";

/** Facts: Vector's release notes of these versions. */
const since = {
  /** The source `static_metrics`. */
  heartbeat: "0.41.0",
  /** `retry_strategy`; headers of remote write came with 0.54, secrets from a folder with 0.43. */
  retryStrategy: "0.56.0",
} as const;

/** Vector: metrics by remote write, logs by Loki's push API. */
export const vector: Collector = {
  name: "vector",
  title: "Vector",
  signals: ["metrics", "logs"],
  defaultVersion: "0.57.0",
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...pushUrlRefusals(site, "loki push"),
    ...(versionRefusals(release).length > 0 ? [] : releaseRefusals(placement, release)),
  ],
  notes: (_site, { credentials }) =>
    credentials === undefined
      ? []
      : [
          "Vector takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. Render with --relay to rule that out.",
        ],
  render: (site, placement, release) => [
    { path: "vector/vector.yaml", mode: 0o644, content: configuration(site, placement, release) },
    vectorInputs(site),
    ...credentialFiles("vector", placement),
    unit(placement),
  ],
  service: (placement) => ({
    unit: "vector",
    user: "vector",
    validator: {
      program: "vector",
      args: ["validate", "--no-environment", ...configurationPaths(placement)],
    },
    rereadsSecrets: placement.credentials === undefined,
  }),
};

function releaseRefusals({ credentials }: Placement, release: CollectorRelease): readonly string[] {
  const { version } = release;
  if (!isAtLeast(release, since.heartbeat)) {
    return [
      `--release: is ${version}, and Vector can send an up of its own since ${since.heartbeat} only. Install a newer release.`,
    ];
  }
  return credentials === undefined || isAtLeast(release, since.retryStrategy)
    ? []
    : [
        `--release: is ${version}, and Vector throws away what was answered with 401 or 403 before ${since.retryStrategy}. Render with --relay, which works with this release, or install ${since.retryStrategy} or later.`,
      ];
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): string {
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "loki push");
  return (
    yamlText(
      `Rendered by sitepass for the site ${site.name} and Vector ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. After a change: systemctl reload vector.`,
      {
        secret: placement.credentials && {
          sitepass: {
            type: "directory",
            path: `${placement.directory}/vector/${credentialsFolder}`,
          },
        },
        acknowledgements: explained("A source's place is saved when what it read is on disk.", {
          enabled: true,
        }),
        transforms: {
          sitepass_metrics: metrics === undefined ? undefined : remap("metrics_*", tagProgram(site)),
          sitepass_logs: logs === undefined ? undefined : remap("logs_*", lineProgram(site)),
        },
        sinks: {
          central_metrics: metrics === undefined ? undefined : metricsSink(metrics, placement),
          central_logs: logs === undefined ? undefined : logsSink(logs, placement),
        },
      },
    )
      // Before 0.57 a dollar sign begins an expansion, wherever in the file it stands (src/config/vars.rs); since then it
      // does when whoever starts Vector says so. All of them are inside double quotes.
      .replaceAll("$", "\\x24")
  );
}

const remap = (inputs: string, source: string): YamlObject => ({ type: "remap", inputs: [inputs], source });

function metricsSink(endpoint: string, placement: Placement): YamlObject {
  return {
    type: "prometheus_remote_write",
    inputs: ["sitepass_metrics"],
    endpoint,
    batch: { max_events: 5000, timeout_secs: 5 },
    ...delivery(placement),
  };
}

/** Not the sink named loki, which has no headers. Each line is a stream of its own, as the program makes them. */
function logsSink(uri: string, placement: Placement): YamlObject {
  return {
    type: "http",
    inputs: ["sitepass_logs"],
    uri,
    encoding: { codec: "json" },
    payload_prefix: '{"streams":',
    payload_suffix: "}",
    compression: "gzip",
    batch: { max_bytes: 1_000_000, timeout_secs: 5 },
    ...delivery(placement),
  };
}

/**
 * Everything but 2xx is worth another try, except what central says of the data themselves: 400, 409, 413, 415 and 422. One
 * of these, sent again for ever, would hold up all others. The strategy named all has no exceptions.
 */
// prettier-ignore
const worthAnotherTry: readonly number[] = [
  301, 302, 303, 307, 308, 401, 403, 404, 405, 408, 429,
  500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530,
];

function delivery({ credentials }: Placement): YamlObject {
  const secret = (name: string): YamlValue => `SECRET[sitepass.${name}]`;
  return {
    healthcheck: explained("It asks with GET, which central answers with 404 or 405.", { enabled: false }),
    request: {
      headers: credentials && {
        [accessHeaders.clientId]: secret("client_id"),
        [accessHeaders.clientSecret]: secret("client_secret"),
      },
      timeout_secs: 30,
      concurrency: explained("One, so that all arrives in its order. Attempts have no end.", 1),
      retry_max_duration_secs: 30,
    },
    retry_strategy:
      credentials &&
      explained("By default 401, 403, 404 and redirects, which are not followed, throw data away.", {
        type: "custom",
        status_codes: worthAnotherTry,
      }),
    buffer: explained("1 GiB on disk; then sources wait.", {
      type: "disk",
      max_size: 1_073_741_824,
      when_full: "block",
    }),
  };
}

function configurationPaths(placement: Placement): readonly string[] {
  return [
    "--config-yaml",
    `${placement.directory}/vector/vector.yaml`,
    "--config-dir",
    inputsFolder("vector", placement),
  ];
}

function unit(placement: Placement): RenderedFile {
  const paths = configurationPaths(placement);
  const command = (words: readonly string[]): string => ["/usr/bin/vector", ...words].join(" ");
  return dropIn("vector", placement, [
    "# The package's unit checks and runs its own example.",
    "ExecStartPre=",
    ...execStart("/usr/bin/vector", paths),
    "ExecReload=",
    `ExecReload=${command(["validate", "--no-environment", ...paths])}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
  ]);
}
