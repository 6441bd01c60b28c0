import { alloyText, AlloyExpression, AlloyObject, type AlloyBlock } from "./alloy-text";
import type { Collector, CollectorRelease, CollectorSite, Placement } from "./collector";
import { commonRefusals } from "./common-refusals";
import { accessHeaders, credentialFiles, credentialPaths } from "./credential-files";
import { pushUrl, pushUrlRefusals } from "./push-url";
import { redirectComment } from "./redirect-comment";
import { isAtLeast, versionRefusals } from "./release-version";
import { siteLabelRules, siteLabels } from "./site-labels";
import { dropIn, systemdArgument } from "./systemd";

/** Facts: Alloy's sources at the tags of these versions (internal/component, internal/alloycli). */
const since = {
  stable: "1.0.0",
  /** `http_headers`, which takes secrets. */
  secretHeaders: "1.8.0",
  validate: "1.9.0",
} as const;

/** Every component that is rendered has this label, so that none takes a name that the site's person chose. */
const label = "sitepass";

/** Grafana Alloy, which pushes metrics by remote write and logs to Loki. */
export const alloy: Collector = {
  name: "alloy",
  title: "Grafana Alloy",
  signals: ["metrics", "logs"],
  defaultVersion: "1.18.1",
  refusals: (site, placement, release) => [
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...pushUrlRefusals(site, "loki push"),
    ...(versionRefusals(release).length > 0 ? [] : releaseRefusals(placement, release)),
  ],
  notes: (site, placement) => notes(site, placement),
  render: (site, placement, release) => [
    { path: "alloy/sitepass.alloy", mode: 0o644, content: configuration(site, placement, release) },
    ...credentialFiles("alloy", placement),
    dropIn("alloy", placement, unitLines(placement)),
  ],
  service: ({ directory }, release) => ({
    unit: "alloy",
    user: "alloy",
    validator: {
      program: "alloy",
      args: isAtLeast(release, since.validate)
        ? ["validate", `${directory}/alloy`]
        : // Looks at how the file is written alone.
          ["fmt", `${directory}/alloy/sitepass.alloy`],
    },
    rereadsSecrets: true,
  }),
};

function releaseRefusals({ credentials }: Placement, release: CollectorRelease): readonly string[] {
  const { version } = release;
  if (!isAtLeast(release, since.stable)) {
    return [
      `--release: is ${version}, and Grafana Alloy begins with 1.0. Name the release that the site runs.`,
    ];
  }
  return credentials === undefined || isAtLeast(release, since.secretHeaders)
    ? []
    : [
        `--release: is ${version}, and Grafana Alloy sends headers from secret files since 1.8 only. Render with --relay, which works with this release, or install 1.8 or later.`,
      ];
}

function notes({ endpoints }: CollectorSite, { credentials }: Placement): readonly string[] {
  return [
    ...(credentials === undefined
      ? []
      : [
          "Grafana Alloy never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. Render with --relay to keep it.",
        ]),
    ...(endpoints.metrics === undefined
      ? []
      : [
          "Metrics that cannot be sent wait in Grafana Alloy's write-ahead log for about eight hours; of a longer outage the beginning is lost. A restarted Alloy forgets them and goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload alloy` instead of a restart.",
        ]),
    ...(endpoints.logs === undefined
      ? []
      : [
          `Logs that cannot be sent wait where they are: Grafana Alloy reads log files and the journal no further, and sends the rest later, unless it was rotated away by then. ${
            credentials === undefined ? "A restart" : "A restart or a new secret"
          } meanwhile loses what it had read, up to some 10 MiB.`,
        ]),
  ];
}

function unitLines({ directory }: Placement): readonly string[] {
  return [
    "# All *.alloy files in this folder are one configuration. Flags of your own go into CUSTOM_ARGS in /etc/default/alloy,",
    "# on Red Hat's systems /etc/sysconfig/alloy; CONFIG_FILE there is not used.",
    "# The first, empty one takes the unit's own command away.",
    "ExecStart=",
    `ExecStart=alloy run $CUSTOM_ARGS \\
  --storage.path=/var/lib/alloy/data \\
  ${systemdArgument(`${directory}/alloy`)}`,
    "# What is under way when it stops gets a minute to arrive.",
    "TimeoutStopSec=90",
  ];
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): string {
  const metricsUrl = pushUrl(site, "remote write");
  const logsUrl = pushUrl(site, "loki push");
  return alloyText(
    `Rendered by sitepass for the site ${site.name} and Grafana Alloy ${release.version}. Rendering again replaces this file. What is yours goes into *.alloy files beside it, and is sent to ${[
      ...(metricsUrl === undefined ? [] : [`prometheus.remote_write.${label}.receiver`]),
      ...(logsUrl === undefined ? [] : [`loki.write.${label}.receiver`]),
    ].join(" or ")}. After a change: systemctl reload alloy.`,
    [
      ...credentialBlocks(placement),
      ...(metricsUrl === undefined ? [] : metricsBlocks(site, placement, metricsUrl)),
      ...(logsUrl === undefined ? [] : logsBlocks(site, placement, logsUrl)),
    ],
  );
}

