import type { FleetReport, SiteStatus } from "./site-status";

/** A site of which the value is not known has no sample. */
type SiteGauge = readonly [
  name: string,
  help: string,
  valueOf: (status: SiteStatus, readable: boolean) => number | boolean | undefined,
];

const siteGauges: readonly SiteGauge[] = [
  ["sitepass_site_declared", "Whether the site has a file in sites/.", ({ declared }) => declared],
  ["sitepass_site_enabled", "Whether the site's file lets it in.", ({ enabledInFile }) => enabledInFile],
  [
    "sitepass_site_provisioned",
    "Whether the stack's token of the site is in the account.",
    ({ provisioned, state }) => (state === "unknown" ? undefined : provisioned),
  ],
  [
    "sitepass_site_alarms",
    "How many alarms sitepass status gave for the site.",
    // Where nothing could be read, sitepass_status_success says so.
    ({ troubles, state }, readable) =>
      state === "unknown" && !readable ? undefined : troubles.filter(({ level }) => level === "alarm").length,
  ],
  [
    "sitepass_token_enabled",
    "Whether the site's token is enabled at Cloudflare.",
    ({ enabledAtCloudflare }) => enabledAtCloudflare,
  ],
  [
    "sitepass_token_created_timestamp_seconds",
    "When the site's token was made.",
    ({ createdAt }) => seconds(createdAt),
  ],
  [
    "sitepass_token_expiry_timestamp_seconds",
    "When the site's token expires; +Inf for one that never does.",
    ({ expiresAt }) => (expiresAt === null ? Infinity : seconds(expiresAt)),
  ],
  [
    "sitepass_token_last_seen_timestamp_seconds",
    "When Cloudflare last saw the site's token; absent for one that was never used.",
    ({ lastSeenAt }) => seconds(lastSeenAt ?? undefined),
  ],
  [
    "sitepass_previous_secret_expiry_timestamp_seconds",
    "Until when the secret before the last rotation works, by the site's file; absent without a rotation.",
    ({ previousSecretExpiresAt }) => seconds(previousSecretExpiresAt),
  ],
];

/**
 * A report as gauges. The text is valid both in Prometheus' text format, in which `# EOF` is a comment and which is what
 * node_exporter's textfile collector reads, and in OpenMetrics.
 *
 * A run that could not read everything says so by sitepass_status_success 0 and leaves out what it does not know: what is
 * missing must not look as it last did.
 */
export function openMetrics({ stackName, at, readable, alarms, sites }: FleetReport): string {
  const orphans = sites.filter(({ state }) => state === "orphan").length;
  const known = sites.filter(({ state }) => state !== "orphan").sort((a, b) => (a.site < b.site ? -1 : 1));
  const ofStack = (name: string, help: string, value: number | boolean) =>
    family(name, help, [[{ stack: stackName }, value]]);
  return [
    ...ofStack("sitepass_status_success", "Whether stack and account could be read.", readable),
    ...ofStack(
      "sitepass_status_timestamp_seconds",
      "When sitepass status ran.",
      Math.floor(at.getTime() / 1000),
    ),
    ...ofStack(
      "sitepass_status_alarms",
      "How many alarms sitepass status gave for no site in particular.",
      alarms.length,
    ),
    ...(readable
      ? ofStack(
          "sitepass_orphan_tokens",
          "Tokens of this stack's names that no file and no state knows.",
          orphans,
        )
      : []),
    ...siteGauges.flatMap(([name, help, valueOf]) =>
      family(
        name,
        help,
        known.map((status) => [{ stack: stackName, site: status.site }, valueOf(status, readable)]),
      ),
    ),
    "# EOF\n",
  ].join("\n");
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | boolean | undefined];

/** A family without a sample is left out, so that nothing is declared that is not there. */
function family(name: string, help: string, samples: readonly Sample[]): readonly string[] {
  const lines = samples.flatMap(([labels, value]) =>
    value === undefined ? [] : [`${name}{${labelText(labels)}} ${numberText(Number(value))}`],
  );
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines];
}

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");

/** Both formats escape these three alone (prometheus.io/docs/instrumenting/exposition_formats). */
const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

const numberText = (value: number): string => (value === Infinity ? "+Inf" : String(value));

const seconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Math.floor(Date.parse(time) / 1000);
