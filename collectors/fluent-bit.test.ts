import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse } from "yaml";
import { z } from "zod";
import { versionOf } from "../local/run/processes";
import type { CollectorRelease, CollectorSite } from "./collector";
import { fluentBit } from "./fluent-bit";
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
} from "./testing/sites";

const newest: CollectorRelease = { version: fluentBit.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the files for Fluent Bit", () => {
  it("read back as exactly the site's URLs, labels and sources of headers, whatever the labels hold", () => {
    let sites = 0;
    fc.assert(
      fc.property(anySite.map(withoutRefused), anyPlacement, (site, placement) => {
        sites += Object.keys(site.labels).length > 0 ? 1 : 0;
        const files = fluentBit.render(site, placement, newest);
        assertSecretsKept(files);
        const { env = [], pipeline } = configurationSchema.parse(
          parse(textOf(files, "fluent-bit/fluent-bit.yaml")),
        );
        assert.deepEqual(
          env,
          placement.credentials
            ? [
                { name: "SITEPASS_CLIENT_ID", uri: "file:///etc/sitepass/fluent-bit/credentials/client_id" },
                {
                  name: "SITEPASS_CLIENT_SECRET",
                  uri: "file:///etc/sitepass/fluent-bit/credentials/client_secret",
                },
              ]
            : [],
        );
        const translated = (text: string) =>
          text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
            const variable = env.find((candidate) => candidate.name === name);
            assert.ok(variable !== undefined, `${text} is expanded`);
            return `the file ${variable.uri.slice(variable.uri.lastIndexOf("/") + 1)}`;
          });
        const { metrics, logs } = site.endpoints;
        const labels = { [site.siteLabel]: site.name, ...site.labels };
        const header = placement.credentials && {
          "CF-Access-Client-Id": "the file client_id",
          "CF-Access-Client-Secret": "the file client_secret",
        };
        assert.deepEqual(
          pipeline.outputs.map((output) => ({
            name: output.name,
            url: `${output.tls === "on" ? "https" : "http"}://${output.host}:${output.port}${output.uri}`,
            labels:
              output.name === "loki"
                ? pairsOfList(translated(output.labels))
                : Object.fromEntries(output.add_label.map(translated).map(pairOfTokens)),
            header: output.header && Object.fromEntries(output.header.map(translated).map(pairOfTokens)),
            tries: output.retry_limit,
          })),
          [
            ...(metrics
              ? [{ name: "prometheus_remote_write", url: `${metrics.base}${metrics.paths[0]}` }]
              : []),
            ...(logs ? [{ name: "loki", url: `${logs.base}${logs.paths[0]}` }] : []),
          ].map(({ name, url }) => ({
            name,
            url: url.replace(/^(https:\/\/[^/]+)/, "$1:443"),
            labels,
            header,
            tries: "no_limits",
          })),
        );
        assert.deepEqual(fluentBit.render(site, placement, newest), files);
      }),
      { numRuns: 200 },
    );
    assert.ok(sites > 20, `only ${sites} sites had labels that are not refused`);
  });

  it(
    "are what a real Fluent Bit takes them for",
    {
      skip:
        versionOf(fluentBit.service(bare, newest).validator.program) === undefined &&
        "no fluent-bit on this machine",
    },
    async (context) => {
      for (const [site, placement] of [
        [tokyo, bare],
        [tokyoBehindRelay, behindRelay],
      ] as const) {
        const directory = installed(context, (folder) =>
          fluentBit.render(
            withoutRefused({ ...site, labels: hostileLabels }),
            { ...placement, directory: folder },
            newest,
          ),
        );
        const { validator } = fluentBit.service({ ...placement, directory }, newest);
        const { status, stdout, stderr } = await outcome(validator.program, validator.args);
        assert.equal(status, 0, `${stdout}${stderr}`);
      }
    },
  );
});

function withoutRefused(site: CollectorSite): CollectorSite {
  return {
    ...site,
    labels: Object.fromEntries(
      Object.entries(site.labels).filter(
        ([name, value]) =>
          refusalsOf(fluentBit, { ...site, labels: { [name]: value } }, bare, newest).length === 0,
      ),
    ),
  };
}

/** A key, spaces, and the rest as it is (src/flb_slist.c, flb_slist_split_tokens with one split). */
function pairOfTokens(text: string): [string, string] {
  const match = /^(\S+) +(.*)$/s.exec(text);
  assert.ok(match !== null, `${text} is no pair`);
  return [match[1] ?? "", match[2] ?? ""];
}

/**
 * Parted at commas, without spaces at both ends; then at the first sign, where a dollar would begin a field
 * (plugins/out_loki/loki.c).
 */
function pairsOfList(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const match = /^ *([^=]+)=(.*?) *$/s.exec(part);
      assert.ok(match !== null && !match[2]?.startsWith("$"), `${part} is no pair`);
      return [match[1] ?? "", match[2] ?? ""];
    }),
  );
}

const outputSchema = z.object({
  host: z.string(),
  port: z.number(),
  uri: z.string(),
  tls: z.enum(["on", "off"]),
  header: z.array(z.string()).optional(),
  retry_limit: z.string(),
});

const configurationSchema = z.object({
  env: z.array(z.strictObject({ name: z.string(), uri: z.string() })).optional(),
  pipeline: z.strictObject({
    outputs: z.array(
      z.discriminatedUnion("name", [
        outputSchema.extend({ name: z.literal("prometheus_remote_write"), add_label: z.array(z.string()) }),
        outputSchema.extend({ name: z.literal("loki"), labels: z.string() }),
      ]),
    ),
  }),
});