const identifiers = { clientId: `${label}_client_id`, clientSecret: `${label}_client_secret` } as const;

function credentialBlocks(placement: Placement): readonly AlloyBlock[] {
  if (placement.credentials === undefined) {
    return [];
  }
  const paths = credentialPaths("alloy", placement);
  const file = (key: "clientId" | "clientSecret", comment?: string): AlloyBlock => ({
    ...(comment === undefined ? {} : { comment }),
    name: "local.file",
    label: identifiers[key],
    attributes: [
      {
        values: {
          filename: paths[key],
          is_secret: true,
          detector: "poll",
          poll_frequency: "10s",
        },
      },
    ],
  });
  return [
    file(
      "clientId",
      "Looked at again and again, because both are replaced by way of a link, which watching a file does not notice.",
    ),
    file("clientSecret"),
  ];
}

/** What both kinds of endpoint have. */
function httpAttributes(placement: Placement): Pick<AlloyBlock, "attributes"> {
  return {
    attributes: [
      {
        comment: redirectComment(placement),
        values: { follow_redirects: false },
      },
      ...(placement.credentials === undefined
        ? []
        : [
            {
              values: {
                http_headers: new AlloyObject(
                  (["clientId", "clientSecret"] as const).map((key) => [
                    accessHeaders[key],
                    [new AlloyExpression(`local.file.${identifiers[key]}.content`)],
                  ]),
                ),
              },
            },
          ]),
    ],
  };
}

function metricsBlocks(site: CollectorSite, placement: Placement, url: string): readonly AlloyBlock[] {
  const receiver = new AlloyExpression(`prometheus.remote_write.${label}.receiver`);
  const scraped = (exporter: "unix" | "self", comment: string): readonly AlloyBlock[] => [
    { comment, name: `prometheus.exporter.${exporter}`, label },
    {
      name: "prometheus.scrape",
      label: `${label}_${exporter}`,
      attributes: [
        {
          values: {
            targets: new AlloyExpression(`prometheus.exporter.${exporter}.${label}.targets`),
            forward_to: [receiver],
            scrape_interval: "30s",
          },
        },
      ],
    },
  ];
  return [
    {
      name: "prometheus.remote_write",
      label,
      attributes: [{ values: { external_labels: new AlloyObject(siteLabels(site)) } }],
      blocks: [
        {
          name: "endpoint",
          attributes: [
            { values: { name: label, url, remote_timeout: "30s" } },
            ...(httpAttributes(placement).attributes ?? []),
          ],
          blocks: [
            {
              name: "queue_config",
              attributes: [
                {
                  comment: "Fewer than the usual 50: a slow line is not the better for more.",
                  values: { max_shards: 10, min_backoff: "1s", max_backoff: "30s", retry_on_http_429: true },
                },
              ],
            },
            ...relabelingBlocks(site),
          ],
        },
        {
          comment:
            "What cannot be sent waits here, the longest for eight hours. Central's out_of_order_time_window has to be as long.",
          name: "wal",
          attributes: [{ values: { truncate_frequency: "2h", max_keepalive_time: "8h" } }],
        },
      ],
    },
    ...scraped("unix", "This machine."),
    ...scraped("self", "Alloy itself: whether pushes are dropped is in its own metrics."),
  ];
}

function relabelingBlocks(site: CollectorSite): readonly AlloyBlock[] {
  const { comment, rules } = siteLabelRules(site);
  return rules.map((rule, index) => ({
    ...(index === 0 ? { comment } : {}),
    name: "write_relabel_config",
    attributes: [{ values: { ...rule } }],
  }));
}

function logsBlocks(site: CollectorSite, placement: Placement, url: string): readonly AlloyBlock[] {
  return [
    {
      name: "loki.write",
      label,
      attributes: [{ values: { external_labels: new AlloyObject(siteLabels(site)) } }],
      blocks: [
        {
          name: "endpoint",
          attributes: [
            { values: { name: label, url, remote_timeout: "30s" } },
            ...(httpAttributes(placement).attributes ?? []),
            {
              comment:
                "Without end. By default a push is thrown away after 10 attempts, within nine minutes; this way reading waits for it.",
              values: {
                max_backoff_retries: 0,
                min_backoff_period: "1s",
                max_backoff_period: "1m",
                retry_on_http_429: true,
              },
            },
          ],
        },
      ],
    },
    {
      name: "loki.source.journal",
      label,
      attributes: [
        { comment: "After a restart, what is older is not read.", values: { max_age: "72h" } },
        {
          values: {
            labels: new AlloyObject([["job", "systemd-journal"]]),
          },
        },
        {
          values: {
            relabel_rules: new AlloyExpression(`loki.relabel.${label}_journal.rules`),
            forward_to: [new AlloyExpression(`loki.write.${label}.receiver`)],
          },
        },
      ],
    },
    {
      name: "loki.relabel",
      label: `${label}_journal`,
      attributes: [{ values: { forward_to: [] } }],
      blocks: [
        {
          name: "rule",
          attributes: [{ values: { source_labels: ["__journal__systemd_unit"], target_label: "unit" } }],
        },
      ],
    },
  ];
}
