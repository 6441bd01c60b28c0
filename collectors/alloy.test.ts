import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { alloy } from "./alloy";
import type { CollectorRelease } from "./collector";
import { assertSecretsKept, textOf, refusalsOf } from "./testing/rendered-files";
import { parseAlloy, type ParsedBlock } from "./testing/alloy-parser";
import { anyPlacement, anySite, bare, behindRelay, tokyo, tokyoBehindRelay } from "./testing/sites";

const newest: CollectorRelease = { version: alloy.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the file for Grafana Alloy", () => {
  it("reads back as exactly the site's URLs, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(anySite, anyPlacement, (site, placement) => {
        const files = alloy.render(site, placement, newest);
        assertSecretsKept(files);
        const blocks = parseAlloy(textOf(files, "alloy/sitepass.alloy"));
        const { metrics, logs } = site.endpoints;
        assert.deepEqual(
          blocks
            .filter(({ name }) => name === "prometheus.remote_write" || name === "loki.write")
            .map(summary),
          [
            ...(metrics === undefined
              ? []
              : [["prometheus.remote_write", `${metrics.base}${metrics.paths[0]}`]]),
            ...(logs === undefined ? [] : [["loki.write", `${logs.base}${logs.paths[0]}`]]),
          ].map(([name, url]) => ({
            name,
            url,
            follow: false,
            labels: { [site.siteLabel]: site.name, ...site.labels },
            headers:
              placement.credentials === undefined
                ? undefined
                : {
                    "CF-Access-Client-Id": [{ reference: "local.file.sitepass_client_id.content" }],
                    "CF-Access-Client-Secret": [{ reference: "local.file.sitepass_client_secret.content" }],
                  },
          })),
        );
        assert.deepEqual(
          blocks.filter(({ name }) => name === "local.file").map(({ attributes }) => attributes),
          (placement.credentials === undefined ? [] : ["client_id", "client_secret"]).map((file) => ({
            filename: `/etc/sitepass/alloy/credentials/${file}`,
            is_secret: true,
            detector: "poll",
            poll_frequency: "10s",
          })),
        );
        assert.deepEqual(alloy.render(site, placement, newest), files);
      }),
      { numRuns: 100 },
    );
  });
});

function summary({ name, attributes, blocks }: ParsedBlock): object {
  const endpoints = blocks.filter((block) => block.name === "endpoint");
  assert.equal(endpoints.length, 1);
  const { url, follow_redirects, http_headers } = endpoints[0]?.attributes ?? {};
  return { name, url, follow: follow_redirects, labels: attributes.external_labels, headers: http_headers };
}

describe("Grafana Alloy", () => {
  it("is refused before 1.8 unless the relay sends the headers", () => {
    assert.deepEqual(refusalsOf(alloy, tokyo, bare, release("1.7.5")), [
      "--release: is 1.7.5, and Grafana Alloy sends headers from secret files since 1.8 only. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or install 1.8 or later.",
    ]);
    assert.deepEqual(refusalsOf(alloy, tokyoBehindRelay, behindRelay, release("1.7.5")), []);
    assert.deepEqual(refusalsOf(alloy, tokyo, bare, release("1.8.0")), []);
  });

  it("is refused in releases that never were", () => {
    assert.deepEqual(refusalsOf(alloy, tokyo, bare, release("0.43.4")), [
      "--release: is 0.43.4, and Grafana Alloy begins with 1.0. Name the release that the site runs.",
    ]);
    assert.deepEqual(refusalsOf(alloy, tokyo, bare, release("latest")), [
      '--release: is "latest", which is not a version. Write it as in 3.10.0, as the collector\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks Loki's push API", () => {
    const site = {
      ...tokyo,
      endpoints: { logs: { base: "https://loki.example.com", paths: ["/otlp/v1/logs"] as const } },
    };
    assert.deepEqual(refusalsOf(alloy, site, bare, newest), [
      "sitepass:endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
    ]);
  });

  it("is checked by validate since 1.9, and by fmt before", () => {
    const args = (version: string) => alloy.service(bare, release(version)).validator;
    assert.deepEqual(args("1.9.0"), { program: "alloy", args: ["validate", "/etc/sitepass/alloy"] });
    assert.deepEqual(args("1.8.3"), {
      program: "alloy",
      args: ["fmt", "/etc/sitepass/alloy/sitepass.alloy"],
    });
  });

  it("says what is lost, and when", () => {
    assert.deepEqual(alloy.notes(tokyo, bare, newest), [
      "Grafana Alloy never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Take the relay (relay: nginx or caddy in the site's file) to keep it.",
      "Metrics that cannot be sent wait in the write-ahead log, and a restart loses them. An outage of 8 hours loses nothing when central's Prometheus has an out_of_order_time_window of 9h or more; in a longer one the oldest is dropped.",
      "Logs that cannot be sent wait where they are, in the journal and in log files, and a restart keeps them but for what was read already. An outage of 72 hours loses nothing; in a longer one what the machine rotates away is lost.",
      "A restarted Alloy goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload alloy` instead.",
      "A restart or a new secret meanwhile loses what Grafana Alloy had read, up to some 10 MiB.",
    ]);
    assert.deepEqual(alloy.notes(tokyoBehindRelay, behindRelay, newest), [
      ...alloy.notes(tokyo, bare, newest).slice(1, 4),
      "A restart meanwhile loses what Grafana Alloy had read, up to some 10 MiB.",
    ]);
  });
});
