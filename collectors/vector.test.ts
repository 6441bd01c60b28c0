import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse } from "yaml";
import { z } from "zod";
import { versionOf } from "../local/run/processes";
import type { CollectorRelease } from "./collector";
import { assertSecretsKept, textOf } from "./test-files";
import { hostileLabels, installed, outcome } from "./test-programs";
import { anyPlacement, anySite, bare, behindRelay, tokyo, tokyoBehindRelay } from "./test-sites";
import { assignments } from "./test-vrl";
import { vector } from "./vector";

const newest: CollectorRelease = { version: vector.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the files for Vector", () => {
  it("are these for a site that pushes by itself", () => {
    const files = vector.render(tokyo, bare, newest);
    assert.deepEqual(
      files.map(({ path, mode }) => [path, mode]),
      [
        ["vector/vector.yaml", 0o644],
        ["vector/inputs.d/sitepass.yaml", 0o644],
        ["vector/credentials/client_id", 0o600],
        ["vector/credentials/client_secret", 0o600],
        ["systemd/vector.service.d/sitepass.conf", 0o644],
      ],
    );
    assert.equal(
      textOf(files, "vector/vector.yaml"),
      `# Rendered by sitepass for the site tokyo and Vector 0.57.0: where this site's data goes. Rendering
# again replaces this file. What is collected is in inputs.d, where files of your own are left alone.
# After a change: systemctl reload vector.

secret:
  sitepass:
    type: "directory"
    path: "/etc/sitepass/vector/credentials"

# A source's place is saved when what it read is on disk.
acknowledgements:
  enabled: true

transforms:
  sitepass_metrics:
    type: "remap"
    inputs:
      - "metrics_*"
    source: "if .name == \\"up\\" { del(.namespace) }\\n.tags.\\"provider\\" = \\"tokyo\\"\\n.tags.\\"kind\\" = \\"rack\\"\\n.tags.\\"region\\" = \\"apac\\""
  sitepass_logs:
    type: "remap"
    inputs:
      - "logs_*"
    source: "line = encode_json(.)\\ntime = to_string(to_unix_timestamp(timestamp(.timestamp) ?? now(), unit: \\"nanoseconds\\"))\\nlabels = {}\\nlabels.\\"provider\\" = \\"tokyo\\"\\nlabels.\\"kind\\" = \\"rack\\"\\nlabels.\\"region\\" = \\"apac\\"\\n. = { \\"stream\\": labels, \\"values\\": [[time, line]] }"

sinks:
  central_metrics:
    type: "prometheus_remote_write"
    inputs:
      - "sitepass_metrics"
    endpoint: "https://prom.example.com/api/v1/write"
    batch:
      max_events: 5000
      timeout_secs: 5
    # It asks with GET, which central answers with 404 or 405.
    healthcheck:
      enabled: false
    request:
      headers:
        CF-Access-Client-Id: "SECRET[sitepass.client_id]"
        CF-Access-Client-Secret: "SECRET[sitepass.client_secret]"
      timeout_secs: 30
      # One, so that all arrives in its order. Attempts have no end.
      concurrency: 1
      retry_max_duration_secs: 30
    # By default 401, 403, 404 and redirects, which are not followed, throw data away.
    retry_strategy:
      type: "custom"
      status_codes:
        - 301
        - 302
        - 303
        - 307
        - 308
        - 401
        - 403
        - 404
        - 405
        - 408
        - 429
        - 500
        - 501
        - 502
        - 503
        - 504
        - 520
        - 521
        - 522
        - 523
        - 524
        - 525
        - 526
        - 527
        - 530
    # 1 GiB on disk; then sources wait.
    buffer:
      type: "disk"
      max_size: 1073741824
      when_full: "block"
  central_logs:
    type: "http"
    inputs:
      - "sitepass_logs"
    uri: "https://loki.example.com/loki/api/v1/push"
    encoding:
      codec: "json"
    payload_prefix: "{\\"streams\\":"
    payload_suffix: "}"
    compression: "gzip"
    batch:
      max_bytes: 1000000
      timeout_secs: 5
    # It asks with GET, which central answers with 404 or 405.
    healthcheck:
      enabled: false
    request:
      headers:
        CF-Access-Client-Id: "SECRET[sitepass.client_id]"
        CF-Access-Client-Secret: "SECRET[sitepass.client_secret]"
      timeout_secs: 30
      # One, so that all arrives in its order. Attempts have no end.
      concurrency: 1
      retry_max_duration_secs: 30
    # By default 401, 403, 404 and redirects, which are not followed, throw data away.
    retry_strategy:
      type: "custom"
      status_codes:
        - 301
        - 302
        - 303
        - 307
        - 308
        - 401
        - 403
        - 404
        - 405
        - 408
        - 429
        - 500
        - 501
        - 502
        - 503
        - 504
        - 520
        - 521
        - 522
        - 523
        - 524
        - 525
        - 526
        - 527
        - 530
    # 1 GiB on disk; then sources wait.
    buffer:
      type: "disk"
      max_size: 1073741824
      when_full: "block"
`,
    );
    assert.equal(
      textOf(files, "vector/inputs.d/sitepass.yaml"),
      `# Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own
# with sources and transforms. What has a name that begins with metrics_ or logs_ is sent, and nothing
# else.

sources:
  metrics_up:
    type: "static_metrics"
    interval_secs: 30
    metrics:
      - name: "up"
        kind: "absolute"
        value:
          gauge:
            value: 1
        tags:
          job: "vector"
  metrics_internal:
    type: "internal_metrics"
    scrape_interval_secs: 30
  metrics_host:
    type: "host_metrics"
    scrape_interval_secs: 30
  logs_journal:
    type: "journald"
    # When there is no saved place to go on from.
    since_now: true
`,
    );
    assert.equal(
      textOf(files, "systemd/vector.service.d/sitepass.conf"),
      `# Rendered by sitepass.
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
# The package's unit checks and runs its own example.
ExecStartPre=
# The first, empty one takes the unit's own command away.
ExecStart=
ExecStart=/usr/bin/vector \\
  --config-yaml \\
  /etc/sitepass/vector/vector.yaml \\
  --config-dir \\
  /etc/sitepass/vector/inputs.d
ExecReload=
ExecReload=/usr/bin/vector validate --no-environment --config-yaml /etc/sitepass/vector/vector.yaml --config-dir /etc/sitepass/vector/inputs.d
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
`,
    );
  });

  it("are these for a site behind the relay that pushes logs alone", () => {
    const { logs } = tokyoBehindRelay.endpoints;
    assert.ok(logs !== undefined);
    const files = vector.render({ ...tokyoBehindRelay, endpoints: { logs } }, behindRelay, newest);
    assert.deepEqual(
      files.map(({ path }) => path),
      ["vector/vector.yaml", "vector/inputs.d/sitepass.yaml", "systemd/vector.service.d/sitepass.conf"],
    );
    assert.equal(
      textOf(files, "vector/vector.yaml"),
      `# Rendered by sitepass for the site tokyo and Vector 0.57.0: where this site's data goes. Rendering
# again replaces this file. What is collected is in inputs.d, where files of your own are left alone.
# After a change: systemctl reload vector.

# A source's place is saved when what it read is on disk.
acknowledgements:
  enabled: true

transforms:
  sitepass_logs:
    type: "remap"
    inputs:
      - "logs_*"
    source: "line = encode_json(.)\\ntime = to_string(to_unix_timestamp(timestamp(.timestamp) ?? now(), unit: \\"nanoseconds\\"))\\nlabels = {}\\nlabels.\\"provider\\" = \\"tokyo\\"\\nlabels.\\"kind\\" = \\"rack\\"\\nlabels.\\"region\\" = \\"apac\\"\\n. = { \\"stream\\": labels, \\"values\\": [[time, line]] }"

sinks:
  central_logs:
    type: "http"
    inputs:
      - "sitepass_logs"
    uri: "http://127.0.0.1:9480/logs/loki/api/v1/push"
    encoding:
      codec: "json"
    payload_prefix: "{\\"streams\\":"
    payload_suffix: "}"
    compression: "gzip"
    batch:
      max_bytes: 1000000
      timeout_secs: 5
    # It asks with GET, which central answers with 404 or 405.
    healthcheck:
      enabled: false
    request:
      timeout_secs: 30
      # One, so that all arrives in its order. Attempts have no end.
      concurrency: 1
      retry_max_duration_secs: 30
    # 1 GiB on disk; then sources wait.
    buffer:
      type: "disk"
      max_size: 1073741824
      when_full: "block"
`,
    );
  });

  it("read back as exactly the site's URLs, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(anySite, anyPlacement, (site, placement) => {
        const files = vector.render(site, placement, newest);
        assertSecretsKept(files);
        const text = textOf(files, "vector/vector.yaml");
        const { secret, transforms, sinks } = configurationSchema.parse(parse(withSecrets(text)));
        const { metrics, logs } = site.endpoints;
        assert.deepEqual(
          secret,
          placement.credentials && {
            sitepass: { type: "directory", path: "/etc/sitepass/vector/credentials" },
          },
        );
        const labels = { [site.siteLabel]: site.name, ...site.labels };
        assert.deepEqual(
          transforms.sitepass_metrics && assignments(transforms.sitepass_metrics.source, ".tags"),
          metrics && labels,
        );
        assert.deepEqual(
          transforms.sitepass_logs && assignments(transforms.sitepass_logs.source, "labels"),
          logs && labels,
        );
        // Nothing but labels has more or fewer lines for a site.
        assert.deepEqual(
          [transforms.sitepass_metrics, transforms.sitepass_logs].map(
            (remap) => remap?.source.split("\n").length,
          ),
          [metrics && Object.keys(labels).length + 1, logs && Object.keys(labels).length + 4],
        );
        const headers = placement.credentials && {
          "CF-Access-Client-Id": "the file client_id",
          "CF-Access-Client-Secret": "the file client_secret",
        };
        const { central_metrics: remoteWrite, central_logs: push } = sinks;
        assert.deepEqual(
          remoteWrite && { url: remoteWrite.endpoint, headers: remoteWrite.request.headers },
          metrics && { url: `${metrics.base}${metrics.paths[0]}`, headers },
        );
        assert.deepEqual(
          push && { url: push.uri, headers: push.request.headers },
          logs && { url: `${logs.base}${logs.paths[0]}`, headers },
        );
        assert.deepEqual(vector.render(site, placement, newest), files);
      }),
      { numRuns: 100 },
    );
  });

  it(
    "are what a real Vector takes them for",
    { skip: versionOf("vector") === undefined && "no vector on this machine" },
    async (context) => {
      for (const [site, placement] of [
        [tokyo, bare],
        [tokyoBehindRelay, behindRelay],
      ] as const) {
        const directory = installed(context, (folder) =>
          vector.render({ ...site, labels: hostileLabels }, { ...placement, directory: folder }, newest),
        );
        const { validator } = vector.service({ ...placement, directory }, newest);
        const { status, stdout, stderr } = await outcome(validator.program, validator.args);
        assert.equal(status, 0, `${stdout}${stderr}`);
      }
    },
  );
});

