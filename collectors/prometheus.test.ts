import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse } from "yaml";
import { z } from "zod";
import { findProgram } from "../local/programs/programs";
import type { CollectorRelease } from "./collector";
import { prometheus } from "./prometheus";
import { assertSecretsKept, textOf, installed, refusalsOf } from "./testing/rendered-files";
import { outcome } from "./testing/programs";
import { anyPlacement, anySite, bare, behindRelay, tokyo, tokyoBehindRelay } from "./testing/sites";

const release = (version: string, mode: CollectorRelease["mode"] = "server"): CollectorRelease => ({
  version,
  mode,
});

describe("Prometheus' files", () => {
  it("read back as exactly the site's URL, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(
        anySite,
        anyPlacement,
        fc.constantFrom("2.42.0", "2.53.3", "3.14.0"),
        fc.constantFrom("server", "agent"),
        (site, placement, version, mode) => {
          const files = prometheus.render(site, placement, { version, mode });
          assertSecretsKept(files);
          const text = textOf(files, "prometheus/prometheus.yml");
          // Go's YAML is 1.1: other words for true and false, and other line breaks.
          const config = configSchema.parse(parse(text, { version: "1.1" }));
          assert.deepEqual(config, configSchema.parse(parse(text)));
          assert.doesNotMatch(text, /[\u0085\u2028\u2029]/);
          assert.deepEqual(
            Object.fromEntries(
              Object.entries(config.global.external_labels).map(([name, value]) => [
                name,
                version.startsWith("3.") ? expanded(value) : value,
              ]),
            ),
            { [site.siteLabel]: site.name, ...site.labels },
          );
          const { metrics } = site.endpoints;
          assert.deepEqual(
            config.remote_write?.map(({ url, follow_redirects, http_headers }) => ({
              url,
              follow_redirects,
              http_headers,
            })),
            metrics && [
              {
                url: `${metrics.base}${metrics.paths[0]}`,
                follow_redirects: false,
                http_headers:
                  placement.credentials === undefined
                    ? undefined
                    : {
                        "CF-Access-Client-Id": { files: ["/etc/sitepass/prometheus/credentials/client_id"] },
                        "CF-Access-Client-Secret": {
                          files: ["/etc/sitepass/prometheus/credentials/client_secret"],
                        },
                      },
              },
            ],
          );
          assert.deepEqual(prometheus.render(site, placement, { version, mode }), files);
        },
      ),
      { numRuns: 100 },
    );
  });

  for (const [version, promtool] of promtools()) {
    it(
      `pass promtool ${version}`,
      {
        skip:
          promtool === undefined
            ? "neither on PATH nor built; npm run programs -- prometheus builds it"
            : false,
      },
      async (context) => {
        assert.ok(promtool !== undefined);
        const sites = [tokyo, ...fc.sample(anySite, { numRuns: 12, seed: 5 })];
        for (const [index, site] of sites.entries()) {
          for (const mode of ["server", "agent"] as const) {
            const placement = version.startsWith("2.42.") || index % 2 === 1 ? behindRelay : bare;
            const directory = installed(context, (there) =>
              prometheus.render(site, { ...placement, directory: there }, { version, mode }),
            );
            const { args } = prometheus.service({ ...placement, directory }, { version, mode }).validator;
            const { status, stdout, stderr } = await outcome(promtool, args);
            assert.equal(status, 0, `${stdout}${stderr}`);
          }
        }
      },
    );
  }
});

/**
 * What Prometheus 3 makes of an external label (config.go, Load, with Go's os.Expand); fails when it would expand anything
 * but `$$`.
 */
function expanded(value: string): string {
  assert.doesNotMatch(value, /(?<!\$)\$(?:\$\$)*(?!\$)/);
  return value.replaceAll("$$", "$");
}

const configSchema = z.object({
  global: z.object({ external_labels: z.record(z.string(), z.string()) }),
  remote_write: z
    .array(z.object({ url: z.string(), follow_redirects: z.boolean(), http_headers: z.unknown().optional() }))
    .optional(),
});

/** The promtool of Debian 12 and that of Prometheus 3, by version; undefined where one is not at hand. */
function promtools(): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const path of [
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "promtool")),
    findProgram("prometheus", "promtool"),
  ]) {
    if (path !== undefined && existsSync(path)) {
      const version = /version (\S+)/.exec(spawnSync(path, ["--version"], { encoding: "utf8" }).stdout)?.[1];
      // What a packager adds is no part of the version that a person names; one built as a Go module does not know its own.
      found.set(version?.replace(/\+.*/, "") ?? "3.10.0", path);
    }
  }
  for (const [known, version] of [
    ["2.", "2.42.0"],
    ["3.", "3.10.0"],
  ] as const) {
    if (![...found.keys()].some((key) => key.startsWith(known))) {
      found.set(version, undefined);
    }
  }
  return found;
}

