import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse, parseDocument } from "yaml";
import { z } from "zod";
import type { CollectorRelease, RenderedFile } from "./collector";
import { otelcol } from "./otelcol";
import { assertSecretsKept, textOf, installed } from "./testing/rendered-files";
import { outcome, pinnedProgram } from "./testing/programs";
import {
  anyPlacement,
  anySite,
  bare,
  behindRelay,
  testCredentials,
  tokyo,
  tokyoBehindRelay,
  hostileLabels,
} from "./testing/sites";

const newest: CollectorRelease = { version: otelcol.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the files for the OpenTelemetry Collector", () => {
  it("are these for a site that pushes by itself", () => {
    const files = otelcol.render(tokyo, bare, newest);
    assert.deepEqual(
      files.map(({ path, mode }) => [path, mode]),
      [
        ["otelcol/config.yaml", 0o644],
        ["otelcol/inputs.d/sitepass.yaml", 0o644],
        ["otelcol/credentials/client_id", 0o600],
        ["otelcol/credentials/client_secret", 0o600],
        ["systemd/otelcol-contrib.service.d/sitepass.conf", 0o644],
      ],
    );
    assert.equal(
      textOf(files, "otelcol/config.yaml"),
      `# Rendered by sitepass for the site tokyo and OpenTelemetry Collector 0.165.0: where this site's data
# goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own
# are left alone. After a change: systemctl restart otelcol-contrib.

extensions:
  file_storage:
    directory: "/var/lib/otelcol-contrib/logs"
    create_directory: true
    # Gives the disk back after an outage.
    compaction:
      on_start: true
      on_rebound: true
      directory: "/var/lib/otelcol-contrib/logs"
      cleanup_on_start: true

processors:
  memory_limiter:
    check_interval: "1s"
    limit_mib: 400
    spike_limit_mib: 100
  batch:
    timeout: "5s"
    send_batch_size: 8192
  resource/site:
    attributes:
      - key: "provider"
        value: "tokyo"
        action: "upsert"
      - key: "kind"
        value: "rack"
        action: "upsert"
      - key: "region"
        value: "apac"
        action: "upsert"

exporters:
  prometheus_remote_write:
    http:
      endpoint: "https://prom.example.com/api/v1/write"
      headers:
        CF-Access-Client-Id: "\${file:/etc/sitepass/otelcol/credentials/client_id}"
        CF-Access-Client-Secret: "\${file:/etc/sitepass/otelcol/credentials/client_secret}"
    # Of one attempt.
    timeout: "30s"
    external_labels:
      provider: "tokyo"
      kind: "rack"
      region: "apac"
    # External labels give way to a label of the data's own; resource/site makes sure that provider does
    # not.
    resource_constant_labels:
      included:
        - "provider"
    # One, so that samples arrive in their order; and refused ones are sent again without a pause.
    max_batch_request_parallelism: 1
    # Of time-outs, broken lines and 5xx; 0 is without end.
    retry_on_failure:
      initial_interval: "1s"
      max_interval: "30s"
      max_elapsed_time: "0s"
    # What is sent goes through this log, and outlives a restart there.
    wal:
      directory: "/var/lib/otelcol-contrib/metrics"
      # Also how long a sample waits for others at most.
      truncate_frequency: "5s"
  otlp_http/logs:
    logs_endpoint: "https://loki.example.com/otlp/v1/logs"
    headers:
      CF-Access-Client-Id: "\${file:/etc/sitepass/otelcol/credentials/client_id}"
      CF-Access-Client-Secret: "\${file:/etc/sitepass/otelcol/credentials/client_secret}"
    timeout: "30s"
    retry_on_failure:
      initial_interval: "1s"
      max_interval: "30s"
      max_elapsed_time: "0s"
    sending_queue:
      storage: "file_storage"
      sizer: "bytes"
      # 1 GiB; then the journal is read no further until there is room.
      queue_size: 1073741824
      block_on_overflow: true
      # One, so that lines arrive in their order.
      num_consumers: 1
      batch:
        flush_timeout: "5s"
        min_size: 262144
        max_size: 1048576

service:
  extensions:
    - "file_storage"
`,
    );
    assert.equal(
      textOf(files, "systemd/otelcol-contrib.service.d/sitepass.conf"),
      `# Rendered by sitepass.
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
# OTELCOL_OPTIONS in /etc/otelcol-contrib/otelcol-contrib.conf is not used: it names the package's own example. The collector
# takes files one by one, so the shell lists those in inputs.d; they are merged into the first.
# The first, empty one takes the unit's own command away.
ExecStart=
ExecStart=/bin/sh \\
  -c \\
  "set --; for file in /etc/sitepass/otelcol/inputs.d/*.yaml; do set -- \\"$$@\\" --config \\"$$file\\"; done; exec /usr/bin/otelcol-contrib --config /etc/sitepass/otelcol/config.yaml \\"$$@\\""
StateDirectory=otelcol-contrib
StateDirectoryMode=0700
# May read the journal.
SupplementaryGroups=systemd-journal
Restart=always
RestartSec=5
`,
    );
  });

  it("are these for a site behind the relay that pushes metrics alone", () => {
    const { metrics } = tokyoBehindRelay.endpoints;
    assert.ok(metrics !== undefined);
    const files = otelcol.render({ ...tokyoBehindRelay, endpoints: { metrics } }, behindRelay, newest);
    assert.deepEqual(
      files.map(({ path }) => path),
      [
        "otelcol/config.yaml",
        "otelcol/inputs.d/sitepass.yaml",
        "systemd/otelcol-contrib.service.d/sitepass.conf",
      ],
    );
    assert.equal(
      textOf(files, "otelcol/config.yaml"),
      `# Rendered by sitepass for the site tokyo and OpenTelemetry Collector 0.165.0: where this site's data
# goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own
# are left alone. After a change: systemctl restart otelcol-contrib.

processors:
  memory_limiter:
    check_interval: "1s"
    limit_mib: 400
    spike_limit_mib: 100
  batch:
    timeout: "5s"
    send_batch_size: 8192
  resource/site:
    attributes:
      - key: "provider"
        value: "tokyo"
        action: "upsert"
      - key: "kind"
        value: "rack"
        action: "upsert"
      - key: "region"
        value: "apac"
        action: "upsert"

exporters:
  prometheus_remote_write:
    http:
      endpoint: "http://127.0.0.1:9480/metrics/api/v1/write"
    # Of one attempt.
    timeout: "30s"
    external_labels:
      provider: "tokyo"
      kind: "rack"
      region: "apac"
    # External labels give way to a label of the data's own; resource/site makes sure that provider does
    # not.
    resource_constant_labels:
      included:
        - "provider"
    # One, so that samples arrive in their order; and refused ones are sent again without a pause.
    max_batch_request_parallelism: 1
    # Of time-outs, broken lines and 5xx; 0 is without end.
    retry_on_failure:
      initial_interval: "1s"
      max_interval: "30s"
      max_elapsed_time: "0s"
    # What is sent goes through this log, and outlives a restart there.
    wal:
      directory: "/var/lib/otelcol-contrib/metrics"
      # Also how long a sample waits for others at most.
      truncate_frequency: "5s"
`,
    );
    assert.equal(
      textOf(files, "otelcol/inputs.d/sitepass.yaml"),
      `# Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own
# with receivers and with pipelines of other names, such as metrics/own, that have the same processors
# and exporters.

receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "127.0.0.1:4317"
      http:
        endpoint: "127.0.0.1:4318"
  prometheus/self:
    config:
      scrape_configs:
        - job_name: "otelcol"
          scrape_interval: "30s"
          static_configs:
            - targets:
                - "127.0.0.1:8888"

service:
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: "127.0.0.1"
                port: 8888
  pipelines:
    metrics:
      receivers:
        - "otlp"
        - "prometheus/self"
      processors:
        - "memory_limiter"
        - "resource/site"
        - "batch"
      exporters:
        - "prometheus_remote_write"
`,
    );
  });

  it("read back as exactly the site's URLs, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(anySite, anyPlacement, (site, placement) => {
        const files = otelcol.render(site, placement, newest);
        assertSecretsKept(files);
        const { processors, exporters } = configurationSchema.parse(
          resolved(parse(textOf(files, "otelcol/config.yaml"))),
        );
        const { metrics, logs } = site.endpoints;
        const labels = { [site.siteLabel]: site.name, ...site.labels };
        assert.deepEqual(
          Object.fromEntries(processors["resource/site"].attributes.map(({ key, value }) => [key, value])),
          labels,
        );
        const headers = placement.credentials && {
          "CF-Access-Client-Id": { file: "/etc/sitepass/otelcol/credentials/client_id" },
          "CF-Access-Client-Secret": { file: "/etc/sitepass/otelcol/credentials/client_secret" },
        };
        const { prometheus_remote_write: remoteWrite, "otlp_http/logs": otlp } = exporters;
        assert.deepEqual(
          remoteWrite && {
            ...remoteWrite.http,
            labels: remoteWrite.external_labels,
            winning: remoteWrite.resource_constant_labels.included,
          },
          metrics && {
            endpoint: `${metrics.base}${metrics.paths[0]}`,
            ...(headers && { headers }),
            labels,
            winning: [site.siteLabel],
          },
        );
        assert.deepEqual(
          otlp && { endpoint: otlp.logs_endpoint, headers: otlp.headers },
          logs && { endpoint: `${logs.base}/otlp/v1/logs`, headers },
        );
        assert.deepEqual(otelcol.render(site, placement, newest), files);
      }),
      { numRuns: 100 },
    );
  });

  const { program, skip } = pinnedProgram("otelcol");

  it("are what a real collector takes them for", { skip }, async (context) => {
    for (const [site, placement] of [
      [tokyo, bare],
      [tokyoBehindRelay, behindRelay],
    ] as const) {
      const directory = installed(context, (folder) =>
        otelcol
          .render({ ...site, labels: hostileLabels }, { ...placement, directory: folder }, newest)
          .map(withoutJournal),
      );
      const config = ["config.yaml", "inputs.d/sitepass.yaml"].map(
        (path) => `--config=${directory}/otelcol/${path}`,
      );
      assert.deepEqual(await outcome(program, ["validate", ...config]), {
        status: 0,
        stdout: "",
        stderr: "",
      });
      const { stdout } = await outcome(program, ["print-config", "--mode=unredacted", ...config]);
      const { exporters, processors } = printedSchema.parse(parse(stdout, { version: "1.1" }));
      const labels = { provider: "tokyo", ...hostileLabels };
      assert.deepEqual(exporters.prometheus_remote_write.external_labels, labels);
      assert.deepEqual(
        Object.fromEntries(processors["resource/site"].attributes.map(({ key, value }) => [key, value])),
        labels,
      );
      const headers = placement.credentials && [
        { name: "CF-Access-Client-Id", value: testCredentials.clientId },
        { name: "CF-Access-Client-Secret", value: testCredentials.clientSecret },
      ];
      assert.deepEqual(exporters.prometheus_remote_write.http.headers ?? [], headers ?? []);
      assert.deepEqual(exporters["otlp_http/logs"].headers ?? [], headers ?? []);
    }
  });
});

