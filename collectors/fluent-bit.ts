import type { Collector, CollectorRelease, CollectorSite, Placement, RenderedFile } from "./collector";
import { commonRefusals } from "./common-refusals";
import { accessHeaders, credentialFiles, credentialPaths } from "./credential-files";
import { fluentBitInputs } from "./fluent-bit-inputs";
import { fluentBitLabelRefusals } from "./fluent-bit-labels";
import { inputsFolder } from "./inputs-folder";
import { pushUrl, pushUrlRefusals } from "./push-url";
import { isAtLeast, versionRefusals } from "./release-version";
import { siteLabels } from "./site-labels";
import { dropIn, execStart } from "./systemd";
import { explained, yamlText, type YamlObject } from "./yaml-text";

/** Facts: Fluent Bit's release notes. */
const since = {
  /** YAML is the standard format of its configuration. */
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
    ...commonRefusals(site, placement, release),
    ...pushUrlRefusals(site, "remote write"),
    ...pushUrlRefusals(site, "loki push"),
    ...(versionRefusals(release).length > 0 ? [] : releaseRefusals(placement, release)),
    ...fluentBitLabelRefusals(site),
  ],
  notes,
  render: (site, placement, release) => [
    { path: "fluent-bit/fluent-bit.yaml", mode: 0o644, content: configuration(site, placement, release) },
    fluentBitInputs(site, stateDirectory),
    ...credentialFiles("fluent-bit", placement),
    unit(placement),
  ],
  service: ({ directory, credentials }) => ({
    unit: "fluent-bit",
    // The project's unit names no other.
    user: "root",
    validator: { program, args: ["--dry-run", "-c", `${directory}/fluent-bit/fluent-bit.yaml`] },
    rereadsSecrets: credentials === undefined,
  }),
};

function releaseRefusals({ credentials }: Placement, release: CollectorRelease): readonly string[] {
  const { version } = release;
  if (!isAtLeast(release, since.yaml)) {
    return [
      `--release: is ${version}, and these files are in YAML, which Fluent Bit reads in full since 3.2 only. Install a newer release.`,
    ];
  }
  return credentials === undefined || isAtLeast(release, since.fileVariables)
    ? []
    : [
        `--release: is ${version}, and Fluent Bit reads secrets from files since 4.0 only. Render with --relay, which works with this release, or install 4.0 or later.`,
      ];
}

function notes({ endpoints, siteLabel }: CollectorSite, { credentials }: Placement): readonly string[] {
  return [
    ...(credentials === undefined
      ? []
      : [
          "Fluent Bit takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. Render with --relay to rule that out.",
        ]),
    ...(endpoints.metrics === undefined
      ? []
      : [
          `Fluent Bit sends no up. To notice that this site is silent, look for fluentbit_uptime.`,
          `Fluent Bit adds its labels to those that a metric has: one of your own inputs that brings a label ${siteLabel} makes Prometheus refuse what it is sent together with.`,
        ]),
  ];
}

function configuration(site: CollectorSite, placement: Placement, release: CollectorRelease): string {
  const metrics = pushUrl(site, "remote write");
  const logs = pushUrl(site, "loki push");
  return yamlText(
    `Rendered by sitepass for the site ${site.name} and Fluent Bit ${release.version}: where this site's data goes. Rendering again replaces this file. What is collected is in inputs.d, where files of your own are left alone. After a change: systemctl restart fluent-bit.`,
    {
      env: variables(placement),
      service: {
        flush: 5,
        "storage.path": `${stateDirectory}/storage`,
        "storage.backlog.mem_limit": "32M",
        "scheduler.base": 5,
        "scheduler.cap": explained("Seconds between attempts at most; by default up to 2000.", 60),
      },
      includes: [`${inputsFolder("fluent-bit", placement)}/*.yaml`],
      pipeline: {
        outputs: [
          ...(metrics === undefined ? [] : [metricsOutput(site, metrics, placement)]),
          ...(logs === undefined ? [] : [logsOutput(site, logs, placement)]),
        ],
      },
    },
  );
}

function metricsOutput(site: CollectorSite, url: string, placement: Placement): YamlObject {
  return {
    name: "prometheus_remote_write",
    match: "*",
    ...target(url),
    // A key, a space, and the rest of the line as it is (src/flb_slist.c, flb_slist_split_tokens).
    add_label: siteLabels(site).map(([name, value]) => `${name} ${value}`),
    ...delivery(placement),
  };
}

function logsOutput(site: CollectorSite, url: string, placement: Placement): YamlObject {
  return {
    name: "loki",
    match: "*",
    ...target(url),
    labels: siteLabels(site)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    compress: "gzip",
    ...delivery(placement),
  };
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

function delivery({ credentials }: Placement): YamlObject {
  return {
    header: credentials && [
      `${accessHeaders.clientId} \${${variable.clientId}}`,
      `${accessHeaders.clientSecret} \${${variable.clientSecret}}`,
    ],
    retry_limit: explained("By default one attempt more, and then the data are thrown away.", "no_limits"),
    "storage.total_limit_size": explained("On disk; then the oldest is dropped.", "1G"),
    "net.connect_timeout": "10s",
    "net.io_timeout": explained("By default none: a line that has gone dead would be waited for.", "30s"),
  };
}

const variable = { clientId: "SITEPASS_CLIENT_ID", clientSecret: "SITEPASS_CLIENT_SECRET" } as const;

/** Read when Fluent Bit starts, and put into the headers then. */
function variables(placement: Placement): readonly YamlObject[] | undefined {
  const { clientId, clientSecret } = credentialPaths("fluent-bit", placement);
  return placement.credentials === undefined
    ? undefined
    : [
        { name: variable.clientId, uri: `file://${clientId}` },
        { name: variable.clientSecret, uri: `file://${clientSecret}` },
      ];
}

function unit(placement: Placement): RenderedFile {
  return dropIn("fluent-bit", placement, [
    ...execStart(program, ["-c", `${placement.directory}/fluent-bit/fluent-bit.yaml`]),
    "StateDirectory=fluent-bit",
    "StateDirectoryMode=0700",
  ]);
}
