import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { commonRefusals } from "./common-refusals";
import { accessHeaders, credentialsFolder } from "./credential-files";
import { pushUrl, pushUrlRefusals } from "./push-url";
import { redirectNote } from "./redirect-note";
import { isAtLeast, versionRefusals } from "./release-version";
import { environmentLine } from "./systemd";
import { vmagentUnit } from "./vmagent-unit";
import { explained, yamlText } from "./yaml-text";

/** Facts: VictoriaMetrics' changelogs of 2023 to 2026. */
const since = {
  /** `-remoteWrite.label` changes no other samples' labels any more. */
  rightLabels: "1.93.4",
  /** `-secret.flags`, without which the headers are in the log and on /flags; since 1.144 they are hidden anyhow. */
  hiddenHeaders: "1.128.0",
} as const;

/** The pair of headers, as the value of the flag `-remoteWrite.headers` that vmagent takes from its environment. */
const environmentFile = `vmagent/${credentialsFolder}/access.env`;

/** vmagent, VictoriaMetrics' agent, which pushes metrics by remote write. */
export const vmagent: Collector = {
  name: "vmagent",
  title: "vmagent",
  signals: ["metrics"],
  defaultVersion: "1.150.0",
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...(versionRefusals(release).length > 0 ? [] : releaseRefusals(placement, release)),
  ],
  notes,
  render: (site, placement, release) => [
    { path: "vmagent/scrape.yml", mode: 0o644, content: scrapeConfiguration(site, release) },
    ...environment(placement),
    vmagentUnit({
      site,
      placement,
      release,
      url: pushUrl(site, "remote write") ?? "",
      environmentFile,
    }),
  ],
  service: ({ directory, credentials }) => ({
    unit: "sitepass-vmagent",
    // systemd reads the secret for it, and lets it run as a user without rights that is made for it.
    user: "root",
    validator: {
      program: "vmagent",
      args: ["-dryRun", `-promscrape.config=${directory}/vmagent/scrape.yml`],
    },
    rereadsSecrets: credentials === undefined,
  }),
};

function releaseRefusals({ credentials }: Placement, release: CollectorRelease): readonly string[] {
  const { version } = release;
  if (!isAtLeast(release, since.rightLabels)) {
    return [
      `--release: is ${version}, and vmagent adds labels to all samples rightly since ${since.rightLabels} only. Install a newer release.`,
    ];
  }
  return credentials === undefined || isAtLeast(release, since.hiddenHeaders)
    ? []
    : [
        `--release: is ${version}, and vmagent writes the secret in its headers to its log before ${since.hiddenHeaders}. Install ${since.hiddenHeaders} or later, or render with --relay.`,
      ];
}

function notes({ endpoints }: CollectorSite, placement: Placement): readonly string[] {
  return [
    "VictoriaMetrics has no package with a unit for vmagent: take vmagent-prod from its vmutils archive, and put it to /usr/local/bin/vmagent.",
    ...redirectNote("vmagent", placement),
    ...(endpoints.logs === undefined
      ? []
      : [
          "vmagent pushes metrics alone: the site's logs need a second collector, such as Grafana Alloy, Vector or Fluent Bit.",
        ]),
  ];
}

/** Nothing of the site's own is in it but its name, because `%{...}` is expanded anywhere in it and cannot be escaped. */
function scrapeConfiguration({ name }: CollectorSite, { version }: CollectorRelease): string {
  return yamlText(
    `Rendered by sitepass for the site ${name} and vmagent ${version}. Rendering again replaces this file and leaves scrape.d alone. After a change: systemctl reload sitepass-vmagent.`,
    {
      global: { scrape_interval: "30s" },
      scrape_config_files: explained(
        "Your own scrape configurations: files with a list such as that of scrape_configs, without this key.",
        ["scrape.d/*.yml"],
      ),
      scrape_configs: [{ job_name: "vmagent", static_configs: [{ targets: ["127.0.0.1:8429"] }] }],
    },
  );
}

function environment({ credentials }: Placement): readonly RenderedFile[] {
  return credentials === undefined
    ? []
    : [
        {
          path: environmentFile,
          mode: 0o600,
          content: environmentLine(
            "remoteWrite_headers",
            `${accessHeaders.clientId}: ${credentials.clientId}^^${accessHeaders.clientSecret}: ${credentials.clientSecret}`,
          ),
        },
      ];
}