const headersSchema = z.record(z.string(), z.string()).optional();

const requestSchema = z.object({ headers: headersSchema });

const remapSchema = z.object({ type: z.literal("remap"), source: z.string() }).optional();

const configurationSchema = z.object({
  secret: z.unknown().optional(),
  transforms: z.strictObject({ sitepass_metrics: remapSchema, sitepass_logs: remapSchema }),
  sinks: z.strictObject({
    central_metrics: z
      .object({
        type: z.literal("prometheus_remote_write"),
        endpoint: z.string(),
        request: requestSchema,
      })
      .optional(),
    central_logs: z.object({ type: z.literal("http"), uri: z.string(), request: requestSchema }).optional(),
  }),
});

/**
 * What Vector does to a file's text before it parses it: variables of the environment, which must be nowhere in it
 * (src/config/vars.rs), and placeholders of secrets (src/config/loading/secret.rs).
 */
function withSecrets(text: string): string {
  assert.ok(!text.includes("$"));
  return text.replace(/SECRET\[([\w-]+)\.([\w.\-/]+)\]/g, (_, backend: string, key: string) => {
    assert.equal(backend, "sitepass");
    return `the file ${key}`;
  });
}

describe("Vector", () => {
  it("is refused before 0.56, and before 0.41 even behind the relay", () => {
    assert.deepEqual(vector.refusals(tokyo, bare, release("0.55.0")), [
      "--release: is 0.55.0, and Vector throws away what was answered with 401 or 403 before 0.56.0. Render with --relay, which works with this release, or install 0.56.0 or later.",
    ]);
    assert.deepEqual(vector.refusals(tokyo, bare, release("0.56.0")), []);
    assert.deepEqual(vector.refusals(tokyoBehindRelay, behindRelay, release("0.41.0")), []);
    assert.deepEqual(vector.refusals(tokyoBehindRelay, behindRelay, release("0.40.1")), [
      "--release: is 0.40.1, and Vector can send an up of its own since 0.41.0 only. Install a newer release.",
    ]);
    assert.deepEqual(vector.refusals(tokyo, bare, release("0.57-x.")), []);
    assert.deepEqual(vector.refusals(tokyo, bare, release("nightly")), [
      '--release: is "nightly", which is no version. Write it as in 3.10.0, as the agent\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks Loki's push API, or remote write", () => {
    const site = {
      ...tokyo,
      endpoints: {
        metrics: { base: "https://prom.example.com", paths: ["/otlp/v1/metrics"] as const },
        logs: { base: "https://loki.example.com", paths: ["/otlp/v1/logs"] as const },
      },
    };
    assert.deepEqual(vector.refusals(site, bare, newest), [
      "endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("says what it takes for a delivery, unless the relay judges that", () => {
    assert.deepEqual(vector.notes(tokyo, bare, newest), [
      "Vector takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. Render with --relay to rule that out.",
    ]);
    assert.deepEqual(vector.notes(tokyoBehindRelay, behindRelay, newest), []);
  });

  it("is checked with the files that are rendered, and restarted for a new secret it holds itself", () => {
    assert.deepEqual(vector.service(bare, newest), {
      unit: "vector",
      user: "vector",
      validator: {
        program: "vector",
        args: [
          "validate",
          "--no-environment",
          "--config-yaml",
          "/etc/sitepass/vector/vector.yaml",
          "--config-dir",
          "/etc/sitepass/vector/inputs.d",
        ],
      },
      rereadsSecrets: false,
    });
    assert.equal(vector.service(behindRelay, newest).rereadsSecrets, true);
  });
});
