import type { FleetReport } from "./fleet-report";
import type { SiteStatus } from "./site-status";

/** One family of gauges; a site of which the value is not known has no sample. */
interface SiteGauge {
  readonly name: string;
  readonly help: string;
  readonly valueOf: (status: SiteStatus) => number | undefined;
}

const siteGauges: readonly SiteGauge[] = [
  {
    name: "sitepass_site_declared",
    help: "Whether the site has a file in sites/.",
    valueOf: ({ declared }) => Number(declared),
  },
  {
    name: "sitepass_site_enabled",
    help: "Whether the site's file lets it in.",
    valueOf: ({ enabledInFile }) => (enabledInFile === undefined ? undefined : Number(enabledInFile)),
  },
  {
    name: "sitepass_site_provisioned",
    help: "Whether the stack's token of the site is in the account.",
    valueOf: ({ provisioned, state }) =>
      provisioned === undefined || state === "unknown" ? undefined : Number(provisioned),
  },
  {
    name: "sitepass_site_alarms",
    help: "How many alarms sitepass status gave for the site.",
    valueOf: ({ troubles, state }) =>
      state === "unknown" ? undefined : troubles.filter(({ level }) => level === "alarm").length,
  },
  {
    name: "sitepass_token_enabled",
    help: "Whether the site's token is enabled at Cloudflare.",
    valueOf: ({ enabledAtCloudflare }) =>
      enabledAtCloudflare === undefined ? undefined : Number(enabledAtCloudflare),
  },
  {
    name: "sitepass_token_created_timestamp_seconds",
    help: "When the site's token was made.",
    valueOf: ({ createdAt }) => seconds(createdAt),
  },
  {
    name: "sitepass_token_expiry_timestamp_seconds",
    help: "When the site's token expires; +Inf for one that never does.",
    valueOf: ({ expiresAt }) => (expiresAt === null ? Infinity : seconds(expiresAt)),
  },
  {
    name: "sitepass_token_last_seen_timestamp_seconds",
    help: "When Cloudflare last saw the site's token; absent for one that was never used.",
    valueOf: ({ lastSeenAt }) => seconds(lastSeenAt ?? undefined),
  },
  {
    name: "sitepass_previous_secret_expiry_timestamp_seconds",
    help: "Until when the secret before the last rotation works, by the site's file; absent without a rotation.",
    valueOf: ({ previousSecretExpiresAt }) => seconds(previousSecretExpiresAt),
  },
];

/**
 * A report as gauges. The text is valid both in Prometheus' text format, in which `# EOF` is a comment and which is what
 * node_exporter's textfile collector reads, and in OpenMetrics.
 *
 * A run that could not read everything says so by sitepass_status_success 0 and leaves out what it does not know: what is
 * missing must not look as it last did.
 */
export function openMetrics({ stackName, at, readable, alarms, sites }: FleetReport): string {
  const stack = { stack: stackName };
  const orphans = sites.filter(({ state }) => state === "orphan").length;
  const known = sites.filter(({ state }) => state !== "orphan").sort((a, b) => (a.site < b.site ? -1 : 1));
  return [
    ...family("sitepass_status_success", "Whether stack and account could be read.", [
      [stack, Number(readable)],
    ]),
    ...family("sitepass_status_timestamp_seconds", "When sitepass status ran.", [
      [stack, Math.floor(at.getTime() / 1000)],
    ]),
    ...family("sitepass_status_alarms", "How many alarms sitepass status gave for no site in particular.", [
      [stack, alarms.length],
    ]),
    ...(readable
      ? family("sitepass_orphan_tokens", "Tokens of this stack's names that no file and no state knows.", [
          [stack, orphans],
        ])
      : []),
    ...siteGauges.flatMap(({ name, help, valueOf }) =>
      family(
        name,
        help,
        known.flatMap((status) => {
          const value = valueOf(status);
          return value === undefined ? [] : [[{ ...stack, site: status.site }, value] as const];
        }),
      ),
    ),
    "# EOF\n",
  ].join("\n");
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** A family without a sample is left out, so that nothing is declared that is not there. */
function family(name: string, help: string, samples: readonly Sample[]): readonly string[] {
  return samples.length === 0
    ? []
    : [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} gauge`,
        ...samples.map(([labels, value]) => `${name}{${labelText(labels)}} ${numberText(value)}`),
      ];
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
