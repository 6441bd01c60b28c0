import { agentBuffer, bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import { explained, yamlFile, type YamlObject } from "./common/config-text";
import { credentialFiles, headersFromFiles } from "./common/credentials";
import {
  commonRefusals,
  isAtLeast,
  listOf,
  lossNote,
  otherSignalsNote,
  redirectComment,
  releaseRefusals,
  takeRelay,
} from "./common/refusals-and-notes";
import { pushUrl, siteLabelRules, siteLabels } from "./common/site-settings";
import { dropIn, execStart } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K10, K11, K13, K17). */
const since = {
  /** `follow_redirects` and `retry_on_http_429` of remote write. */
  flakyLines: "2.26.0",
  agent: "2.32.0",
  scrapeConfigFiles: "2.43.0",
  /** `http_headers` with files. */
  headerFiles: "2.53.0",
  /** External labels are expanded, as if by a shell; agent mode has a flag of its own. */
  three: "3.0.0",
} as const;

/** Where Debian's packages keep data: what is there stays in use. */
const stateDirectory = "/var/lib/prometheus";

/** Prometheus, which pushes metrics by remote write. */
export const prometheus: Collector = {
  name: "prometheus",
  title: "Prometheus",
  signals: ["metrics"],
  defaultVersion: "3.14.0",
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release, ["remote write"]),
    ...listOf(
      // Earlier releases are refused as a whole.
      release.mode === "agent" &&
        isAtLeast(release, since.flakyLines) &&
        !isAtLeast(release, since.agent) && {
          subject: "--mode",
          says: `is agent, which Prometheus ${release.version} does not know; 2.32 was the first`,
          todo: "Drop --mode",
        },
    ),
    ...releaseRefusals(
      placement,
      release,
      {
        before: since.flakyLines,
        says: "and Prometheus can turn off following redirects, and sends again after 429, since 2.26 only",
        todo: "Install a newer release",
      },
      {
        before: since.headerFiles,
        unlessRelayed: true,
        says: "and Prometheus sends headers from files since 2.53 only; the 2.42 of Debian 12 never sends any",
        todo: `${takeRelay}, which works with this release, or install 2.53 or later, which Debian 13 has`,
      },
    ),
  ],
  notes,
  render: (site, placement, release) => [
    configuration(site, placement, release),
    ...credentialFiles("prometheus", placement),
    unit(placement, release),
  ],
  service: ({ directory }, { mode }) => ({
    unit: "prometheus",
    user: "prometheus",
    validator: {
      program: "promtool",
      args: [
        "check",
        "config",
        ...(mode === "agent" ? ["--agent"] : []),
        `${directory}/prometheus/prometheus.yml`,
      ],
    },
    rereadsSecrets: true,
  }),
};

