import type { CentralHost, ProgramName } from "../central-host";
import { teamsOf } from "../several-stacks";
import { jobOf, ofHost, storesItself } from "../stores/addresses";
import { loki } from "../stores/loki";
import { vmagent } from "../stores/vmagent";

/** Something that a person is to be told of. */
export interface Alarm {
  readonly name: string;
  /** PromQL. Of the host's own series alone: a site could write the names of others. */
  readonly expr: string;
  /** How long it has to last; undefined: not at all. */
  readonly for?: string;
  readonly severity: "critical" | "warning" | "none";
  /** One site's trouble is not told while the way is cut off for all. */
  readonly scope?: "one site" | "every site" | "one signal";
  /** What is wrong, with the value; a template of Prometheus. */
  readonly summary: string;
  /** What to run or to look at next; a template too. */
  readonly next: string;
}

const hasGate = ({ identity }: CentralHost): boolean => identity !== "off";

/** Where a site's series and lines arrived last, from the gate's counters or the stores. In seconds since 1970. */
export const lastPush = "site_last_push_timestamp_seconds";

/** How many series each site has; only where Prometheus holds them. */
export const siteSeries = "site_series";

/**
 * Whether counters grew within a range, one that has just appeared too: a range that begins with a counter's first sample does not
 * tell that it was nothing before.
 */
export const grew = (selector: string, range: string): string =>
  `(increase(${selector}[${range}]) > 0 or (${selector} unless ${selector} offset ${range}) > 0)`;

/** A push is seen 90 s after it at the latest; with these, silence is told within 10 minutes (rules and scrapes: 30 s each). */
const silentAfter = "210";
const silentFor = "4m";

const logsOf = (program: ProgramName): string =>
  `docker compose logs --tail 50 ${program}, or journalctl -n 50 -u sitepass-${program}`;

/** The units of the timers: they name the folder and the sockets, which differ between Compose and systemd. */
const refresh = (...timers: readonly ("map" | "keys")[]): string =>
  `sudo systemctl start ${timers.map((timer) => `sitepass-${timer}.service`).join(" ")}, or what the folder's README.md says where these are not installed`;

/** What `sitepass status --openmetrics` tells; with the same names and the same meaning as in docs/prometheus-rules.yaml. */
const statusAlarms: readonly Alarm[] = [
  {
    name: "SitepassStatusFails",
    expr: `sitepass_status_success{${ofHost}} == 0`,
    for: "1h",
    severity: "warning",
    summary: "sitepass status cannot read stack {{ $labels.stack }} or its account",
    next: "npx sitepass status --stack {{ $labels.stack }}",
  },
  {
    name: "SitepassStatusStale",
    expr: `time() - sitepass_status_timestamp_seconds{${ofHost}} > 7200`,
    severity: "warning",
    summary:
      "sitepass status of stack {{ $labels.stack }} last ran {{ $value | humanizeDuration }} ago; its timer runs every fifteen minutes",
    next: "systemctl list-timers 'sitepass*', and npx sitepass status --stack {{ $labels.stack }}",
  },
  {
    name: "SitepassStatusMissing",
    expr: `absent(sitepass_status_timestamp_seconds{${ofHost}})`,
    for: "2h",
    severity: "warning",
    summary: "no metrics of sitepass status arrive, so that no token's expiry is watched",
    next: "systemctl list-timers 'sitepass*', and look whether a .prom file of it lies where node_exporter reads",
  },
  {
    name: "SitepassFleetAlarm",
    expr: `sitepass_status_alarms{${ofHost}} > 0`,
    severity: "critical",
    summary: "{{ $value }} alarms about stack {{ $labels.stack }} as a whole, which may concern every site",
    next: "npx sitepass status --stack {{ $labels.stack }}",
  },
  {
    name: "SitepassSiteAlarm",
    expr: `sitepass_site_alarms{${ofHost}} > 0`,
    severity: "critical",
    summary: "{{ $value }} alarms about site {{ $labels.site }} of stack {{ $labels.stack }}",
    next: "npx sitepass status --stack {{ $labels.stack }} {{ $labels.site }}",
  },
  {
    name: "SitepassTokenExpires",
    expr: `sitepass_token_expiry_timestamp_seconds{${ofHost}} - time() < 30 * 86400 and on (stack, site) sitepass_site_enabled{${ofHost}} == 1`,
    severity: "warning",
    summary:
      "the token of site {{ $labels.site }} of stack {{ $labels.stack }} {{ if lt $value 0.0 }}has expired, and its pushes are refused{{ else }}expires in {{ $value | humanizeDuration }}{{ end }}",
    next: "npx sitepass renew --stack {{ $labels.stack }} {{ $labels.site }}",
  },
  {
    name: "SitepassTokenNotSeen",
    expr: `time() - (sitepass_token_last_seen_timestamp_seconds{${ofHost}} or on (stack, site) sitepass_token_created_timestamp_seconds{${ofHost}}) > 2 * 86400 and on (stack, site) sitepass_site_enabled{${ofHost}} == 1`,
    severity: "warning",
    summary:
      "Cloudflare has not seen the token of site {{ $labels.site }} of stack {{ $labels.stack }} for {{ $value | humanizeDuration }}",
    next: "npx sitepass verify --stack {{ $labels.stack }} {{ $labels.site }}, and look at the collector there",
  },
  {
    name: "SitepassTokenNotLetIn",
    expr: `sitepass_site_enabled{${ofHost}} == 1 and on (stack, site) (sitepass_token_enabled{${ofHost}} == 0 or sitepass_site_provisioned{${ofHost}} == 0)`,
    for: "10m",
    severity: "critical",
    summary:
      "site {{ $labels.site }} of stack {{ $labels.stack }} is to be let in, and Cloudflare has no enabled token of it",
    next: "npx sitepass status --stack {{ $labels.stack }} {{ $labels.site }}, then pulumi up",
  },
];

