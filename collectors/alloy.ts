import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { batchLimits } from "./common/batch-limits";
import {
  alloyFile,
  block,
  component,
  type AlloyBlock,
  type AlloyObject,
  type AlloyPart,
  type AlloyValue,
} from "./common/alloy-text";
import { explained, reference } from "./common/config-text";
import { credentialFiles, credentialPaths, headersWith, tenantHeaders } from "./common/credentials";
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
import { dropIn, execStart } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K20). */
const since = {
  stable: "1.0.0",
  /** `http_headers`, which takes secrets. */
  secretHeaders: "1.8.0",
  validate: "1.9.0",
} as const;

/** Labels every component that is rendered, so that none has a name that the site's person chose. */
const label = "sitepass";

/** Grafana Alloy, which pushes metrics by remote write and logs to Loki. */
export const alloy: Collector = {
  name: "alloy",
  title: "Grafana Alloy",
  signals: ["metrics", "logs"],
  defaultVersion: "1.18.1",
  refusals: (site, placement, release) =>
    commonRefusals(
      site,
      placement,
      release,
      ["remote write", "loki push"],
      {
        before: since.stable,
        says: "and Grafana Alloy begins with 1.0",
        todo: "Name the release that the site runs",
      },
      {
        before: since.secretHeaders,
        unlessRelayed: true,
        says: "and Grafana Alloy sends headers from secret files since 1.8 only",
        todo: `${takeRelay}, which works with this release, or install 1.8 or later`,
      },
    ),
  notes,
  render: (site, placement, release) => [
    configuration(site, placement, release),
    ...credentialFiles("alloy", placement),
    dropIn("alloy", placement, [
      "# All *.alloy files in this folder are one configuration. Flags of your own go into CUSTOM_ARGS in /etc/default/alloy,",
      "# on Red Hat's systems /etc/sysconfig/alloy; CONFIG_FILE there is not used.",
      ...execStart("alloy run $CUSTOM_ARGS", [
        "--storage.path=/var/lib/alloy/data",
        `${placement.directory}/alloy`,
      ]),
      "# What is under way when it stops gets a minute to arrive.",
      "TimeoutStopSec=90",
    ]),
  ],
  service: ({ directory }, release) => ({
    unit: "alloy",
    user: "alloy",
    validator: {
      program: "alloy",
      args: isAtLeast(release, since.validate)
        ? ["validate", `${directory}/alloy`]
        : // Checks the syntax alone.
          ["fmt", `${directory}/alloy/sitepass.alloy`],
    },
    rereadsSecrets: true,
  }),
};

function notes(site: CollectorSite, placement: Placement, release: CollectorRelease): readonly string[] {
  const { metrics, logs } = site.endpoints;
  return listOf(
    otherSignalsNote(alloy, site),
    lossNote("Grafana Alloy", placement),
    ...bufferNotes("alloy", site, release),
    metrics &&
      "A restarted Alloy goes on with what it scrapes from then on: while central cannot be reached, `systemctl reload alloy` instead.",
    logs &&
      `${
        placement.credentials === undefined ? "A restart" : "A restart or a new secret"
      } meanwhile loses what Grafana Alloy had read, up to some 10 MiB.`,
  );
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const metricsUrl = pushUrl(site, "remote write");
  const logsUrl = pushUrl(site, "loki push");
  const receivers = listOf(
    metricsUrl !== undefined && `prometheus.remote_write.${label}.receiver`,
    logsUrl !== undefined && `loki.relabel.${label}.receiver`,
  );
  return alloyFile(
    "alloy/sitepass.alloy",
    `Rendered by sitepass for the site ${site.name} and Grafana Alloy ${release.version}. Rendering again replaces this file. What is yours goes into *.alloy files beside it, and is sent to ${receivers.join(" or ")}. After a change: systemctl reload alloy.`,
    [
      ...credentialComponents(placement),
      ...(metricsUrl === undefined ? [] : metricsComponents(site, placement, metricsUrl)),
      ...(logsUrl === undefined ? [] : logsComponents(site, placement, logsUrl)),
    ],
  );
}

const fileLabels = { clientId: `${label}_client_id`, clientSecret: `${label}_client_secret` } as const;

function credentialComponents(placement: Placement): readonly AlloyPart[] {
  if (placement.credentials === undefined) {
    return [];
  }
  const paths = credentialPaths("alloy", placement);
  const file = (key: "clientId" | "clientSecret") =>
    component("local.file", fileLabels[key], {
      filename: paths[key],
      is_secret: true,
      detector: "poll",
      poll_frequency: "10s",
    });
  return [
    explained(
      "Looked at again and again, because both are replaced by way of a link, which watching a file does not notice.",
      file("clientId"),
    ),
    file("clientSecret"),
  ];
}

