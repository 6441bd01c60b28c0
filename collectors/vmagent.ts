import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import { explained, yamlFile } from "./common/config-text";
import { credentialsFolder, headersWith, tenantHeaders } from "./common/credentials";
import {
  commonRefusals,
  isAtLeast,
  listOf,
  otherSignalsNote,
  redirectNote,
  takeRelay,
} from "./common/refusals-and-notes";
import { ownLabels, pushUrl, siteLabelRules } from "./common/site-settings";
import { environmentLine, startOrder, systemdArgument } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K35). */
const since = {
  /** `-remoteWrite.label` no longer changes the labels of other samples. */
  rightLabels: "1.93.4",
  /** `-secret.flags`, without which the headers are in the log and on /flags. */
  hiddenHeaders: "1.128.0",
  /** vmagent hides the headers by itself. */
  hiddenByDefault: "1.144.0",
} as const;

/** Holds the flag `-remoteWrite.headers`, which vmagent takes from its environment (docs/facts/collectors.md, K34). */
const environmentFile = `vmagent/${credentialsFolder}/access.env`;

const labelsFile = "vmagent/site-labels.yml";

const stateDirectory = "/var/lib/sitepass-vmagent";

/** vmagent, VictoriaMetrics' collector, which pushes metrics by remote write. */
export const vmagent: Collector = {
  name: "vmagent",
  title: "vmagent",
  signals: ["metrics"],
  defaultVersion: "1.150.0",
  refusals: (site, placement, release) =>
    commonRefusals(
      site,
      placement,
      release,
      ["remote write"],
      {
        before: since.rightLabels,
        says: `and vmagent adds labels to all samples rightly since ${since.rightLabels} only`,
        todo: "Install a newer release",
      },
      {
        before: since.hiddenHeaders,
        unlessRelayed: true,
        says: `and vmagent writes the secret in its headers to its log before ${since.hiddenHeaders}`,
        todo: `${takeRelay}, which works with this release, or install ${since.hiddenHeaders} or later`,
      },
    ),
  notes: (site, placement, release) =>
    listOf(
      "VictoriaMetrics has no package with a unit for vmagent: take vmagent-prod from its vmutils archive, and put it to /usr/local/bin/vmagent.",
      redirectNote("vmagent", placement),
      ...bufferNotes("vmagent", site, release),
      otherSignalsNote(vmagent, site, "Grafana Alloy, Vector or Fluent Bit"),
    ),
  render: (site, placement, release) => [
    configuration(site, release),
    labels(site),
    ...environment(site, placement),
    unit(site, placement, release),
  ],
  service: ({ directory, credentials }) => ({
    unit: "sitepass-vmagent",
    // systemd reads the secret as root, and then runs vmagent as a user without rights that it makes for it.
    user: "root",
    validator: {
      program: "vmagent",
      args: [
        "-dryRun",
        `-promscrape.config=${directory}/vmagent/scrape.yml`,
        `-remoteWrite.relabelConfig=${directory}/${labelsFile}`,
      ],
    },
    rereadsSecrets: credentials === undefined,
  }),
};

/**
 * Holds no label of the site, because `%{...}` is expanded anywhere in the file and cannot be escaped
 * (docs/facts/collectors.md, K36).
 */
function configuration({ name }: CollectorSite, { version }: CollectorRelease): RenderedFile {
  return yamlFile(
    "vmagent/scrape.yml",
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

/**
 * The site's labels as rules, because those of `-remoteWrite.label` replace what the data bring. A value is put together from pieces
 * in a label that vmagent drops at the end: neither `%{` nor `{{`, each of which begins an expansion, is in one of them.
 */
function labels(site: CollectorSite): RenderedFile {
  const { comment, rules } = siteLabelRules(site);
  return yamlFile(
    labelsFile,
    `Rendered by sitepass: the labels of this site, which give way to those that data bring. Rendering again replaces this file.\n${comment}`,
    [
      ...rules,
      ...ownLabels(site).flatMap(([name, value]) => [
        ...value.split(/(?<=[%{])(?=\{)/).map((piece, index) => ({
          ...(index === 0 ? {} : { source_labels: [scratch], regex: "(?s)(.*)" }),
          target_label: scratch,
          replacement: `${index === 0 ? "" : "${1}"}${piece.replaceAll("$", "$$$$")}`,
        })),
        { source_labels: [name, scratch], regex: "(?s);(.+)", target_label: name },
      ]),
    ],
  );
}

const scratch = "__sitepass";

function environment(site: CollectorSite, { credentials }: Placement): readonly RenderedFile[] {
  return listOf(
    credentials && {
      path: environmentFile,
      mode: 0o600,
      content: environmentLine(
        "remoteWrite_headers",
        Object.entries({
          ...headersWith((key) => credentials[key]),
          ...tenantHeaders(site, (tenant) => tenant),
        })
          .map(([name, value]) => `${name}: ${value}`)
          .join("^^"),
      ),
    },
  );
}

/** A whole unit, because no package brings one. vmagent speaks IPv4 alone unless it is told (docs/facts/collectors.md, K55). */
function unit(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const bare = placement.credentials !== undefined;
  const args = [
    `-promscrape.config=${placement.directory}/vmagent/scrape.yml`,
    "-httpListenAddr=127.0.0.1:8429",
    `-remoteWrite.url=${pushUrl(site, "remote write") ?? ""}`,
    "-remoteWrite.forcePromProto",
    `-remoteWrite.relabelConfig=${placement.directory}/${labelsFile}`,
    // Beside the rules, which it agrees with: no sample is another site's, even if they change.
    `-remoteWrite.label=${site.siteLabel}=${site.name}`,
    `-remoteWrite.tmpDataPath=${stateDirectory}`,
    `-remoteWrite.maxDiskUsagePerURL=${buffers.vmagent.metrics.holds.bytes / 1e9}GB`,
    `-remoteWrite.maxBlockSize=${batchLimits.metrics}`,
    "-remoteWrite.sendTimeout=30s",
    "-remoteWrite.queues=1",
    "-enableTCP6",
    ...(site.proxy === undefined ? [] : [`-remoteWrite.proxyURL=${site.proxy}`]),
    ...(bare ? ["-envflag.enable"] : []),
    ...(bare && isAtLeast(release, since.hiddenHeaders) && !isAtLeast(release, since.hiddenByDefault)
      ? ["-secret.flags=remoteWrite.headers"]
      : []),
  ];
  return {
    path: "systemd/sitepass-vmagent.service",
    mode: 0o644,
    content: `# Rendered by sitepass.
[Unit]
Description=vmagent: pushes this site's metrics
${startOrder(placement).join("\n")}
# A site whose line or name server is down for hours still gets its collector back.
StartLimitIntervalSec=0

[Service]
Type=exec
DynamicUser=yes
StateDirectory=sitepass-vmagent
${
  bare
    ? `# vmagent takes headers from no file: this one sets them in its environment, and nobody but root can read it.
EnvironmentFile=${placement.directory}/${environmentFile}
`
    : ""
}# What cannot be sent waits on disk, up to 5 GB and over restarts; then the oldest is dropped.
# One queue, so that samples arrive in their order. vmagent listens on all addresses unless it is told where.
ExecStart=${["vmagent", ...args].map(systemdArgument).join(" \\\n  ")}
ExecReload=kill -HUP $MAINPID
Restart=always
RestartSec=5
NoNewPrivileges=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`,
  };
}