/** One rule for each signal, whatever the number of sites: also a site that never pushed is expected. */
function silence({ siteLabel, signals }: CentralHost): readonly Alarm[] {
  return signals.map(({ signal }) => {
    const [name, what] = signal === "metrics" ? ["Metrics", "metrics"] : ["Logs", "logs"];
    return {
      name: `SitepassSite${name}Silent`,
      expr: `site_expected{${ofHost},signal="${signal}"} unless on (${siteLabel}) time() - ${lastPush}{${ofHost},signal="${signal}"} < ${silentAfter}`,
      for: silentFor,
      severity: "critical",
      scope: "one site",
      summary: `no ${what} of site {{ $labels.${siteLabel} }} arrive`,
      next: `npx sitepass verify {{ $labels.${siteLabel} }}, then npx sitepass status {{ $labels.${siteLabel} }}, then the collector's own log at the site`,
    };
  });
}

const ofReason = (reasons: string): string => `sitepass_gate_refused_total{${ofHost},reason=~"${reasons}"}`;

const gateAlarms: readonly Alarm[] = [
  {
    name: "SitepassGateRefuses",
    expr: `sum by (site, reason) ${grew(ofReason("unknown-key|issuer|audience|expired|not-yet-valid|unknown-client|shut-out|other-signal|path|remote-write-2"), "5m")}`,
    for: "10m",
    severity: "critical",
    summary:
      'the gate sends pushes{{ with $labels.site }} of site {{ . }}{{ end }} back as "{{ $labels.reason }}"; collectors keep them until their buffers are full',
    next: `${refresh("map", "keys")}; expired or not-yet-valid: timedatectl; issuer, audience or path: npx sitepass central, and what it says next; remote-write-2: set protobuf_message to 1.0 at the site`,
  },
  {
    name: "SitepassGateDrops",
    expr: `sum by (site, reason) ${grew(ofReason("no-assertion|two-assertions|malformed|algorithm|signature|claims|method|too-large"), "10m")}`,
    severity: "warning",
    summary:
      'the gate refuses pushes{{ with $labels.site }} of site {{ . }}{{ end }} for good, as "{{ $labels.reason }}"; what they held is lost',
    next: "npx sitepass check, whether every host name is behind Access; too-large: smaller batches at the site",
  },
  {
    name: "SitepassSiteOverLimit",
    expr: `sum by (site, reason) ${grew(ofReason("requests|bytes|connections"), "5m")}`,
    for: "10m",
    severity: "warning",
    summary:
      "site {{ $labels.site }} pushes more {{ $labels.reason }} than one site may, and is told to wait; it falls behind",
    next: "look at the site on its dashboard; a higher limit is set by sitepass:central limits",
  },
  {
    name: "SitepassSiteRejected",
    expr: `sum by (site, signal) ${grew(`sitepass_gate_rejected_total{${ofHost}}`, "10m")}`,
    severity: "critical",
    summary:
      "the store refuses {{ $labels.signal }} of site {{ $labels.site }} for good; what these pushes held is lost",
    next: `look for the reason in the store's log: ${logsOf("prometheus")}; the same for loki`,
  },
  {
    name: "SitepassGateKeysOld",
    expr: `time() - sitepass_gate_keys_refreshed_timestamp_seconds{${ofHost}} > 3 * 86400`,
    severity: "critical",
    summary:
      "the gate's keys of Access were last fetched {{ $value | humanizeDuration }} ago; with new keys of Access it refuses everybody",
    next: `${refresh("keys")}, and systemctl list-timers 'sitepass*'`,
  },
  {
    name: "SitepassGateKeysMissing",
    expr: `absent(sitepass_gate_keys_refreshed_timestamp_seconds{${ofHost}})`,
    for: "1h",
    severity: "warning",
    summary: "nothing tells when the gate's keys of Access were fetched",
    next: `${refresh("keys")}, and systemctl list-timers 'sitepass*'`,
  },
  {
    name: "SitepassStoreAway",
    expr: `label_replace(max by (proxy) (haproxy_server_status{${ofHost},state="DOWN",server="store"}) == 1, "signal", "$1", "proxy", "(metrics|logs)_.*")`,
    for: "2m",
    severity: "critical",
    scope: "one signal",
    summary: "the gate reaches no store behind {{ $labels.proxy }}; collectors keep what they cannot push",
    next: `${logsOf("vmagent")}; the same for prometheus, alloy and loki`,
  },
];

