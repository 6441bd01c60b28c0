import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { parse } from "yaml";
import { z } from "zod";
import type { CollectorRelease } from "./collector";
import { promtail } from "./promtail";
import { assertSecretsKept, textOf, refusalsOf } from "./testing/rendered-files";
import { anyPlacement, anySite, bare, behindRelay, tokyo, tokyoBehindRelay } from "./testing/sites";

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("Promtail's files", () => {
  it("take the secret from the environment before 3.2, which is read at the start", () => {
    assert.deepEqual(promtail.service(bare, release("3.1.2")), {
      unit: "promtail",
      user: "promtail",
      validator: {
        program: "promtail",
        args: [
          "-config.file=/etc/sitepass/promtail/promtail.yml",
          "-config.expand-env=true",
          "-check-syntax",
        ],
      },
      rereadsSecrets: false,
    });
    assert.equal(promtail.service(bare, release("3.2.0")).rereadsSecrets, true);
    assert.equal(promtail.service(behindRelay, release("3.1.2")).rereadsSecrets, true);
  });

  it("read back as exactly the site's URL, labels and sources of headers, whatever the labels hold", () => {
    fc.assert(
      fc.property(
        anySite,
        anyPlacement,
        fc.constantFrom("2.8.0", "3.1.2", "3.2.0", "3.6.15"),
        (site, placement, version) => {
          const files = promtail.render(site, placement, release(version));
          assertSecretsKept(files);
          const text = textOf(files, "promtail/promtail.yml");
          const environment = placement.credentials !== undefined && /^(?:2\.|3\.1\.)/.test(version);
          // What an expansion of the file's text finds is what is meant for it.
          assert.deepEqual(
            text.match(/\$.{0,25}/g) ?? [],
            environment && site.endpoints.logs !== undefined
              ? ['${CF_ACCESS_CLIENT_ID}"', "${CF_ACCESS_CLIENT_SECRET}"]
              : [],
          );
          assert.doesNotMatch(text, /\\[\\/]|[\u0085\u2028\u2029]/);
          const config = configSchema.parse(parse(text, { version: "1.1" }));
          assert.deepEqual(config, configSchema.parse(parse(text)));
          const { logs } = site.endpoints;
          assert.deepEqual(
            config.clients,
            logs && [
              {
                url: `${logs.base}${logs.paths[0]}`,
                follow_redirects: false,
                external_labels: { [site.siteLabel]: site.name, ...site.labels },
                backoff_config: { max_retries: 0 },
                ...(placement.credentials === undefined
                  ? {}
                  : environment
                    ? {
                        headers: {
                          "CF-Access-Client-Id": "${CF_ACCESS_CLIENT_ID}",
                          "CF-Access-Client-Secret": "${CF_ACCESS_CLIENT_SECRET}",
                        },
                      }
                    : {
                        http_headers: {
                          "CF-Access-Client-Id": { files: ["/etc/sitepass/promtail/credentials/client_id"] },
                          "CF-Access-Client-Secret": {
                            files: ["/etc/sitepass/promtail/credentials/client_secret"],
                          },
                        },
                      }),
              },
            ],
          );
          assert.deepEqual(promtail.render(site, placement, release(version)), files);
        },
      ),
      { numRuns: 100 },
    );
  });
});

const configSchema = z.object({
  clients: z
    .array(
      z.object({
        url: z.string(),
        follow_redirects: z.boolean(),
        external_labels: z.record(z.string(), z.string()),
        headers: z.record(z.string(), z.string()).optional(),
        http_headers: z.record(z.string(), z.object({ files: z.array(z.string()) })).optional(),
        backoff_config: z.object({ max_retries: z.number() }),
      }),
    )
    .optional(),
});

describe("Promtail", () => {
  it("is refused before 2.8 unless the relay sends the headers, and before 2.7 at all", () => {
    assert.deepEqual(refusalsOf(promtail, tokyo, bare, release("2.7.7")), [
      "--release: is 2.7.7, and Promtail sends headers since 2.8 only. Take the relay (relay: nginx or caddy in the site's file), which works with this release, or move the site to Grafana Alloy with collector: alloy.",
    ]);
    assert.deepEqual(refusalsOf(promtail, tokyoBehindRelay, behindRelay, release("2.7.7")), []);
    assert.deepEqual(refusalsOf(promtail, tokyoBehindRelay, behindRelay, release("2.6.1")), [
      "--release: is 2.6.1, and files are rendered for Promtail 2.7 or later. Install 3.6, or move the site to Grafana Alloy with collector: alloy.",
    ]);
  });

  it("is refused after its end", () => {
    assert.deepEqual(refusalsOf(promtail, tokyo, bare, release("3.7.0")), [
      "--release: is 3.7.0, and Promtail ended with 3.6. Name the release that the site runs, or move it to Grafana Alloy with collector: alloy.",
    ]);
  });

  it("says that it is at its end, what it does not push, and what is lost", () => {
    const end =
      "Promtail's life ended on 2 March 2026, and it gets no fixes any more, for security neither. Move the site to Grafana Alloy: name collector: alloy and render again; `alloy convert --source-format=promtail` translates what is your own.";
    const waits = [
      "Logs that cannot be sent wait where they are, in the journal and in log files, and a restart keeps them but for what was read already. An outage of 72 hours loses nothing; in a longer one what the machine rotates away is lost.",
      "A restart meanwhile loses the push that Promtail waits with, up to 1 MiB.",
    ];
    assert.deepEqual(promtail.notes(tokyo, bare, release("3.1.2")), [
      end,
      "Promtail pushes logs alone: the site's metrics need a second collector, such as Prometheus; Grafana Alloy does both.",
      "Promtail never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Take the relay (relay: nginx or caddy in the site's file) to keep it.",
      ...waits,
      "Promtail 3.1.2 takes its secret from the environment, which is read when it starts: restart it after a rotation. It reads files since 3.2.",
    ]);
    const { logs } = tokyoBehindRelay.endpoints;
    assert.ok(logs !== undefined);
    assert.deepEqual(
      promtail.notes({ ...tokyoBehindRelay, endpoints: { logs } }, behindRelay, release("3.1.2")),
      [end, ...waits],
    );
  });
});
