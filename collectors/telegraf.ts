import type { TomlTable } from "smol-toml";
import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { tomlFile } from "./common/config-text";
import {
  credentialFiles,
  credentialNames,
  credentialsFolder,
  headersWith,
  tenantHeaders,
} from "./common/credentials";
import { commonRefusals, listOf, otherSignalsNote, redirectNote } from "./common/refusals-and-notes";
import { keptLabel, ownLabels, pushUrl } from "./common/site-settings";
import { dropIn, execStart } from "./common/systemd";

/** Earlier releases lose most of a backlog (docs/facts/collectors.md, K47). */
const leastVersion = "1.39.3";

/**
 * Telegraf counts lines and not bytes, so a line has a longest: as long as journald itself lets one of a service's be
 * (journald.conf(5), LineMax=). Together they are 2.4 MB, which Loki takes (docs/facts/edge.md, E68).
 */
const lines = { longest: 48 * 1024, atOnce: 50 } as const;

/** Telegraf: metrics by remote write, logs by Loki's push API. */
export const telegraf: Collector = {
  name: "telegraf",
  title: "Telegraf",
  signals: ["metrics", "logs"],
  defaultVersion: leastVersion,
  refusals: (site, placement, release) =>
    commonRefusals(site, placement, release, ["remote write", "loki push"], {
      before: leastVersion,
      says: `and before ${leastVersion} Telegraf sends of a backlog the newest sample in each request and throws the others away`,
      todo: `Install ${leastVersion} or later`,
    }),
  notes: (site, placement, release) =>
    listOf(
      otherSignalsNote(telegraf, site),
      redirectNote("Telegraf", placement),
      site.endpoints.logs &&
        `Of a line longer than ${lines.longest.toLocaleString("en")} bytes Telegraf sends so much and marks it [cut].`,
      ...bufferNotes("telegraf", site, release),
      "While central cannot be reached, leave Telegraf running.",
    ),
  render: (site, placement, release) => [
    configuration(site, placement, release),
    inputs(site),
    ...credentialFiles("telegraf", placement),
    dropIn("telegraf", placement, [
      "# TELEGRAF_OPTS in /etc/default/telegraf is not used.",
      ...execStart("/usr/bin/telegraf", configurationPaths(placement)),
      "# May read the journal.",
      "SupplementaryGroups=systemd-journal",
    ]),
  ],
  service: (placement) => ({
    unit: "telegraf",
    user: "telegraf",
    validator: { program: "telegraf", args: ["config", "check", ...configurationPaths(placement)] },
    rereadsSecrets: true,
  }),
};

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const headers = placement.credentials && {
    ...headersWith((key) => `@{sitepass:${credentialNames[key]}}`),
    ...tenantHeaders(site, (tenant) => tenant),
  };
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "loki push");
  const proxy: TomlTable = site.proxy === undefined ? {} : { http_proxy_url: site.proxy };
  return tomlFile(
    "telegraf/telegraf.conf",
    `Rendered by sitepass for the site ${site.name} and Telegraf ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. What is named log there goes to Loki, all else to Prometheus. After a change: systemctl restart telegraf.`,
    {
      agent: {
        interval: "30s",
        flush_interval: "10s",
        flush_jitter: "3s",
        metric_batch_size: 2000,
        metric_buffer_limit: buffers.telegraf.metrics.holds.items,
        skip_processors_after_aggregators: true,
      },
      // This store reads any folder, and with `dynamic` for each request (docs/facts/collectors.md, K46).
      ...(placement.credentials && {
        secretstores: {
          docker: [
            { id: "sitepass", path: `${placement.directory}/telegraf/${credentialsFolder}`, dynamic: true },
          ],
        },
      }),
      // Give way to an input's own (docs/facts/collectors.md, K48).
      global_tags: Object.fromEntries(ownLabels(site).map(([name, value]) => [name, escaped(value)])),
      // The site label does not, and what an input brings under its name is kept.
      processors: {
        rename: [{ order: 1, replace: [{ tag: site.siteLabel, dest: keptLabel(site) }] }],
        override: [{ order: 2, tags: { [site.siteLabel]: site.name } }],
      },
      outputs: {
        http: [
          ...listOf<TomlTable>(
            metrics !== undefined && {
              alias: "central_metrics",
              url: metrics,
              namedrop: ["log"],
              data_format: "prometheusremotewrite",
              ...delivery,
              ...proxy,
              headers: {
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
                ...headers,
              },
            },
            // Not the output named loki: its headers cannot come from a secret store (docs/facts/collectors.md, K46), and it would
            // send for ever what Loki refuses for good.
            logs !== undefined && {
              alias: "central_logs",
              url: logs,
              namepass: ["log"],
              data_format: "template",
              metric_batch_size: lines.atOnce,
              batch_template: escaped(
                [
                  `{"streams":[`,
                  `{{ range $index, $metric := . }}{{ if $index }},{{ end }}`,
                  `{"stream":{{ toJson $metric.Tags }},"values":[["{{ $metric.Time.UnixNano }}",`,
                  `{{ $line := toString (coalesce ($metric.Field "value") ($metric.Field "message") (toJson $metric.Fields)) }}`,
                  `{{ if gt (len $line) ${lines.longest} }}{{ $line = print (trunc ${lines.longest} $line) " [cut]" }}{{ end }}`,
                  `{{ toJson $line }}]]}`,
                  `{{ end }}]}`,
                ].join(""),
              ),
              content_encoding: "gzip",
              ...delivery,
              ...proxy,
              headers: { "Content-Type": "application/json", ...headers },
            },
          ),
        ],
      },
    },
  );
}

const delivery: TomlTable = {
  timeout: "30s",
  // Answers about the data themselves: such a push, sent again for ever, would hold up all others.
  non_retryable_statuscodes: [400, 409, 413, 415, 422],
};

/** In every string `$` begins a variable of the environment, and `$$` is a dollar sign (docs/facts/collectors.md, K48). */
const escaped = (text: string): string => text.replaceAll("$", "$$$$");

/** Telegraf's own metrics, those of the machine, the journal, and an `up`, which Telegraf sends of nothing by itself. */
function inputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  return tomlFile(
    "telegraf/inputs.d/sitepass.conf",
    `Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own that end in .conf. To push lines of a log, give its input name_override = "log", data_format = "value" and data_type = "string".`,
    {
      inputs: {
        ...(metrics && {
          // Of the measurement named prometheus, names of fields are names of metrics.
          mock: [{ metric_name: "prometheus", constant: [{ name: "up", value: 1 }] }],
          internal: [{}],
          cpu: [{ percpu: false, totalcpu: true }],
          mem: [{}],
          disk: [{ ignore_fs: ["tmpfs", "devtmpfs", "devfs", "iso9660", "overlay", "aufs", "squashfs"] }],
          // A text is not a sample.
          system: [{ fieldexclude: ["uptime_format"] }],
        }),
        ...(logs && {
          execd: [
            {
              command: ["journalctl", "--follow", "--lines=0", "--quiet", "--output=short-iso"],
              name_override: "log",
              signal: "none",
              data_format: "value",
              data_type: "string",
            },
          ],
        }),
      },
    },
  );
}

const configurationPaths = ({ directory }: Placement): readonly string[] => [
  "--config",
  `${directory}/telegraf/telegraf.conf`,
  "--config-directory",
  `${directory}/telegraf/inputs.d`,
];