const connectorAlarms: readonly Alarm[] = [
  {
    name: "SitepassConnectorDown",
    expr: `up{${ofHost},job="${jobOf("cloudflared")}"} == 0 or cloudflared_tunnel_ha_connections{${ofHost}} == 0`,
    for: "2m",
    severity: "critical",
    scope: "every site",
    summary: "the tunnel's connector is not connected to Cloudflare: no site can push",
    next: logsOf("cloudflared"),
  },
  {
    name: "SitepassGateDown",
    expr: `min by (program) (up{${ofHost},program="gate"}) == 0`,
    for: "2m",
    severity: "critical",
    scope: "every site",
    summary: "the gate does not answer: no site can push",
    next: logsOf("gate"),
  },
  {
    name: "SitepassStoreDown",
    expr: ["vmagent", "alloy|loki"].reduce(
      (expr, programs) =>
        `label_replace(${expr}, "signal", "${programs === "vmagent" ? "metrics" : "logs"}", "program", "${programs}")`,
      `min by (program) (up{${ofHost},program=~"vmagent|alloy|loki"}) == 0`,
    ),
    for: "2m",
    severity: "critical",
    scope: "one signal",
    summary: "{{ $labels.program }} does not answer: {{ $labels.signal }} of no site are stored",
    next: "docker compose logs --tail 50 {{ $labels.program }}, or journalctl -n 50 -u sitepass-{{ $labels.program }}",
  },
  {
    name: "SitepassProgramDown",
    expr: `min by (program) (up{${ofHost},program!~"cloudflared|gate|vmagent|alloy|loki"}) == 0`,
    for: "3m",
    severity: "critical",
    summary: "{{ $labels.program }} of the central host does not answer",
    next: "docker compose logs --tail 50 {{ $labels.program }}, or journalctl -n 50 -u sitepass-{{ $labels.program }}",
  },
];