describe("Fluent Bit", () => {
  it("is refused before 4.0, and before 3.2 even behind the relay", () => {
    assert.deepEqual(refusalsOf(fluentBit, tokyo, bare, release("3.2.10")), [
      "--release: is 3.2.10, and Fluent Bit reads secrets from files since 4.0 only. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or install 4.0 or later.",
    ]);
    assert.deepEqual(refusalsOf(fluentBit, tokyo, bare, release("4.0.0")), []);
    assert.deepEqual(refusalsOf(fluentBit, tokyoBehindRelay, behindRelay, release("3.2.0")), []);
    assert.deepEqual(refusalsOf(fluentBit, tokyoBehindRelay, behindRelay, release("3.1.9")), [
      "--release: is 3.1.9, and these files are in YAML, which Fluent Bit reads in full since 3.2 only. Install a newer release.",
    ]);
    assert.deepEqual(refusalsOf(fluentBit, tokyo, bare, release("4")), [
      '--release: is "4", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
    ]);
  });

  it("is refused with labels that its own metrics have, which it would send twice in a series", () => {
    const twice = (subject: string, name: string) =>
      `${subject}: is the label "${name}", which Fluent Bit's own metrics have too, so that it would be in a series twice. Rename it, or name another collector.`;
    const labels = { zone: "eu", region: "apac", hostname: "x" };
    assert.deepEqual(refusalsOf(fluentBit, { ...tokyo, labels, siteLabel: "name" }, bare, newest), [
      twice("sitepass:siteLabel", "name"),
      twice("labels.hostname", "hostname"),
      twice("labels.zone", "zone"),
    ]);
    const { logs } = tokyo.endpoints;
    assert.deepEqual(
      refusalsOf(fluentBit, { ...tokyo, labels, endpoints: logs ? { logs } : {} }, bare, newest),
      [],
    );
  });

  it("is refused with labels that it cannot be given", () => {
    const labels = { a: "x ${HOME}", b: " x", c: "$x", d: "Tokyo, rack A", e: "x ", f: '$5 = "x" # 東京' };
    assert.deepEqual(refusalsOf(fluentBit, { ...tokyo, labels }, bare, newest), [
      'labels.a: is "x ${HOME}", which Fluent Bit would take for a variable at ${. Change it, or name another collector.',
      'labels.b: is " x", which Fluent Bit would send without the space at its beginning. Change it, or name another collector.',
      'labels.c: is "$x", which Fluent Bit would take for the name of a field. Change it, or name another collector.',
      'labels.d: is "Tokyo, rack A", which Fluent Bit would cut at the comma. Change it, or name another collector.',
      'labels.e: is "x ", which Fluent Bit would send without the space at its end. Change it, or name another collector.',
      'labels.f: is "$5 = \\"x\\" # 東京", which Fluent Bit would take for the name of a field. Change it, or name another collector.',
    ]);
    const { metrics } = tokyo.endpoints;
    assert.ok(metrics !== undefined);
    assert.deepEqual(
      refusalsOf(fluentBit, { ...tokyo, endpoints: { metrics }, labels }, bare, newest).map((refusal) =>
        refusal.slice(0, 8),
      ),
      ["labels.a", "labels.b"],
    );
  });

  it("is refused when no write path speaks Loki's push API, or remote write", () => {
    const site = {
      ...tokyo,
      endpoints: {
        metrics: { base: "https://prom.example.com", paths: ["/otlp/v1/metrics"] as const },
        logs: { base: "https://loki.example.com", paths: ["/otlp/v1/logs"] as const },
      },
    };
    assert.deepEqual(refusalsOf(fluentBit, site, bare, newest), [
      "sitepass:endpoints.metrics.paths: none of /otlp/v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      "sitepass:endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("says what it takes for a delivery, and what it does not send", () => {
    assert.deepEqual(fluentBit.notes(tokyo, bare, newest), [
      "Fluent Bit takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. Take the relay (relay: nginx or caddy in the site's file) to rule that out.",
      "Metrics that cannot be sent wait on disk, 1 GB, and a restart keeps them. An outage of 72 hours at up to 3.9 kB a second loses nothing when central's Prometheus has an out_of_order_time_window of 73h or more; in a longer one the oldest is dropped.",
      "Logs that cannot be sent wait on disk, 1 GB, and a restart keeps them. An outage of 24 hours at up to 12 kB a second loses nothing when central's Loki has a max_chunk_age of 50h or more, as they come among newer lines; in a longer one the oldest is dropped.",
      "Fluent Bit sends no up. To notice that this site is silent, look for fluentbit_uptime.",
      "Fluent Bit adds its labels to those that a metric has: an input of your own that brings a label provider, kind or region has it twice. Prometheus 3 answers 204 to such a series and throws it away, and Prometheus 2 answers 500, which Fluent Bit repeats until the oldest is dropped.",
    ]);
    assert.deepEqual(
      fluentBit.notes(tokyoBehindRelay, behindRelay, newest),
      fluentBit.notes(tokyo, bare, newest).slice(1),
    );
  });

  it("runs as root from where its packages put it, and is restarted for a new secret it holds itself", () => {
    assert.deepEqual(fluentBit.service(bare, newest), {
      unit: "fluent-bit",
      user: "root",
      validator: {
        program: "/opt/fluent-bit/bin/fluent-bit",
        args: ["--dry-run", "-c", "/etc/sitepass/fluent-bit/fluent-bit.yaml"],
      },
      rereadsSecrets: false,
    });
    assert.equal(fluentBit.service(behindRelay, newest).rereadsSecrets, true);
  });
});