/** The pinned program has no receiver for it. */
function withoutJournal(file: RenderedFile): RenderedFile {
  if (!file.path.startsWith("otelcol/inputs.d/")) {
    return file;
  }
  const document = parseDocument(file.content);
  assert.ok(document.deleteIn(["receivers", "journald"]));
  assert.ok(document.deleteIn(["service", "pipelines", "logs/journal"]));
  return { ...file, content: document.toString() };
}

const attributesSchema = z.object({
  "resource/site": z.object({
    attributes: z.array(z.object({ key: z.string(), value: z.string() })),
  }),
});

const headersSchema = z.record(z.string(), z.object({ file: z.string() })).optional();

const configurationSchema = z.object({
  processors: attributesSchema,
  exporters: z.strictObject({
    prometheus_remote_write: z
      .object({
        http: z.strictObject({ endpoint: z.string(), headers: headersSchema }),
        external_labels: z.record(z.string(), z.string()),
        resource_constant_labels: z.object({ included: z.array(z.string()) }),
      })
      .optional(),
    "otlp_http/logs": z.object({ logs_endpoint: z.string(), headers: headersSchema }).optional(),
  }),
});

const printedHeaders = z.array(z.object({ name: z.string(), value: z.string() })).nullish();

const printedSchema = z.object({
  processors: attributesSchema,
  exporters: z.object({
    prometheus_remote_write: z.object({
      http: z.object({ headers: printedHeaders }),
      external_labels: z.record(z.string(), z.string()),
    }),
    "otlp_http/logs": z.object({ headers: printedHeaders }),
  }),
});