const vmagentAlarms: readonly Alarm[] = [
  {
    name: "SitepassStoreBehind",
    expr: `sum(vmagent_remotewrite_pending_data_bytes{${ofHost}}) > 100e6`,
    for: "10m",
    severity: "critical",
    summary:
      "{{ $value | humanize1024 }}B of metrics wait in vmagent: the store takes less than the sites push",
    next: logsOf("vmagent"),
  },
  {
    name: "SitepassQueueFull",
    expr: `sum(${grew(`vm_persistentqueue_bytes_dropped_total{${ofHost}}`, "10m")}) > 0`,
    severity: "critical",
    summary: "vmagent's disk queue is full, and the oldest metrics are being dropped",
    next: `${logsOf("vmagent")}; then why the store is away`,
  },
  {
    name: "SitepassSamplesRejected",
    expr: `sum(${grew(`vmagent_remotewrite_requests_total{${ofHost},status_code=~"4.."}`, "10m")}) > 0`,
    severity: "critical",
    summary:
      "Prometheus refuses metrics: those of the same request, of the culprit and of the few sites that share its queue, are lost",
    next: `${logsOf("prometheus")}, for "from remote write": its series names the site. A clock that is wrong, or two collectors with the same labels, are the usual reasons`,
  },
];

/** Without a gate nothing tells a push that arrived from one that is stored, and Prometheus itself answers the sites. */
const ownMetricsAlarms = (central: CentralHost): readonly Alarm[] =>
  hasGate(central)
    ? [siteNotStored(central), senderBehind(central)]
    : [senderBehind(central), pushesRejected];

const siteNotStored = ({ siteLabel }: CentralHost): Alarm => ({
  name: "SitepassSiteNotStored",
  expr: `time() - ${lastPush}{${ofHost},signal="metrics"} < ${silentAfter} unless on (${siteLabel}) ${siteSeries}{${ofHost}} > 0`,
  for: "15m",
  severity: "critical",
  scope: "one site",
  summary: `site {{ $labels.${siteLabel} }} pushes metrics, and none of the last 5 minutes are in Prometheus: they are refused, or it is catching up`,
  next: `${logsOf("prometheus")}, for "from remote write"; then the clock of the site`,
});

const senderBehind = ({ siteLabel }: CentralHost): Alarm => ({
  name: "SitepassSenderBehind",
  // Both sides are aggregated to the same labels, so that no site can make them match many to many, which would end the rule.
  expr: `max by (${siteLabel}, job, instance) (prometheus_remote_storage_highest_timestamp_in_seconds{${siteLabel}!=""} or prometheus_remote_storage_queue_highest_timestamp_seconds{${siteLabel}!=""}) - min by (${siteLabel}, job, instance) (prometheus_remote_storage_queue_highest_sent_timestamp_seconds{${siteLabel}!=""} > 0) > 300`,
  for: "15m",
  severity: "warning",
  scope: "one site",
  summary: `the collector of site {{ $labels.${siteLabel} }} is {{ $value | humanizeDuration }} behind with pushing metrics`,
  next: `npx sitepass verify {{ $labels.${siteLabel} }}, and the site on its dashboard`,
});

const pushesRejected: Alarm = {
  name: "SitepassPushesRejected",
  expr: `sum(${grew(`prometheus_http_requests_total{${ofHost},handler="/api/v1/write",code=~"4.."}`, "10m")}) > 0`,
  severity: "critical",
  summary: "Prometheus refuses pushes for good; what they held is lost",
  next: `${logsOf("prometheus")}, for "from remote write": its series names the site`,
};

const lokiAlarms: readonly Alarm[] = [
  {
    name: "SitepassLinesRejected",
    expr: `sum by (tenant, reason) ${grew(`loki_discarded_samples_total{${ofHost}}`, "10m")}`,
    severity: "warning",
    summary:
      'Loki refuses lines{{ if ne $labels.tenant "fake" }} of site {{ $labels.tenant }}{{ end }}: {{ $labels.reason }}; they are lost',
    next: logsOf("loki"),
  },
];