function notes(site: CollectorSite, placement: Placement, release: CollectorRelease): readonly string[] {
  return listOf(
    otherSignalsNote(prometheus, site, "Grafana Alloy, the OpenTelemetry Collector or Vector"),
    lossNote("Prometheus", placement),
    ...bufferNotes("prometheus", site, release),
    `A restarted Prometheus goes on with what it scrapes from then on: while central cannot be reached, \`systemctl reload prometheus\` instead. For outages of up to ${buffers.vmagent.metrics.hours} hours, run vmagent or Vector.`,
    !isAtLeast(release, since.scrapeConfigFiles) &&
      `Prometheus ${release.version} has no scrape_config_files: of your own, only targets survive rendering again, in targets.d/*.yml as the configuration says. Whole scrape configurations in files of their own need 2.43.`,
  );
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const url = pushUrl(site, "remote write");
  const relabeling = siteLabelRules(site);
  const agent = release.mode === "agent";
  const own = isAtLeast(release, since.scrapeConfigFiles) ? "scrape.d" : "targets.d";
  return yamlFile(
    "prometheus/prometheus.yml",
    `Rendered by sitepass for the site ${site.name} and Prometheus ${release.version} as ${agent ? "an agent" : "a server"}. Rendering again replaces this file and leaves ${own} alone${agent ? "" : ", and rules.d too"}. After a change: systemctl reload prometheus.`,
    {
      global: {
        scrape_interval: "30s",
        external_labels: Object.fromEntries(
          siteLabels(site).map(([name, value]) => [
            name,
            isAtLeast(release, since.three) ? value.replaceAll("$", "$$$$") : value,
          ]),
        ),
      },
      // Not allowed in an agent's file.
      rule_files: agent ? undefined : ["rules.d/*.yml"],
      ...scrapeConfigs(release),
      remote_write: url && [
        {
          name: "sitepass",
          url,
          proxy_url: site.proxy,
          remote_timeout: "30s",
          follow_redirects: explained(redirectComment(placement), false),
          http_headers: headersFromFiles("prometheus", placement, site, "reload"),
          write_relabel_configs: explained(relabeling.comment, relabeling.rules),
          queue_config: {
            capacity: 10_000,
            max_shards: explained("Fewer than the usual 50: a slow line is not the better for more.", 10),
            max_samples_per_send: batchLimits.samples,
            min_backoff: "1s",
            max_backoff: "30s",
            retry_on_http_429: explained("By default what central is too busy for is thrown away.", true),
          },
        },
      ],
    },
  );
}

/** Prometheus itself, because its own metrics tell whether pushes are dropped; and what the site's person adds. */
function scrapeConfigs(release: CollectorRelease): YamlObject {
  const itself = { job_name: "prometheus", static_configs: [{ targets: ["localhost:9090"] }] };
  return isAtLeast(release, since.scrapeConfigFiles)
    ? {
        scrape_config_files: explained(
          `Your own scrape configurations go into scrape.d/*.yml, in the form of what follows here:
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ["10.0.0.7:9100"] }]`,
          ["scrape.d/*.yml"],
        ),
        scrape_configs: [itself],
      }
    : {
        scrape_configs: [
          itself,
          explained(
            `Your own targets go into targets.d/*.yml, and are taken in without a reload:
- targets: ["10.0.0.7:9100"]
  labels: { job: node }
The labels __scheme__ and __metrics_path__ may be set there too.`,
            { job_name: "site", file_sd_configs: [{ files: ["targets.d/*.yml"] }] },
          ),
        ],
      };
}

/** Runs Prometheus with the rendered file, whatever the package's own command line is. */
function unit(placement: Placement, release: CollectorRelease): RenderedFile {
  const agent = release.mode === "agent";
  return dropIn("prometheus", placement, [
    ...(agent
      ? [
          "# Pushes that fail wait in the write-ahead log. Every time it is cut, the older two thirds of its files go, sent or not:",
          `# with a cut every four hours, at least ${agentBuffer.hours} hours are there, and ${agentBuffer.oldestHours} where little is scraped.`,
        ]
      : [
          "# Pushes that fail wait in the write-ahead log, which is cut every two hours, sent or not. What is scraped stays in the",
          "# local database for 15 days either way, but is not pushed from there.",
        ]),
    "# ARGS in /etc/default/prometheus is not used: a flag must not be there twice. For flags of your own, write a drop-in that",
    "# comes after this one, such as zz-own.conf.",
    ...execStart("prometheus", [
      ...(agent ? [isAtLeast(release, since.three) ? "--agent" : "--enable-feature=agent"] : []),
      `--config.file=${placement.directory}/prometheus/prometheus.yml`,
      ...(agent
        ? [
            `--storage.agent.path=${stateDirectory}/data-agent/`,
            "--storage.agent.wal-truncate-frequency=4h",
            `--storage.agent.retention.max-time=${agentBuffer.oldestHours}h`,
          ]
        : [`--storage.tsdb.path=${stateDirectory}/metrics2/`]),
    ]),
    "StateDirectory=prometheus",
    "# What is under way when it stops gets a minute to arrive; killed earlier, the next one finds the database locked.",
    "TimeoutStopSec=90",
  ]);
}
