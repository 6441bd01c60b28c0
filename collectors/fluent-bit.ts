import type { Problem } from "../fleet/problem";
import { bufferNotes, buffers } from "./buffers";
import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { explained, yamlFile, type YamlObject } from "./common/config-text";
import { credentialFiles, credentialPaths, headersWith, tenantHeaders } from "./common/credentials";
import {
  anyPageNote,
  commonRefusals,
  listOf,
  otherSignalsNote,
  takeRelay,
} from "./common/refusals-and-notes";
import { pushUrl, siteLabels } from "./common/site-settings";
import { dropIn, execStart } from "./common/systemd";

/** The first releases with what is rendered (docs/facts/collectors.md, K42). */
const since = {
  /** The whole configuration can be YAML. */
  yaml: "3.2.0",
  /** Variables that take their value from a file. */
  fileVariables: "4.0.0",
} as const;

/** Where the project's packages put it; it is not on PATH. */
const program = "/opt/fluent-bit/bin/fluent-bit";

const stateDirectory = "/var/lib/fluent-bit";

/** Fluent Bit: metrics by remote write, logs by Loki's push API. */
export const fluentBit: Collector = {
  name: "fluent-bit",
  title: "Fluent Bit",
  signals: ["metrics", "logs"],
  defaultVersion: "5.1.1",
  refusals: (site, placement, release) => [
    ...commonRefusals(
      site,
      placement,
      release,
      ["remote write", "loki push"],
      {
        before: since.yaml,
        says: "and these files are in YAML, which Fluent Bit reads in full since 3.2 only",
        todo: "Install a newer release",
      },
      {
        before: since.fileVariables,
        unlessRelayed: true,
        says: "and Fluent Bit reads secrets from files since 4.0 only",
        todo: `${takeRelay}, which works with this release, or install 4.0 or later`,
      },
    ),
    ...labelRefusals(site),
  ],
  notes,
  render: (site, placement, release) => [
    configuration(site, placement, release),
    inputs(site),
    ...credentialFiles("fluent-bit", placement),
    dropIn("fluent-bit", placement, [
      ...proxyLines(site),
      ...execStart(program, ["-c", `${placement.directory}/fluent-bit/fluent-bit.yaml`]),
      "StateDirectory=fluent-bit",
      "StateDirectoryMode=0700",
    ]),
  ],
  service: ({ directory, credentials }) => ({
    unit: "fluent-bit",
    // The unit of the project's packages names no other user.
    user: "root",
    validator: { program, args: ["--dry-run", "-c", `${directory}/fluent-bit/fluent-bit.yaml`] },
    rereadsSecrets: credentials === undefined,
  }),
};

/**
 * Label values that cannot be written for Fluent Bit: its syntax for lists and variables has no escapes
 * (docs/facts/collectors.md, K43).
 */
function labelRefusals(site: CollectorSite): readonly Problem[] {
  const { labels, endpoints } = site;
  const withLogs = endpoints.logs !== undefined;
  const twice = siteLabels(site)
    .filter(([name]) => endpoints.metrics !== undefined && inputLabels.includes(name))
    .map(([name]) => ({
      subject: name === site.siteLabel ? "sitepass:siteLabel" : `labels.${name}`,
      says: `is the label "${name}", which Fluent Bit's own metrics have too, so that it would be in a series twice`,
      todo: "Rename it, or name another collector",
    }));
  const written = Object.entries(labels).flatMap(([name, value]) => {
    const [problem] = listOf(
      value.includes("${") && "take for a variable at ${",
      value.startsWith(" ") && "send without the space at its beginning",
      withLogs && value.startsWith("$") && "take for the name of a field",
      withLogs && value.includes(",") && "cut at the comma",
      withLogs && value.endsWith(" ") && "send without the space at its end",
    );
    return problem === undefined
      ? []
      : {
          subject: `labels.${name}`,
          says: `is ${JSON.stringify(value)}, which Fluent Bit would ${problem}`,
          todo: "Change it, or name another collector",
        };
  });
  return [...twice, ...written];
}

function notes(site: CollectorSite, placement: Placement, release: CollectorRelease): readonly string[] {
  const { metrics } = site.endpoints;
  return listOf(
    otherSignalsNote(fluentBit, site),
    anyPageNote("Fluent Bit", placement),
    ...bufferNotes("fluent-bit", site, release),
    metrics && "Fluent Bit sends no up. To notice that this site is silent, look for fluentbit_uptime.",
    metrics &&
      `Fluent Bit adds its labels to those that a metric has: an input of your own that brings a label ${listed(siteLabels(site).map(([name]) => name))} has it twice. Prometheus 3 answers 204 to such a series and throws it away, and Prometheus 2 answers 500, which Fluent Bit repeats until the oldest is dropped.`,
  );
}

/**
 * Fluent Bit knows a proxy by its environment alone, and reaches hosts by HTTPS through it with CONNECT (docs/facts/collectors.md,
 * K56). What it asks on this machine stays here.
 */
const proxyLines = ({ proxy }: CollectorSite): readonly string[] =>
  proxy === undefined
    ? []
    : ["# The site's way out.", `Environment=HTTP_PROXY=${proxy} NO_PROXY=127.0.0.1,localhost`];

