import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import { explained, yamlFile, type YamlObject } from "./common/config-text";
import {
  credentialFiles,
  credentialNames,
  credentialsFolder,
  headersWith,
  tenantHeaders,
} from "./common/credentials";
import {
  anyPageNote,
  commonRefusals,
  listOf,
  otherSignalsNote,
  takeRelay,
} from "./common/refusals-and-notes";
import { keptLabel, ownLabels, pushUrl, siteLabels } from "./common/site-settings";
import { dropIn, execStart } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K38). */
const since = {
  /** The source `static_metrics`. */
  heartbeat: "0.41.0",
  /** `retry_strategy`. Headers of remote write and secrets from a folder are older. */
  retryStrategy: "0.56.0",
} as const;

/** Vector: metrics by remote write, logs by Loki's push API. */
export const vector: Collector = {
  name: "vector",
  title: "Vector",
  signals: ["metrics", "logs"],
  defaultVersion: "0.57.0",
  refusals: (site, placement, release) =>
    commonRefusals(
      site,
      placement,
      release,
      ["remote write", "loki push"],
      {
        before: since.heartbeat,
        says: `and Vector can send an up of its own since ${since.heartbeat} only`,
        todo: "Install a newer release",
      },
      {
        before: since.retryStrategy,
        unlessRelayed: true,
        says: `and Vector throws away what was answered with 401 or 403 before ${since.retryStrategy}`,
        todo: `${takeRelay}, which works with this release, or install ${since.retryStrategy} or later`,
      },
    ),
  notes: (site, placement, release) =>
    listOf(
      otherSignalsNote(vector, site),
      anyPageNote("Vector", placement),
      ...bufferNotes("vector", site, release),
    ),
  render: (site, placement, release) => [
    configuration(site, placement, release),
    inputs(site),
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

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "loki push");
  const file = yamlFile(
    "vector/vector.yaml",
    `Rendered by sitepass for the site ${site.name} and Vector ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. After a change: systemctl reload vector.`,
    {
      secret: placement.credentials && {
        sitepass: { type: "directory", path: `${placement.directory}/vector/${credentialsFolder}` },
      },
      acknowledgements: explained("A source's place is saved when what it read is on disk.", {
        enabled: true,
      }),
      transforms: {
        sitepass_metrics: metrics && remap("metrics_*", tagProgram(site)),
        sitepass_logs: logs && remap("logs_*", lineProgram(site)),
      },
      sinks: {
        central_metrics: metrics && {
          type: "prometheus_remote_write",
          inputs: ["sitepass_metrics"],
          endpoint: metrics,
          batch: { max_events: 5000, max_bytes: batchLimits.metrics, timeout_secs: 5 },
          ...delivery(site, placement),
          ...proxyOf(site),
        },
        // Not the sink named loki, which has no headers (docs/facts/collectors.md, K37). Each line is a stream of its own, as
        // `lineProgram` makes it.
        central_logs: logs && {
          type: "http",
          inputs: ["sitepass_logs"],
          uri: logs,
          encoding: { codec: "json" },
          payload_prefix: '{"streams":',
          payload_suffix: "}",
          compression: "gzip",
          batch: { max_bytes: batchLimits.logs, timeout_secs: 5 },
          ...delivery(site, placement),
          ...proxyOf(site),
        },
      },
    },
  );
  // A dollar sign may begin an expansion, wherever in the file it stands (docs/facts/collectors.md, K40). All of them are
  // inside double quotes.
  return { ...file, content: file.content.replaceAll("$", "\\x24") };
}

const remap = (input: string, source: string): YamlObject => ({ type: "remap", inputs: [input], source });

/**
 * A program in VRL, Vector's language, that adds the site's labels to a metric: its own where the metric has none of that name, and
 * the site label in any case.
 */
function tagProgram(site: CollectorSite): string {
  const { siteLabel, name: siteName } = site;
  const kept = `.tags."${keptLabel(site)}"`;
  return [
    `if .name == "up" { del(.namespace) }`,
    ...ownLabels(site).map(
      ([name, value]) => `if !exists(.tags."${name}") { .tags."${name}" = ${vrlText(value)} }`,
    ),
    `if exists(.tags."${siteLabel}") && .tags."${siteLabel}" != "${siteName}" { ${kept} = .tags."${siteLabel}" }`,
    `.tags."${siteLabel}" = "${siteName}"`,
  ].join("\n");
}

