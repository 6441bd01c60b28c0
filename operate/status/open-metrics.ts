import type { FleetReport, SiteStatus } from "./site-status";

/** A site of which the value is not known has no sample. */
type SiteGauge = readonly [name: string, help: string, valueOf: (status: SiteStatus) => number | undefined];

const siteGauges: readonly SiteGauge[] = [
  ["sitepass_site_declared", "Whether the site has a file in sites/.", ({ declared }) => Number(declared)],
  [
    "sitepass_site_enabled",
    "Whether the site's file lets it in.",
    ({ enabledInFile }) => (enabledInFile === undefined ? undefined : Number(enabledInFile)),
  ],
  [
    "sitepass_site_provisioned",
    "Whether the stack's token of the site is in the account.",
    ({ provisioned, state }) =>
      provisioned === undefined || state === "unknown" ? undefined : Number(provisioned),
  ],
  [
    "sitepass_site_alarms",
    "How many alarms sitepass status gave for the site.",
    ({ troubles, state }) =>
      state === "unknown" ? undefined : troubles.filter(({ level }) => level === "alarm").length,
  ],
  [
    "sitepass_token_enabled",
    "Whether the site's token is enabled at Cloudflare.",
    ({ enabledAtCloudflare }) =>
      enabledAtCloudflare === undefined ? undefined : Number(enabledAtCloudflare),
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
    ...siteGauges.flatMap(([name, help, valueOf]) =>
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
