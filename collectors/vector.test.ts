import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse } from "yaml";
import { z } from "zod";
import { versionOf } from "../local/run/processes";
import type { CollectorRelease } from "./collector";
import { assertSecretsKept, textOf, installed, refusalsOf } from "./testing/rendered-files";
import { outcome } from "./testing/programs";
import {
  anyPlacement,
  anySite,
  bare,
  behindRelay,
  tokyo,
  tokyoBehindRelay,
  hostileLabels,
  labelValues,
} from "./testing/sites";
import { assignments } from "./testing/vrl-parser";
import { vector, vrlText } from "./vector";

const newest: CollectorRelease = { version: vector.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the files for Vector", () => {
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
          transforms.sitepass_metrics && {
            ...assignments(transforms.sitepass_metrics.source, ".tags"),
            ...assignments(withoutConditions(transforms.sitepass_metrics.source), ".tags"),
          },
          metrics && labels,
        );
        // The site label alone is set whatever a metric has.
        assert.deepEqual(
          transforms.sitepass_metrics && assignments(transforms.sitepass_metrics.source, ".tags"),
          metrics && { [site.siteLabel]: site.name },
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
          [metrics && Object.keys(labels).length + 2, logs && Object.keys(labels).length + 4],
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

/** A program's labels that are set on condition that a metric has none of that name. */
const withoutConditions = (program: string): string =>
  program
    .split("\n")
    .map((line) => line.replace(/^if !exists\(\.tags\."(\w+)"\) \{ (\.tags\."\1" = .*) \}$/s, "$2"))
    .join("\n");

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
    assert.deepEqual(refusalsOf(vector, tokyo, bare, release("0.55.0")), [
      "--release: is 0.55.0, and Vector throws away what was answered with 401 or 403 before 0.56.0. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or install 0.56.0 or later.",
    ]);
    assert.deepEqual(refusalsOf(vector, tokyo, bare, release("0.56.0")), []);
    assert.deepEqual(refusalsOf(vector, tokyoBehindRelay, behindRelay, release("0.41.0")), []);
    assert.deepEqual(refusalsOf(vector, tokyoBehindRelay, behindRelay, release("0.40.1")), [
      "--release: is 0.40.1, and Vector can send an up of its own since 0.41.0 only. Install a newer release.",
    ]);
    assert.deepEqual(refusalsOf(vector, tokyo, bare, release("0.57-x.")), []);
    assert.deepEqual(refusalsOf(vector, tokyo, bare, release("nightly")), [
      '--release: is "nightly", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
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
    assert.deepEqual(refusalsOf(vector, site, bare, newest), [
      "sitepass:endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "sitepass:endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("says what it takes for a delivery, unless the relay judges that", () => {
    assert.deepEqual(vector.notes(tokyo, bare, newest), [
      "Vector takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. Take the relay (relay: nginx or caddy in the site's file) to rule that out.",
      "Metrics that cannot be sent wait on disk, 1 GiB, and a restart keeps them. An outage of 72 hours at up to 4.1 kB a second loses nothing when central's Prometheus has an out_of_order_time_window of 73h or more; in a longer one sources are read no further.",
      "Logs that cannot be sent wait on disk, 1 GiB, and a restart keeps them. An outage of 72 hours at up to 4.1 kB a second loses nothing; in a longer one sources are read no further.",
    ]);
    assert.deepEqual(
      vector.notes(tokyoBehindRelay, behindRelay, newest),
      vector.notes(tokyo, bare, newest).slice(1),
    );
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

describe("a text in VRL", () => {
  it("quotes a text, its quotes, its braces and its line breaks", () => {
    assert.equal(vrlText('a "b" \\ {{ c }}\r\n\t'), '"a \\"b\\" \\\\ \\{\\{ c \\}\\}\\r\\n\\t"');
  });

  it("takes a placeholder of a secret apart", () => {
    assert.equal(vrlText("xSECRET[a.b] SECRET[[c.d]"), '"xSECRET" + "[a.b] SECRET" + "[[c.d]"');
  });

  it("is the text again when Vector reads it", () => {
    fc.assert(
      fc.property(labelValues, (value) => {
        assert.deepEqual(assignments(`.tags."x" = ${vrlText(value)}`, ".tags"), { x: value });
        assert.doesNotMatch(vrlText(value), /SECRET\[/);
      }),
      { numRuns: 100 },
    );
  });
});
