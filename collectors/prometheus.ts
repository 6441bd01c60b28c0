import type { Collector, CollectorRelease, CollectorSite, Placement } from "./collector";
import { commonRefusals } from "./common-refusals";
import { accessHeaders, credentialFiles, credentialPaths } from "./credential-files";
import { prometheusUnit } from "./prometheus-unit";
import { pushUrl, pushUrlRefusals } from "./push-url";
import { redirectComment } from "./redirect-comment";
import { isAtLeast, versionRefusals } from "./release-version";
import { siteLabelRules, siteLabels } from "./site-labels";
import { explained, yamlText, type YamlValue } from "./yaml-text";

/** Facts: Prometheus' sources at the tags of these versions; Debian's patch 91-Disable_opentelemetry for 2.42. */
const since = {
  /** `follow_redirects` and `retry_on_http_429` of remote write. */
  flakyLines: "2.26.0",
  agent: "2.32.0",
  scrapeConfigFiles: "2.43.0",
  /** `http_headers` with files; documented since 2.55. */
  headerFiles: "2.53.0",
  /** External labels are always expanded, as if by a shell. */
  expandedLabels: "3.0.0",
} as const;

/** Prometheus, which pushes metrics by remote write. */
export const prometheus: Collector = {
  name: "prometheus",
  title: "Prometheus",
  signals: ["metrics"],
  defaultVersion: "3.14.0",
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...(versionRefusals(release).length > 0 ? [] : releaseRefusals(placement, release)),
  ],
  notes,
  render: (site, placement, release) => [
    { path: "prometheus/prometheus.yml", mode: 0o644, content: configuration(site, placement, release) },
    ...credentialFiles("prometheus", placement),
    prometheusUnit(placement, release),
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

function releaseRefusals({ credentials }: Placement, release: CollectorRelease): readonly string[] {
  const { version, mode } = release;
  if (!isAtLeast(release, since.flakyLines)) {
    return [
      `--release: is ${version}, and Prometheus can turn off following redirects, and sends again after 429, since 2.26 only. Install a newer release.`,
    ];
  }
  return [
    ...(mode === "server" || isAtLeast(release, since.agent)
      ? []
      : [`--mode: is agent, which Prometheus ${version} does not know; 2.32 was the first. Drop --mode.`]),
    ...(credentials === undefined || isAtLeast(release, since.headerFiles)
      ? []
      : [
          `--release: is ${version}, and Prometheus sends headers from files since 2.53 only; the 2.42 of Debian 12 never sends any. Render with --relay, which works with this release, or install 2.53 or later, which Debian 13 has.`,
        ]),
  ];
}

function notes(
  { endpoints }: CollectorSite,
  { credentials }: Placement,
  release: CollectorRelease,
): readonly string[] {
  const agent = release.mode === "agent";
  return [
    ...(endpoints.logs === undefined
      ? []
      : [
          "Prometheus pushes metrics alone: the site's logs need a second collector, such as Grafana Alloy, the OpenTelemetry Collector or Vector.",
        ]),
    ...(credentials === undefined
      ? []
      : [
          "Prometheus never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Render with --relay to keep it.",
        ]),
    `What cannot be sent waits in Prometheus' write-ahead log for ${agent ? "two hours or more" : "about two hours"}; of a longer outage the beginning is lost. For outages of days, run vmagent or Vector, whose buffers are as large as you make them.`,
    "A restarted Prometheus forgets its backlog and goes on with what it scrapes from then on. While central cannot be reached, `systemctl reload prometheus` instead of a restart.",
    ...(isAtLeast(release, since.scrapeConfigFiles)
      ? []
      : [
          `Prometheus ${release.version} has no scrape_config_files: of your own, only targets survive rendering again, in targets.d/*.yml as the configuration says. Whole scrape configurations in files of their own need 2.43.`,
        ]),
  ];
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): string {
  const own = isAtLeast(release, since.scrapeConfigFiles) ? "scrape.d" : "targets.d";
  return yamlText(
    `Rendered by sitepass for the site ${site.name} and Prometheus ${release.version} as ${release.mode === "agent" ? "an agent" : "a server"}. Rendering again replaces this file and leaves ${own} alone${release.mode === "agent" ? "" : ", and rules.d too"}. After a change: systemctl reload prometheus.`,
    {
      global: {
        scrape_interval: "30s",
        external_labels: Object.fromEntries(
          siteLabels(site).map(([name, value]) => [
            name,
            isAtLeast(release, since.expandedLabels) ? value.replaceAll("$", "$$$$") : value,
          ]),
        ),
      },
      // Not allowed in an agent's file.
      rule_files: release.mode === "agent" ? undefined : ["rules.d/*.yml"],
      ...scrapeConfigs(release),
      ...remoteWrite(site, placement),
    },
  );
}

/** Itself, because whether pushes are dropped is in its own metrics; and what the site's person adds. */
function scrapeConfigs(release: CollectorRelease): Record<string, YamlValue> {
  const itself: YamlValue = {
    job_name: "prometheus",
    static_configs: [{ targets: ["localhost:9090"] }],
  };
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

function remoteWrite(site: CollectorSite, placement: Placement): Record<string, YamlValue> {
  const url = pushUrl(site, "remote write");
  const paths = credentialPaths("prometheus", placement);
  const relabeling = siteLabelRules(site);
  return url === undefined
    ? {}
    : {
        remote_write: [
          {
            name: "sitepass",
            url,
            remote_timeout: "30s",
            follow_redirects: explained(redirectComment(placement), false),
            http_headers:
              placement.credentials === undefined
                ? undefined
                : explained(
                    "Read again for every push: a replaced secret needs no reload, and a missing file loses nothing.",
                    {
                      [accessHeaders.clientId]: { files: [paths.clientId] },
                      [accessHeaders.clientSecret]: { files: [paths.clientSecret] },
                    },
                  ),
            write_relabel_configs: explained(
              relabeling.comment,
              relabeling.rules.map((rule) => ({ ...rule })),
            ),
            queue_config: {
              capacity: 10_000,
              max_shards: explained("Fewer than the usual 50: a slow line is not the better for more.", 10),
              max_samples_per_send: 2000,
              min_backoff: "1s",
              max_backoff: "30s",
              retry_on_http_429: explained("By default what central is too busy for is thrown away.", true),
            },
          },
        ],
      };
}