const listed = (names: readonly string[]): string => names.join(", ").replace(/, (\w+)$/, " or $1");

/**
 * Labels of what is collected here as it is rendered: of the machine (plugins/in_node_exporter_metrics) and of Fluent Bit itself
 * (src/flb_metrics.c and its plugins), in 5.1. One of the same name that is added would be in a series twice
 * (docs/facts/collectors.md, K64).
 */
// prettier-ignore
const inputLabels: readonly string[] = [
  "address", "adminstatus", "broadcast", "chip", "chip_name", "core", "cpu", "device", "domainname", "duplex",
  "firmware_revision", "fstype", "hostname", "ifalias", "input", "le", "machine", "message_type", "mode", "model",
  "mountpoint", "name", "nodename", "operstate", "os", "output", "package", "power_supply", "quantile", "reason", "release",
  "sensor", "serial", "state", "sysname", "tag", "thread_state", "type", "user", "version", "zone",
];

const variable = { clientId: "SITEPASS_CLIENT_ID", clientSecret: "SITEPASS_CLIENT_SECRET" } as const;

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): RenderedFile {
  const { clientId, clientSecret } = credentialPaths("fluent-bit", placement);
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "loki push");
  return yamlFile(
    "fluent-bit/fluent-bit.yaml",
    `Rendered by sitepass for the site ${site.name} and Fluent Bit ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. After a change: systemctl restart fluent-bit.`,
    {
      // Read when it starts, and put into the headers then (docs/facts/collectors.md, K42).
      env: placement.credentials && [
        { name: variable.clientId, uri: `file://${clientId}` },
        { name: variable.clientSecret, uri: `file://${clientSecret}` },
      ],
      service: {
        flush: 5,
        "storage.path": `${stateDirectory}/storage`,
        "storage.backlog.mem_limit": "32M",
        "scheduler.base": 5,
        "scheduler.cap": explained("Seconds between attempts at most; by default up to 2000.", 60),
      },
      includes: [`${placement.directory}/fluent-bit/inputs.d/*.yaml`],
      pipeline: {
        outputs: [
          metrics && {
            name: "prometheus_remote_write",
            match: "*",
            ...target(metrics),
            // A key, a space, and the rest of the line as it is (src/flb_slist.c, flb_slist_split_tokens).
            add_label: siteLabels(site).map(([name, value]) => `${name} ${value}`),
            ...delivery(site, placement),
          },
          logs && {
            name: "loki",
            match: "*",
            ...target(logs),
            labels: siteLabels(site)
              .map(([name, value]) => `${name}=${value}`)
              .join(","),
            compress: "gzip",
            ...delivery(site, placement),
          },
        ],
      },
    },
  );
}

function target(url: string): YamlObject {
  const { protocol, hostname, port, pathname } = new URL(url);
  const isTls = protocol === "https:";
  return {
    host: hostname,
    port: port === "" ? (isTls ? 443 : 80) : Number(port),
    uri: pathname,
    ...(isTls ? { tls: "on", "tls.verify": "on" } : { tls: "off" }),
  };
}

function delivery(site: CollectorSite, { credentials }: Placement): YamlObject {
  return {
    header:
      credentials &&
      Object.entries({
        ...headersWith((key) => `\${${variable[key]}}`),
        ...tenantHeaders(site, (tenant) => tenant),
      }).map(([name, value]) => `${name} ${value}`),
    retry_limit: explained("By default one attempt more, and then the data are thrown away.", "no_limits"),
    "storage.total_limit_size": explained(
      "On disk; then the oldest is dropped.",
      `${buffers["fluent-bit"].logs.holds.bytes / 1e9}G`,
    ),
    "net.connect_timeout": "10s",
    "net.io_timeout": explained("By default none: a line that has gone dead would be waited for.", "30s"),
  };
}

/** Fluent Bit's own metrics, those of the machine, and the journal. */
function inputs({ endpoints: { metrics, logs } }: CollectorSite): RenderedFile {
  const onDisk = { "storage.type": "filesystem" };
  return yamlFile(
    "fluent-bit/inputs.d/sitepass.yaml",
    "Rendered by sitepass; rendering again replaces this file. Yours go beside it, in files of their own with inputs and filters. Without storage.type: filesystem, what an input has read and nobody has taken yet is lost by a restart.",
    {
      pipeline: {
        inputs: [
          metrics && { name: "fluentbit_metrics", tag: "sitepass.self", scrape_interval: 30, ...onDisk },
          metrics && { name: "node_exporter_metrics", tag: "sitepass.host", scrape_interval: 30, ...onDisk },
          logs && {
            name: "systemd",
            tag: "sitepass.journal",
            read_from_tail: "on",
            db: explained("Goes on after a restart where it has stopped.", `${stateDirectory}/journal.db`),
            ...onDisk,
          },
        ],
        filters: logs && [
          { name: "record_modifier", match: "sitepass.journal", allowlist_key: journalFields },
        ],
      },
    },
  );
}

const journalFields = ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_HOSTNAME", "_PID"];