/** Where one signal goes, and how its pushes are made. */
function endpoint(
  url: string,
  site: CollectorSite,
  placement: Placement,
  ...parts: readonly AlloyPart[]
): AlloyBlock {
  return block(
    "endpoint",
    {
      name: label,
      url,
      ...(site.proxy === undefined ? {} : { proxy_url: site.proxy }),
      remote_timeout: "30s",
    },
    explained(redirectComment(placement), { follow_redirects: false }),
    ...listOf(
      placement.credentials && {
        http_headers: {
          ...headersWith<AlloyValue>((key) => [reference(`local.file.${fileLabels[key]}.content`)]),
          ...tenantHeaders<AlloyValue>(site, (tenant) => [tenant]),
        },
      },
    ),
    ...parts,
  );
}

const externalLabels = (site: CollectorSite): AlloyObject => ({
  external_labels: Object.fromEntries(siteLabels(site)),
});

/** One block for each rule that makes the site label the site's name. */
function relabelBlocks(name: string, site: CollectorSite): readonly AlloyPart[] {
  const { comment, rules } = siteLabelRules(site);
  return rules
    .map((rule) => block(name, rule))
    .map((rule, index) => (index === 0 ? explained(comment, rule) : rule));
}

function metricsComponents(site: CollectorSite, placement: Placement, url: string): readonly AlloyPart[] {
  const scrape = (exporter: "unix" | "self") =>
    component("prometheus.scrape", `${label}_${exporter}`, {
      targets: reference(`prometheus.exporter.${exporter}.${label}.targets`),
      forward_to: [reference(`prometheus.remote_write.${label}.receiver`)],
      scrape_interval: "30s",
    });
  const relabel = relabelBlocks("write_relabel_config", site);
  return [
    component(
      "prometheus.remote_write",
      label,
      externalLabels(site),
      endpoint(
        url,
        site,
        placement,
        block(
          "queue_config",
          explained("Fewer than the usual 50: a slow line is not the better for more.", {
            max_shards: 10,
            max_samples_per_send: batchLimits.samples,
            min_backoff: "1s",
            max_backoff: "30s",
            retry_on_http_429: true,
          }),
        ),
        ...relabel,
      ),
      explained(
        `What cannot be sent waits here, the longest for ${buffers.alloy.metrics.hours} hours. Central's out_of_order_time_window has to be as long.`,
        block("wal", {
          truncate_frequency: "2h",
          max_keepalive_time: `${buffers.alloy.metrics.hours}h`,
        }),
      ),
    ),
    explained("This machine.", component("prometheus.exporter.unix", label)),
    scrape("unix"),
    explained(
      "Alloy itself: whether pushes are dropped is in its own metrics.",
      component("prometheus.exporter.self", label),
    ),
    scrape("self"),
  ];
}

function logsComponents(site: CollectorSite, placement: Placement, url: string): readonly AlloyPart[] {
  return [
    component(
      "loki.write",
      label,
      externalLabels(site),
      endpoint(
        url,
        site,
        placement,
        explained("Far below what Loki takes: what is above is refused for good.", {
          batch_size: `${batchLimits.logs / 1_048_576}MiB`,
        }),
        explained(
          "Without end. By default a push is thrown away after 10 attempts, within nine minutes; this way reading waits for it.",
          {
            max_backoff_retries: 0,
            min_backoff_period: "1s",
            max_backoff_period: "1m",
            retry_on_http_429: true,
          },
        ),
      ),
    ),
    component(
      "loki.relabel",
      label,
      { forward_to: [reference(`loki.write.${label}.receiver`)] },
      ...relabelBlocks("rule", site),
    ),
    component(
      "loki.source.journal",
      label,
      explained("After a restart, what is older is not read.", {
        max_age: `${buffers.alloy.logs.hours}h`,
      }),
      { labels: { job: "systemd-journal" } },
      {
        relabel_rules: reference(`loki.relabel.${label}_journal.rules`),
        forward_to: [reference(`loki.write.${label}.receiver`)],
      },
    ),
    component(
      "loki.relabel",
      `${label}_journal`,
      { forward_to: [] },
      ...journalUnitRules.map((rule, index) =>
        index === 0
          ? explained(
              "Units that come and go, such as session-12.scope, get one value: each value of a label is a stream of its own in Loki.",
              block("rule", rule),
            )
          : block("rule", rule),
      ),
    ),
  ];
}