describe("Prometheus", () => {
  it("is refused before 2.53 unless the relay sends the headers", () => {
    assert.deepEqual(refusalsOf(prometheus, tokyo, bare, release("2.42.0")), [
      "--release: is 2.42.0, and Prometheus sends headers from files since 2.53 only; the 2.42 of Debian 12 never sends any. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or install 2.53 or later, which Debian 13 has.",
    ]);
    assert.deepEqual(refusalsOf(prometheus, tokyoBehindRelay, behindRelay, release("2.42")), []);
    assert.deepEqual(refusalsOf(prometheus, tokyo, bare, release("2.53.3+ds1-2")), []);
  });

  it("is refused where it cannot do without following redirects, or without a whole server", () => {
    assert.deepEqual(refusalsOf(prometheus, tokyoBehindRelay, behindRelay, release("2.24.1", "agent")), [
      "--release: is 2.24.1, and Prometheus can turn off following redirects, and sends again after 429, since 2.26 only. Install a newer release.",
    ]);
    assert.deepEqual(refusalsOf(prometheus, tokyoBehindRelay, behindRelay, release("2.31.1", "agent")), [
      "--mode: is agent, which Prometheus 2.31.1 does not know; 2.32 was the first. Drop --mode.",
    ]);
  });

  it("is refused with all that is wrong at once, and without showing a secret", () => {
    assert.deepEqual(
      refusalsOf(
        prometheus,
        {
          ...tokyo,
          labels: { region: "\ud83d" },
          endpoints: { metrics: { base: "https://a.example.com", paths: ["/v1/metrics"] } },
        },
        { directory: "etc/site pass", credentials: { clientId: "", clientSecret: "a\nb" } },
        release("newest"),
      ),
      [
        '--release: is "newest", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
        '--install-dir: is "etc/site pass", and collectors, the shell and systemd quote paths differently. Name an absolute path of letters, digits and ._@+- alone, without a slash at the end.',
        'labels.region: is "\\ud83d", which is not text. Type it again.',
        "clientId: is empty. Take the site's credentials from the stack again.",
        "clientSecret: has characters that no client ID or secret of Cloudflare's has, such as a quote or a line break. Take the site's credentials from the stack again.",
        "sitepass:endpoints.metrics.paths: none of /v1/metrics speaks Prometheus remote write. Add a path such as /api/v1/write, or name another collector.",
      ],
    );
  });

  it("is started as an agent in the words of its version", () => {
    const unit = (version: string) =>
      textOf(
        prometheus.render(tokyo, bare, release(version, "agent")),
        "systemd/prometheus.service.d/sitepass.conf",
      );
    assert.match(unit("2.53.3"), /^ExecStart=prometheus \\\n {2}--enable-feature=agent \\\n/m);
    assert.match(unit("3.0.0"), /^ExecStart=prometheus \\\n {2}--agent \\\n/m);
    assert.deepEqual(prometheus.service(bare, release("3.0.0", "agent")), {
      unit: "prometheus",
      user: "prometheus",
      validator: {
        program: "promtool",
        args: ["check", "config", "--agent", "/etc/sitepass/prometheus/prometheus.yml"],
      },
      rereadsSecrets: true,
    });
  });

  it("says what it does not push, what is lost, and when", () => {
    assert.deepEqual(prometheus.notes(tokyo, bare, release("3.14.0")), [
      "Prometheus pushes metrics alone: the site's logs need a second collector, such as Grafana Alloy, the OpenTelemetry Collector or Vector.",
      "Prometheus never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Take the relay (relay: nginx or caddy in the site's file) to keep it.",
      "Metrics that cannot be sent wait in the write-ahead log, and a restart loses them. An outage of 2 hours (3 where little is collected) loses nothing when central's Prometheus has an out_of_order_time_window of 4h or more; in a longer one the oldest is dropped.",
      "A restarted Prometheus goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload prometheus` instead. For outages of up to 72 hours, run vmagent or Vector.",
    ]);
    const { metrics } = tokyoBehindRelay.endpoints;
    assert.ok(metrics !== undefined);
    assert.deepEqual(
      prometheus.notes(
        { ...tokyoBehindRelay, endpoints: { metrics } },
        behindRelay,
        release("2.42.0", "agent"),
      ),
      [
        "Metrics that cannot be sent wait in the write-ahead log, and a restart loses them. An outage of 2 hours (8 where little is collected) loses nothing when central's Prometheus has an out_of_order_time_window of 9h or more; in a longer one the oldest is dropped.",
        "A restarted Prometheus goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload prometheus` instead. For outages of up to 72 hours, run vmagent or Vector.",
        "Prometheus 2.42.0 has no scrape_config_files: of your own, only targets survive rendering again, in targets.d/*.yml as the configuration says. Whole scrape configurations in files of their own need 2.43.",
      ],
    );
  });
});