const alloyAlarms: readonly Alarm[] = [
  {
    name: "SitepassLinesDropped",
    expr: `sum by (reason) ${grew(`loki_write_dropped_entries_total{${ofHost}}`, "10m")}`,
    severity: "warning",
    summary: "Alloy drops requests with lines that Loki refuses: {{ $labels.reason }}",
    next: `${logsOf("alloy")}; the same for loki`,
  },
];

const hostAlarms: readonly Alarm[] = [
  {
    name: "SitepassDiskFilling",
    expr: `node_filesystem_avail_bytes{${ofHost}} / node_filesystem_size_bytes{${ofHost}} < 0.1 or (predict_linear(node_filesystem_avail_bytes{${ofHost}}[6h], 86400) < 0 and node_filesystem_avail_bytes{${ofHost}} / node_filesystem_size_bytes{${ofHost}} < 0.4)`,
    for: "10m",
    severity: "critical",
    summary: "the disk at {{ $labels.mountpoint }} of the central host is full, or is within a day",
    next: "df -h, then fewer days by sitepass:central retentionDays, or a larger disk",
  },
  {
    name: "SitepassRulesFail",
    expr: `sum by (rule_group) ${grew(`prometheus_rule_evaluation_failures_total{${ofHost}}`, "10m")}`,
    severity: "critical",
    summary: "rules of {{ $labels.rule_group }} cannot be evaluated: these alarms are blind",
    next: logsOf("prometheus"),
  },
  {
    name: "SitepassAlarmsNotDelivered",
    expr: `sum by (integration) ${grew(`alertmanager_notifications_failed_total{${ofHost}}`, "10m")}`,
    severity: "critical",
    summary: "Alertmanager cannot deliver alarms by {{ $labels.integration }}",
    next: logsOf("alertmanager"),
  },
  {
    name: "SitepassWatchdog",
    expr: "vector(1)",
    severity: "none",
    summary: "fires always: that it stops is what the heartbeat outside tells",
    next: `${logsOf("prometheus")}; the same for alertmanager`,
  },
];

/** Of several connectors one cuts off the sites of its own stack, and the silence of others has to be told still. */
function ofOneStack({ scope, ...alarm }: Alarm, { stacks }: CentralHost): Alarm {
  return alarm.name !== "SitepassConnectorDown" || stacks === undefined
    ? { ...alarm, ...(scope === undefined ? {} : { scope }) }
    : {
        ...alarm,
        summary:
          "the connector of stack {{ $labels.stack }} is not connected to Cloudflare: none of its sites can push",
        next: "docker compose logs --tail 50 cloudflared-{{ $labels.stack }}, or journalctl -n 50 -u sitepass-cloudflared-{{ $labels.stack }}",
      };
}

/** Each of several teams has keys of its own, whose age is to be known. */
function ofEveryTeam(alarm: Alarm, central: CentralHost): Alarm {
  const teams = teamsOf(central);
  return alarm.name !== "SitepassGateKeysMissing" || teams === undefined
    ? alarm
    : {
        ...alarm,
        expr: teams
          .map((team) => `absent(sitepass_gate_keys_refreshed_timestamp_seconds{${ofHost},team="${team}"})`)
          .join(" or "),
        summary: "nothing tells when the gate's keys of Access of team {{ $labels.team }} were fetched",
      };
}

/** Every alarm of a central host, by the group of rules that they stand in. */
export function alarmGroups(central: CentralHost): Readonly<Record<string, readonly Alarm[]>> {
  return {
    silence: silence(central),
    status: statusAlarms,
    gate: hasGate(central) ? gateAlarms.map((alarm) => ofEveryTeam(alarm, central)) : [],
    stores: [
      ...(vmagent.isNeeded(central) ? vmagentAlarms : []),
      ...(storesItself(central, "metrics") ? ownMetricsAlarms(central) : []),
      ...(loki.isNeeded(central) ? lokiAlarms : []),
      ...(central.identity === "label" && central.signals.some(({ signal }) => signal === "logs")
        ? alloyAlarms
        : []),
    ],
    host: [...connectorAlarms.map((alarm) => ofOneStack(alarm, central)), ...hostAlarms],
  };
}