/** A program in VRL that turns each event into a stream of one line for Loki's push API, with no labels but the site's. */
function lineProgram(site: CollectorSite): string {
  return [
    "line = encode_json(.)",
    `time = to_string(to_unix_timestamp(timestamp(.timestamp) ?? now(), unit: "nanoseconds"))`,
    "labels = {}",
    ...siteLabels(site).map(([name, value]) => `labels."${name}" = ${vrlText(value)}`),
    `. = { "stream": labels, "values": [[time, line]] }`,
  ].join("\n");
}

/**
 * A text as an expression of VRL, Vector's language. In its quotes backslashes escape and `{{` begins a template
 * (vectordotdev/vrl, src/parser/lex.rs). A placeholder of a secret, which Vector replaces in the file's text before it
 * parses anything (src/config/loading/secret.rs), is taken apart.
 */
export function vrlText(text: string): string {
  return text
    .split(/(?<=SECRET)(?=\[)/)
    .map(quoted)
    .join(" + ");
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const quoted = (text: string): string =>
  `"${text.replace(/["\\{}\n\r\t]/g, (character) => escapes[character] ?? `\\${character}`)}"`;

/**
 * Everything but 2xx is worth another try, except answers about the data themselves: 400, 409, 413, 415 and 422. Such a push,
 * sent again for ever, would hold up all others. Vector's strategy `all` has no exceptions (docs/facts/collectors.md, K38, K51).
 */
// prettier-ignore
const worthAnotherTry: readonly number[] = [
  301, 302, 303, 307, 308, 401, 403, 404, 405, 408, 429,
  500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530,
];

function delivery(site: CollectorSite, { credentials }: Placement): YamlObject {
  return {
    healthcheck: explained("It asks with GET, which central answers with 404 or 405.", { enabled: false }),
    request: {
      headers: credentials && {
        ...headersWith((key) => `SECRET[sitepass.${credentialNames[key]}]`),
        ...tenantHeaders(site, (tenant) => tenant),
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
      max_size: buffers.vector.logs.holds.bytes,
      when_full: "block",
    }),
  };
}

/** Instead of the environment's, which Vector would take otherwise (docs/facts/collectors.md, K56). */
const proxyOf = ({ proxy }: CollectorSite): YamlObject =>
  proxy === undefined ? {} : { proxy: { enabled: true, http: proxy, https: proxy } };

/** Vector's own metrics, those of the machine, the journal, and an `up`, which Vector sends of nothing by itself. */
function inputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  return yamlFile(
    "vector/inputs.d/sitepass.yaml",
    "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with sources and transforms. What has a name that begins with metrics_ or logs_ is sent, and nothing else.",
    {
      sources: {
        ...(metrics && {
          metrics_up: {
            type: "static_metrics",
            interval_secs: 30,
            metrics: [
              { name: "up", kind: "absolute", value: { gauge: { value: 1 } }, tags: { job: "vector" } },
            ],
          },
          metrics_internal: { type: "internal_metrics", scrape_interval_secs: 30 },
          metrics_host: { type: "host_metrics", scrape_interval_secs: 30 },
        }),
        ...(logs && {
          logs_journal: {
            type: "journald",
            since_now: explained("When there is no saved place to go on from.", true),
          },
        }),
      },
    },
  );
}

const configurationPaths = ({ directory }: Placement): readonly string[] => [
  "--config-yaml",
  `${directory}/vector/vector.yaml`,
  "--config-dir",
  `${directory}/vector/inputs.d`,
];

function unit(placement: Placement): RenderedFile {
  const paths = configurationPaths(placement);
  return dropIn("vector", placement, [
    "# The package's unit checks and runs its own example.",
    "ExecStartPre=",
    ...execStart("/usr/bin/vector", paths),
    "ExecReload=",
    `ExecReload=/usr/bin/vector validate --no-environment ${paths.join(" ")}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
  ]);
}
