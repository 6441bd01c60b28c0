import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../test/support/fixed-seed";
import { alloy } from "./alloy";
import type { CollectorRelease } from "./collector";
import { assertSecretsKept, textOf } from "./testing/rendered-files";
import { parseAlloy, type ParsedBlock } from "./testing/alloy-parser";
import { anyPlacement, anySite, bare, behindRelay, tokyo, tokyoBehindRelay } from "./testing/sites";

const newest: CollectorRelease = { version: alloy.defaultVersion, mode: "server" };

const release = (version: string): CollectorRelease => ({ version, mode: "server" });

describe("the file for Grafana Alloy", () => {
  it("is this for a site that pushes by itself", () => {
    const files = alloy.render(tokyo, bare, newest);
    assert.deepEqual(
      files.map(({ path, mode }) => [path, mode]),
      [
        ["alloy/sitepass.alloy", 0o644],
        ["alloy/credentials/client_id", 0o600],
        ["alloy/credentials/client_secret", 0o600],
        ["systemd/alloy.service.d/sitepass.conf", 0o644],
      ],
    );
    assert.equal(
      textOf(files, "alloy/sitepass.alloy"),
      `// Rendered by sitepass for the site tokyo and Grafana Alloy 1.18.1. Rendering again replaces this
// file. What is yours goes into *.alloy files beside it, and is sent to
// prometheus.remote_write.sitepass.receiver or loki.write.sitepass.receiver. After a change: systemctl
// reload alloy.

// Looked at again and again, because both are replaced by way of a link, which watching a file does
// not notice.
local.file "sitepass_client_id" {
	filename       = "/etc/sitepass/alloy/credentials/client_id"
	is_secret      = true
	detector       = "poll"
	poll_frequency = "10s"
}

local.file "sitepass_client_secret" {
	filename       = "/etc/sitepass/alloy/credentials/client_secret"
	is_secret      = true
	detector       = "poll"
	poll_frequency = "10s"
}

prometheus.remote_write "sitepass" {
	external_labels = {
		"provider" = "tokyo",
		"kind"     = "rack",
		"region"   = "apac",
	}

	endpoint {
		name           = "sitepass"
		url            = "https://prom.example.com/api/v1/write"
		remote_timeout = "30s"

		// Never true: a redirect leads to a login page, whose 200 counts as delivered, and hands it the
		// secret.
		follow_redirects = false

		http_headers = {
			"CF-Access-Client-Id"     = [local.file.sitepass_client_id.content],
			"CF-Access-Client-Secret" = [local.file.sitepass_client_secret.content],
		}

		queue_config {
			// Fewer than the usual 50: a slow line is not the better for more.
			max_shards        = 10
			min_backoff       = "1s"
			max_backoff       = "30s"
			retry_on_http_429 = true
		}

		// A target's own label provider would win over the external one: it is kept as exported_provider.
		write_relabel_config {
			source_labels = ["exported_provider", "provider"]
			regex         = ";(.+)"
			target_label  = "exported_provider"
		}

		write_relabel_config {
			source_labels = ["exported_provider"]
			regex         = "tokyo"
			target_label  = "exported_provider"
			replacement   = ""
		}

		write_relabel_config {
			target_label = "provider"
			replacement  = "tokyo"
		}
	}

	// What cannot be sent waits here, the longest for eight hours. Central's out_of_order_time_window has
	// to be as long.
	wal {
		truncate_frequency = "2h"
		max_keepalive_time = "8h"
	}
}

// This machine.
prometheus.exporter.unix "sitepass" { }

prometheus.scrape "sitepass_unix" {
	targets         = prometheus.exporter.unix.sitepass.targets
	forward_to      = [prometheus.remote_write.sitepass.receiver]
	scrape_interval = "30s"
}

// Alloy itself: whether pushes are dropped is in its own metrics.
prometheus.exporter.self "sitepass" { }

prometheus.scrape "sitepass_self" {
	targets         = prometheus.exporter.self.sitepass.targets
	forward_to      = [prometheus.remote_write.sitepass.receiver]
	scrape_interval = "30s"
}

loki.write "sitepass" {
	external_labels = {
		"provider" = "tokyo",
		"kind"     = "rack",
		"region"   = "apac",
	}

	endpoint {
		name           = "sitepass"
		url            = "https://loki.example.com/loki/api/v1/push"
		remote_timeout = "30s"

		// Never true: a redirect leads to a login page, whose 200 counts as delivered, and hands it the
		// secret.
		follow_redirects = false

		http_headers = {
			"CF-Access-Client-Id"     = [local.file.sitepass_client_id.content],
			"CF-Access-Client-Secret" = [local.file.sitepass_client_secret.content],
		}

		// Without end. By default a push is thrown away after 10 attempts, within nine minutes; this way
		// reading waits for it.
		max_backoff_retries = 0
		min_backoff_period  = "1s"
		max_backoff_period  = "1m"
		retry_on_http_429   = true
	}
}

loki.source.journal "sitepass" {
	// After a restart, what is older is not read.
	max_age = "72h"

	labels = {
		"job" = "systemd-journal",
	}

	relabel_rules = loki.relabel.sitepass_journal.rules
	forward_to    = [loki.write.sitepass.receiver]
}

loki.relabel "sitepass_journal" {
	forward_to = []

	rule {
		source_labels = ["__journal__systemd_unit"]
		target_label  = "unit"
	}
}
`,
    );
    assert.equal(
      textOf(files, "systemd/alloy.service.d/sitepass.conf"),
      `# Rendered by sitepass.
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
# All *.alloy files in this folder are one configuration. Flags of your own go into CUSTOM_ARGS in /etc/default/alloy,
# on Red Hat's systems /etc/sysconfig/alloy; CONFIG_FILE there is not used.
# The first, empty one takes the unit's own command away.
ExecStart=
ExecStart=alloy run $CUSTOM_ARGS \\
  --storage.path=/var/lib/alloy/data \\
  /etc/sitepass/alloy
# What is under way when it stops gets a minute to arrive.
TimeoutStopSec=90
Restart=always
RestartSec=5
`,
    );
  });

  it("is this for a site behind the relay that pushes logs alone", () => {
    const { logs } = tokyoBehindRelay.endpoints;
    assert.ok(logs !== undefined);
    const files = alloy.render({ ...tokyoBehindRelay, endpoints: { logs } }, behindRelay, newest);
    assert.deepEqual(
      files.map(({ path }) => path),
      ["alloy/sitepass.alloy", "systemd/alloy.service.d/sitepass.conf"],
    );
    assert.equal(
      textOf(files, "alloy/sitepass.alloy"),
      `// Rendered by sitepass for the site tokyo and Grafana Alloy 1.18.1. Rendering again replaces this
// file. What is yours goes into *.alloy files beside it, and is sent to loki.write.sitepass.receiver.
// After a change: systemctl reload alloy.

loki.write "sitepass" {
	external_labels = {
		"provider" = "tokyo",
		"kind"     = "rack",
		"region"   = "apac",
	}

	endpoint {
		name           = "sitepass"
		url            = "http://127.0.0.1:9480/logs/loki/api/v1/push"
		remote_timeout = "30s"

		// Never true: a redirect leads to a login page, whose 200 counts as delivered.
		follow_redirects = false

		// Without end. By default a push is thrown away after 10 attempts, within nine minutes; this way
		// reading waits for it.
		max_backoff_retries = 0
		min_backoff_period  = "1s"
		max_backoff_period  = "1m"
		retry_on_http_429   = true
	}
}

loki.source.journal "sitepass" {
	// After a restart, what is older is not read.
	max_age = "72h"

	labels = {
		"job" = "systemd-journal",
	}

	relabel_rules = loki.relabel.sitepass_journal.rules
	forward_to    = [loki.write.sitepass.receiver]
}

loki.relabel "sitepass_journal" {
	forward_to = []

	rule {
		source_labels = ["__journal__systemd_unit"]
		target_label  = "unit"
	}
}
`,
    );
  });

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
    assert.deepEqual(alloy.refusals(tokyo, bare, release("1.7.5")), [
      "--release: is 1.7.5, and Grafana Alloy sends headers from secret files since 1.8 only. Render with --relay, which works with this release, or install 1.8 or later.",
    ]);
    assert.deepEqual(alloy.refusals(tokyoBehindRelay, behindRelay, release("1.7.5")), []);
    assert.deepEqual(alloy.refusals(tokyo, bare, release("1.8.0")), []);
  });

  it("is refused in releases that never were", () => {
    assert.deepEqual(alloy.refusals(tokyo, bare, release("0.43.4")), [
      "--release: is 0.43.4, and Grafana Alloy begins with 1.0. Name the release that the site runs.",
    ]);
    assert.deepEqual(alloy.refusals(tokyo, bare, release("latest")), [
      '--release: is "latest", which is no version. Write it as in 3.10.0, as the agent\'s --version prints it.',
    ]);
  });

  it("is refused when no write path speaks Loki's push API", () => {
    const site = {
      ...tokyo,
      endpoints: { logs: { base: "https://loki.example.com", paths: ["/otlp/v1/logs"] as const } },
    };
    assert.deepEqual(alloy.refusals(site, bare, newest), [
      "endpoints.logs.paths: none of /otlp/v1/logs speaks Loki's push API. Add a path such as /loki/api/v1/push, or name another collector.",
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
      "Grafana Alloy never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Render with --relay to keep it.",
      "Metrics that cannot be sent wait in Grafana Alloy's write-ahead log for about eight hours; of a longer outage the beginning is lost. A restarted Alloy forgets them and goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload alloy` instead of a restart.",
      "Logs that cannot be sent wait where they are: Grafana Alloy reads log files and the journal no further, and sends the rest later, unless it was rotated away by then. A restart or a new secret meanwhile loses what it had read, up to some 10 MiB.",
    ]);
    assert.deepEqual(alloy.notes(tokyoBehindRelay, behindRelay, newest).slice(1), [
      "Logs that cannot be sent wait where they are: Grafana Alloy reads log files and the journal no further, and sends the rest later, unless it was rotated away by then. A restart meanwhile loses what it had read, up to some 10 MiB.",
    ]);
  });
});
