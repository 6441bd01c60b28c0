import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import { explained, reference, yamlFile, type YamlValue } from "./common/config-text";
import {
  credentialFiles,
  credentialsFolder,
  headersFromFiles,
  headersWith,
  tenantHeaders,
} from "./common/credentials";
import {
  commonRefusals,
  isAtLeast,
  listOf,
  lossNote,
  otherSignalsNote,
  redirectComment,
  takeRelay,
} from "./common/refusals-and-notes";
import { journalUnitRules } from "./common/journal-units";
import { pushUrl, siteLabelRules, siteLabels } from "./common/site-settings";
import { dropIn, environmentLine, execStart } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K27). */
const since = {
  /** `-check-syntax`. */
  checkSyntax: "2.7.0",
  headers: "2.8.0",
  /** `http_headers` with files. */
  headerFiles: "3.2.0",
} as const;

/** No release is as new as this (docs/facts/collectors.md, K26). */
const ended = "3.7.0";

/** Promtail, which pushes logs to Loki; for sites that have yet to move away from it. */
export const promtail: Collector = {
  name: "promtail",
  title: "Promtail",
  signals: ["logs"],
  defaultVersion: "3.6.15",
  refusals: (site, placement, release) => [
    ...commonRefusals(
      site,
      placement,
      release,
      ["loki push"],
      {
        before: since.checkSyntax,
        says: "and files are rendered for Promtail 2.7 or later",
        todo: "Install 3.6, or move the site to Grafana Alloy with collector: alloy",
      },
      {
        before: since.headers,
        unlessRelayed: true,
        says: "and Promtail sends headers since 2.8 only",
        todo: `${takeRelay}, which works with this release, or move the site to Grafana Alloy with collector: alloy`,
      },
    ),
    ...listOf(
      isAtLeast(release, ended) && {
        subject: "--release",
        says: `is ${release.version}, and Promtail ended with 3.6`,
        todo: "Name the release that the site runs, or move it to Grafana Alloy with collector: alloy",
      },
    ),
  ],
  notes,
  render: (site, placement, release) => [
    configuration(site, placement, release),
    ...(readsFiles(release) ? credentialFiles("promtail", placement) : environmentFile(placement)),
    dropIn("promtail", placement, [
      ...execStart("promtail", flags(placement, release)),
      ...(isExpanded(placement, release)
        ? [`EnvironmentFile=${placement.directory}/promtail/${environmentName}`]
        : []),
      "# Where it has got to in each log: kept over reboots, unlike /tmp of the package's own file.",
      "StateDirectory=promtail",
      "# The journal, and most of /var/log.",
      "SupplementaryGroups=systemd-journal adm",
      "# It does not end by itself while it waits for central.",
      "TimeoutStopSec=20",
    ]),
  ],
  service: (placement, release) => ({
    unit: "promtail",
    user: "promtail",
    validator: { program: "promtail", args: [...flags(placement, release), "-check-syntax"] },
    rereadsSecrets: placement.credentials === undefined || readsFiles(release),
  }),
};

const readsFiles = (release: CollectorRelease): boolean => isAtLeast(release, since.headerFiles);

/** Whether the secret comes from the environment, and Promtail expands the file's text before it parses it. */
const isExpanded = ({ credentials }: Placement, release: CollectorRelease): boolean =>
  credentials !== undefined && !readsFiles(release);

const variables = { clientId: "CF_ACCESS_CLIENT_ID", clientSecret: "CF_ACCESS_CLIENT_SECRET" } as const;

const environmentName = `${credentialsFolder}/environment`;

function environmentFile({ credentials }: Placement): readonly RenderedFile[] {
  return listOf(
    credentials && {
      path: `promtail/${environmentName}`,
      mode: 0o600,
      content:
        environmentLine(variables.clientId, credentials.clientId) +
        environmentLine(variables.clientSecret, credentials.clientSecret),
    },
  );
}