/**
 * What the collector makes of a parsed file: a string that is one `${file:...}` becomes that file's content, here its path;
 * in all others `$$` is a dollar sign, and a `${` behind an even number of them begins an expansion, which no other
 * string of ours may (confmap, expand.go and resolver.go at v1.71.0).
 */
function resolved(value: unknown): unknown {
  if (typeof value === "string") {
    const file = /^\$\{file:([^$}]+)\}$/.exec(value)?.[1];
    return file === undefined
      ? value.replace(/\$\$|\$\{/g, (match) => {
          assert.equal(match, "$$", `${value} is expanded`);
          return "$";
        })
      : { file };
  }
  if (Array.isArray(value)) {
    return value.map(resolved);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolved(entry)]))
    : value;
}

describe("the OpenTelemetry Collector", () => {
  it("is refused before 0.165, with the relay too", () => {
    for (const [site, placement] of [
      [tokyo, bare],
      [tokyoBehindRelay, behindRelay],
    ] as const) {
      assert.deepEqual(otelcol.refusals(site, placement, release("0.164.0")), [
        "--release: is 0.164.0, which throws metrics away after one time-out, or once central has answered 401 or 403. Install 0.165.0 or later.",
      ]);
      assert.deepEqual(otelcol.refusals(site, placement, newest), []);
    }
    assert.deepEqual(otelcol.refusals(tokyo, bare, release("latest")), [
      '--release: is "latest", which is no version. Write it as in 3.10.0, as the agent\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks OTLP, or remote write", () => {
    const site = {
      ...tokyo,
      endpoints: {
        metrics: { base: "https://prom.example.com", paths: ["/otlp/v1/metrics"] as const },
        logs: { base: "https://loki.example.com", paths: ["/loki/api/v1/push"] as const },
      },
    };
    assert.deepEqual(otelcol.refusals(site, bare, newest), [
      "endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "endpoints.logs.paths: none of /loki/api/v1/push speaks OTLP over HTTP. Add a path such as /otlp/v1/logs, or name another collector.",
    ]);
  });

  it("is refused with a label that it does not send", () => {
    assert.deepEqual(otelcol.refusals({ ...tokyo, labels: { _: "x", _a: "y" } }, bare, newest), [
      "labels._: has a name of underscores alone, which the OpenTelemetry Collector does not send. Rename it.",
    ]);
  });

  it("says what is lost, and when", () => {
    assert.deepEqual(otelcol.notes(tokyo, bare, newest), [
      "These files are for the contrib distribution, package otelcol-contrib; the smaller ones have neither the queue on disk nor the journal.",
      "The OpenTelemetry Collector follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. Render with --relay to rule that out.",
      "While central answers 401, 403, 404 or 429, the OpenTelemetry Collector keeps its metrics on disk, and once it has a few minutes of them sends them again and again without a pause. Render with --relay to make it wait.",
      "Logs that are answered with 401, 403, 404, 500 or one of Cloudflare's 520 to 530 are lost: the OpenTelemetry Collector sends again after 429, 502, 503 and 504 alone. Render with --relay to keep them.",
      "Metrics that cannot be sent wait in /var/lib/otelcol-contrib/metrics, which has no limit: watch the disk's free space on a site that is cut off for long.",
      "Loki keeps what comes by OTLP as structured metadata, and makes of it only those labels that it is told to. Name provider, kind, region in the central Loki's limits_config.otlp_config.resource_attributes.attributes_config, with action: index_label.",
    ]);
    assert.deepEqual(
      otelcol.notes(tokyoBehindRelay, behindRelay, newest).map((note) => note.split(" ", 4).join(" ")),
      ["These files are for", "Metrics that cannot be", "Loki keeps what comes"],
    );
  });

  it("is checked with the files that are rendered, and restarted for a new secret it holds itself", () => {
    assert.deepEqual(otelcol.service(bare, newest), {
      unit: "otelcol-contrib",
      user: "otelcol-contrib",
      validator: {
        program: "otelcol-contrib",
        args: [
          "validate",
          "--config=/etc/sitepass/otelcol/config.yaml",
          "--config=/etc/sitepass/otelcol/inputs.d/sitepass.yaml",
        ],
      },
      rereadsSecrets: false,
    });
    assert.equal(otelcol.service(behindRelay, newest).rereadsSecrets, true);
  });
});
