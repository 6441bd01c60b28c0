import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse, parseDocument } from "yaml";
import { z } from "zod";
import type { CollectorRelease, RenderedFile } from "./collector";
import { otelcol } from "./otelcol";
import { assertSecretsKept, textOf, installed, refusalsOf } from "./testing/rendered-files";
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
      assert.deepEqual(refusalsOf(otelcol, site, placement, release("0.164.0")), [
        "--release: is 0.164.0, which throws metrics away after one time-out, or once central has answered 401 or 403. Install 0.165.0 or later.",
      ]);
      assert.deepEqual(refusalsOf(otelcol, site, placement, newest), []);
    }
    assert.deepEqual(refusalsOf(otelcol, tokyo, bare, release("latest")), [
      '--release: is "latest", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
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
    assert.deepEqual(refusalsOf(otelcol, site, bare, newest), [
      "sitepass:endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "sitepass:endpoints.logs.paths: none of /loki/api/v1/push speaks OTLP over HTTP. Add a path such as /otlp/v1/logs, or name another collector.",
    ]);
  });

  it("is refused with a label that it does not send", () => {
    assert.deepEqual(refusalsOf(otelcol, { ...tokyo, labels: { _: "x", _a: "y" } }, bare, newest), [
      "labels._: has a name of underscores alone, which the OpenTelemetry Collector does not send. Rename it.",
    ]);
  });

  it("is refused with a label whose name Loki changes in what comes by OTLP", () => {
    const { metrics } = tokyo.endpoints;
    assert.ok(metrics !== undefined);
    const site = { ...tokyo, siteLabel: "my__site", labels: { rack__row: "x", _a: "y" } };
    assert.deepEqual(refusalsOf(otelcol, site, bare, newest), [
      'sitepass:siteLabel: has two underscores in its name "my__site", of which Loki makes one in what comes by OTLP. Rename it, or name another collector.',
      'labels.rack__row: has two underscores in its name "rack__row", of which Loki makes one in what comes by OTLP. Rename it, or name another collector.',
    ]);
    assert.deepEqual(refusalsOf(otelcol, { ...site, endpoints: { metrics } }, bare, newest), []);
  });

  it("lets the site's own labels give way to what data bring, and not the site label", () => {
    const text = textOf(otelcol.render(tokyo, bare, newest), "otelcol/config.yaml");
    assert.deepEqual(text.match(/(?<=action: ").*(?=")/g), ["upsert", "insert", "insert"]);
  });

  it("says what is lost, and when", () => {
    assert.deepEqual(otelcol.notes(tokyo, bare, newest), [
      "These files are for the contrib distribution, package otelcol-contrib; the smaller ones have neither the queue on disk nor the journal.",
      "The OpenTelemetry Collector follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. Take the relay (relay: nginx or caddy in the site's file) to rule that out.",
      "While central answers 401, 403, 404 or 429, the OpenTelemetry Collector keeps its metrics on disk, and once it has a few minutes of them sends them again and again without a pause. Take the relay (relay: nginx or caddy in the site's file) to make it wait.",
      "Logs that are answered with 401, 403, 404, 500 or one of Cloudflare's 520 to 530 are lost: the OpenTelemetry Collector sends again after 429, 502, 503 and 504 alone. Take the relay (relay: nginx or caddy in the site's file) to keep them.",
      "Metrics that cannot be sent wait on disk, without a limit, and a restart keeps them. An outage of 72 hours loses nothing when central's Prometheus has an out_of_order_time_window of 73h or more; in a longer one the disk fills up.",
      "Logs that cannot be sent wait on disk, 1 GiB, and a restart keeps them. An outage of 72 hours at up to 4.1 kB a second loses nothing; in a longer one sources are read no further.",
      "Metrics wait in /var/lib/otelcol-contrib/metrics: watch the disk's free space on a site that is cut off for long.",
      "A label provider that your own metrics bring is replaced, and not kept as other collectors do: two series that differ by it alone become one.",
      "Loki keeps what comes by OTLP as structured metadata, and makes of it only those labels that it is told to. Name provider, kind, region in the central Loki's limits_config.otlp_config.resource_attributes.attributes_config, with action: index_label.",
    ]);
    assert.deepEqual(
      otelcol.notes(tokyoBehindRelay, behindRelay, newest).map((note) => note.split(" ", 4).join(" ")),
      [
        "These files are for",
        "Metrics that cannot be",
        "Logs that cannot be",
        "Metrics wait in /var/lib/otelcol-contrib/metrics:",
        "A label provider that",
        "Loki keeps what comes",
      ],
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