function notes(site: CollectorSite, placement: Placement, release: CollectorRelease): readonly string[] {
  return listOf(
    "Promtail's life ended on 2 March 2026, and it gets no fixes any more, for security neither. Move the site to Grafana Alloy: name collector: alloy and render again; `alloy convert --source-format=promtail` translates what is your own.",
    otherSignalsNote(promtail, site, "Prometheus; Grafana Alloy does both"),
    lossNote("Promtail", placement),
    ...bufferNotes("promtail", site, release),
    "A restart meanwhile loses the push that Promtail waits with, up to 1 MiB.",
    isExpanded(placement, release) &&
      `Promtail ${release.version} takes its secret from the environment, which is read when it starts: restart it after a rotation. It reads files since 3.2.`,
  );
}

const flags = (placement: Placement, release: CollectorRelease): readonly string[] => [
  `-config.file=${placement.directory}/promtail/promtail.yml`,
  ...(isExpanded(placement, release) ? ["-config.expand-env=true"] : []),
];

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const url = pushUrl(site, "loki push");
  const siteLabel = siteLabelRules(site);
  return yamlFile(
    "promtail/promtail.yml",
    `Rendered by sitepass for the site ${site.name} and Promtail ${release.version}. Rendering again replaces this file and leaves targets.d alone.
PROMTAIL'S LIFE ENDED ON 2 MARCH 2026: it gets no fixes any more. Move this site to Grafana Alloy, with collector: alloy in its file; alloy convert --source-format=promtail translates what is your own.`,
    {
      server: {
        http_listen_address: explained("Its pages show the whole configuration.", "127.0.0.1"),
        http_listen_port: 9080,
        grpc_listen_address: "127.0.0.1",
        grpc_listen_port: 0,
      },
      positions: { filename: "/var/lib/promtail/positions.yaml" },
      clients: url && [
        {
          name: "sitepass",
          url,
          proxy_url: site.proxy,
          timeout: "30s",
          follow_redirects: explained(redirectComment(placement), false),
          headers: isExpanded(placement, release)
            ? explained("From credentials/environment, by way of the unit; needs -config.expand-env.", {
                ...headersWith<YamlValue>((key) => reference(`\${${variables[key]}}`)),
                ...tenantHeaders<YamlValue>(site, (tenant) => tenant),
              })
            : undefined,
          http_headers: readsFiles(release)
            ? headersFromFiles("promtail", placement, site, "restart")
            : undefined,
          external_labels: Object.fromEntries(siteLabels(site)),
          batchsize: explained(
            "Bytes; far below what Loki takes: what is above is refused for good.",
            batchLimits.logs,
          ),
          backoff_config: {
            min_period: "1s",
            max_period: "1m",
            max_retries: explained(
              "Without end. By default a push is thrown away after 10 attempts, within nine minutes; this way reading waits for it.",
              0,
            ),
          },
        },
      ],
      scrape_configs: [
        {
          job_name: "journal",
          journal: {
            max_age: explained(
              "After a restart, what is older is not read.",
              `${buffers.promtail.logs.hours}h`,
            ),
            labels: { job: "systemd-journal" },
          },
          relabel_configs: explained(
            "Units that come and go, such as session-12.scope, get one value: each value of a label is a stream of its own in Loki.",
            journalUnitRules,
          ),
        },
        explained(
          `Your own log files go into targets.d/*.yml, and are taken in without a restart:
- targets: [localhost]
  labels: { job: nginx, __path__: /var/log/nginx/*.log }`,
          {
            job_name: "site",
            file_sd_configs: [{ files: [`${placement.directory}/promtail/targets.d/*.yml`] }],
            relabel_configs: explained(siteLabel.comment, siteLabel.rules),
          },
        ),
      ],
    },
    // No value holds what an expansion would find (drone/envsubst 1.0.3), whether or not Promtail is told to expand the file.
    /\$/g,
  );
}
