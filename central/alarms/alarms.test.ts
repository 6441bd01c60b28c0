import assert from "node:assert/strict";
import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { installed } from "../../collectors/testing/rendered-files";
import { outcome } from "../../collectors/testing/programs";
import { findProgram } from "../../local/programs/programs";
import type { CentralHost } from "../central-host";
import { exampleHost } from "../testing/central-hosts";
import { alarmGroups } from "./alarms";
import { prometheusRules } from "./prometheus-rules";

interface InputSeries {
  readonly series: string;
  /** In promtool's notation, a value every 30 seconds. */
  readonly values: string;
}

type Labels = Readonly<Record<string, string>>;

/** An alert with its labels, beside those that each rule gives, and its summary. */
type Alert = readonly [labels: Labels, summary: string];

interface Case {
  readonly alarm: string;
  readonly what: string;
  readonly series: readonly InputSeries[];
  readonly at: string;
  readonly alerts: readonly Alert[];
}

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");

/** A series of the host's own. */
const own = (name: string, labels: Labels, values: string): InputSeries => ({
  series: `${name}{${labelText({ sitepass_host: "central", ...labels })}}`,
  values,
});

/** A series that a site pushed. */
const pushed = (name: string, labels: Labels, values: string): InputSeries => ({
  series: `${name}{${labelText(labels)}}`,
  values,
});

const delivered = (site: string, signal: string, values: string): InputSeries =>
  own("sitepass_gate_delivered_total", { site, signal }, values);

const steady = "1+1x60";
/** Pushes until the fifth minute. */
const stops = "1+1x9 10x50";

const everybody = [
  delivered("nagoya", "metrics", steady),
  delivered("nagoya", "logs", steady),
  delivered("osaka", "metrics", steady),
];

const silent = (site: string, signal: string): Alert => [
  { provider: site, signal },
  `no ${signal} of site ${site} arrive`,
];

const fires = (
  alarm: string,
  what: string,
  series: readonly InputSeries[],
  ...alerts: readonly Alert[]
): Case => ({ alarm, what, series, at: "20m", alerts });

const isQuiet = (alarm: string, what: string, series: readonly InputSeries[], at = "20m"): Case => ({
  alarm,
  what,
  series,
  at,
  alerts: [],
});

const refused = (site: string, reason: string, values = steady): InputSeries =>
  own("sitepass_gate_refused_total", { ...(site !== "" && { site }), signal: "metrics", reason }, values);

const status = (name: string, values: string, site?: string): InputSeries =>
  own(name, { job: "sitepass-node-exporter", stack: "prod", ...(site !== undefined && { site }) }, values);

const atStack = { job: "sitepass-node-exporter", stack: "prod", sitepass_host: "central" };
const atSite = { ...atStack, site: "nagoya" };

const up = (program: string, values: string): InputSeries =>
  own("up", { job: `sitepass-${program}`, program }, values);

const cases: readonly Case[] = [
  // A site that never pushed is not forgotten, and one that is shut out is not expected.
  {
    ...fires(
      "SitepassSiteMetricsSilent",
      "nobody ever pushed",
      [],
      silent("nagoya", "metrics"),
      silent("osaka", "metrics"),
    ),
    at: "5m",
  },
  {
    ...fires(
      "SitepassSiteMetricsSilent",
      "10 minutes after the last push",
      [delivered("nagoya", "metrics", stops), delivered("osaka", "metrics", steady)],
      silent("nagoya", "metrics"),
    ),
    at: "14m30s",
  },
  fires(
    "SitepassSiteMetricsSilent",
    "another site pushes in its name",
    [
      ...everybody.slice(1),
      pushed(
        "sitepass_gate_delivered_total",
        { provider: "osaka", site: "nagoya", signal: "metrics" },
        steady,
      ),
      pushed(
        "site_last_push_timestamp_seconds",
        { provider: "osaka", site: "nagoya", signal: "metrics" },
        "0+30x60",
      ),
    ],
    silent("nagoya", "metrics"),
  ),
  isQuiet("SitepassSiteMetricsSilent", "everybody pushes", everybody),
  isQuiet(
    "SitepassSiteMetricsSilent",
    "a short pause",
    [delivered("nagoya", "metrics", "1+1x9 10x8 11+1x50"), delivered("osaka", "metrics", steady)],
    "10m",
  ),
  isQuiet(
    "SitepassSiteMetricsSilent",
    "the gate began again",
    [delivered("nagoya", "metrics", "100+1x9 1+1x50"), delivered("osaka", "metrics", "100+1x9 _ _ _ 1+1x50")],
    "12m",
  ),
  { ...fires("SitepassSiteLogsSilent", "nobody ever pushed", [], silent("nagoya", "logs")), at: "5m" },
  fires(
    "SitepassSiteLogsSilent",
    "metrics alone arrive",
    [delivered("nagoya", "metrics", steady), delivered("nagoya", "logs", stops)],
    silent("nagoya", "logs"),
  ),
  isQuiet("SitepassSiteLogsSilent", "everybody pushes", everybody),

  {
    ...fires(
      "SitepassStatusFails",
      "cannot read",
      [status("sitepass_status_success", "0x300")],
      [atStack, "sitepass status cannot read stack prod or its account"],
    ),
    at: "70m",
  },
  isQuiet("SitepassStatusFails", "can read", [status("sitepass_status_success", "1x300")], "70m"),
  fires(
    "SitepassStatusStale",
    "long ago",
    [status("sitepass_status_timestamp_seconds", "-7200x60")],
    [atStack, "sitepass status of stack prod last ran 2h 20m 0s ago; its timer runs every fifteen minutes"],
  ),
  isQuiet("SitepassStatusStale", "not long ago", [status("sitepass_status_timestamp_seconds", "-3000x60")]),
  {
    ...fires(
      "SitepassStatusMissing",
      "nothing",
      [],
      [
        { sitepass_host: "central" },
        "no metrics of sitepass status arrive, so that no token's expiry is watched",
      ],
    ),
    at: "121m",
  },
  isQuiet("SitepassStatusMissing", "there", [status("sitepass_status_timestamp_seconds", "0x300")], "121m"),
  fires(
    "SitepassFleetAlarm",
    "two",
    [status("sitepass_status_alarms", "2x60")],
    [atStack, "2 alarms about stack prod as a whole, which may concern every site"],
  ),
  isQuiet("SitepassFleetAlarm", "none", [status("sitepass_status_alarms", "0x60")]),
  fires(
    "SitepassSiteAlarm",
    "one",
    [status("sitepass_site_alarms", "1x60", "nagoya")],
    [atSite, "1 alarms about site nagoya of stack prod"],
  ),
  isQuiet("SitepassSiteAlarm", "a site claims it", [
    status("sitepass_site_alarms", "0x60", "nagoya"),
    pushed("sitepass_site_alarms", { provider: "osaka", site: "nagoya" }, "1x60"),
  ]),
  fires(
    "SitepassTokenExpires",
    "in two days",
    [
      status("sitepass_token_expiry_timestamp_seconds", "174000x60", "nagoya"),
      status("sitepass_site_enabled", "1x60", "nagoya"),
    ],
    [atSite, "the token of site nagoya of stack prod expires in 2d 0h 0m 0s"],
  ),
  fires(
    "SitepassTokenExpires",
    "expired",
    [
      status("sitepass_token_expiry_timestamp_seconds", "600x60", "nagoya"),
      status("sitepass_site_enabled", "1x60", "nagoya"),
    ],
    [atSite, "the token of site nagoya of stack prod has expired, and its pushes are refused"],
  ),
  isQuiet("SitepassTokenExpires", "in 40 days, never, or shut out", [
    status("sitepass_token_expiry_timestamp_seconds", "3456000x60", "nagoya"),
    status("sitepass_site_enabled", "1x60", "nagoya"),
    status("sitepass_token_expiry_timestamp_seconds", "Inf+0x60", "osaka"),
    status("sitepass_site_enabled", "1x60", "osaka"),
    status("sitepass_token_expiry_timestamp_seconds", "174000x60", "tokyo"),
    status("sitepass_site_enabled", "0x60", "tokyo"),
  ]),
  fires(
    "SitepassTokenNotSeen",
    "three days, and never since it was made",
    [
      status("sitepass_token_last_seen_timestamp_seconds", "-258000x60", "nagoya"),
      status("sitepass_token_created_timestamp_seconds", "-900000x60", "nagoya"),
      status("sitepass_site_enabled", "1x60", "nagoya"),
      status("sitepass_token_created_timestamp_seconds", "-258000x60", "osaka"),
      status("sitepass_site_enabled", "1x60", "osaka"),
    ],
    [atSite, "Cloudflare has not seen the token of site nagoya of stack prod for 3d 0h 0m 0s"],
    [
      { ...atSite, site: "osaka" },
      "Cloudflare has not seen the token of site osaka of stack prod for 3d 0h 0m 0s",
    ],
  ),
  isQuiet("SitepassTokenNotSeen", "an hour ago, or new, or shut out", [
    status("sitepass_token_last_seen_timestamp_seconds", "-3600x60", "nagoya"),
    status("sitepass_token_created_timestamp_seconds", "-900000x60", "nagoya"),
    status("sitepass_site_enabled", "1x60", "nagoya"),
    status("sitepass_token_created_timestamp_seconds", "0x60", "osaka"),
    status("sitepass_site_enabled", "1x60", "osaka"),
    status("sitepass_token_created_timestamp_seconds", "-900000x60", "tokyo"),
    status("sitepass_site_enabled", "0x60", "tokyo"),
  ]),
  fires(
    "SitepassTokenNotLetIn",
    "disabled at Cloudflare",
    [
      status("sitepass_site_enabled", "1x60", "nagoya"),
      status("sitepass_token_enabled", "0x60", "nagoya"),
      status("sitepass_site_provisioned", "1x60", "nagoya"),
    ],
    [atSite, "site nagoya of stack prod is to be let in, and Cloudflare has no enabled token of it"],
  ),
  fires(
    "SitepassTokenNotLetIn",
    "gone from the account",
    [
      status("sitepass_site_enabled", "1x60", "nagoya"),
      status("sitepass_site_provisioned", "0x60", "nagoya"),
    ],
    [atSite, "site nagoya of stack prod is to be let in, and Cloudflare has no enabled token of it"],
  ),
  isQuiet("SitepassTokenNotLetIn", "enabled, or meant to be shut out", [
    status("sitepass_site_enabled", "1x60", "nagoya"),
    status("sitepass_token_enabled", "1x60", "nagoya"),
    status("sitepass_site_provisioned", "1x60", "nagoya"),
    status("sitepass_site_enabled", "0x60", "tokyo"),
    status("sitepass_token_enabled", "0x60", "tokyo"),
  ]),

  fires(
    "SitepassGateRefuses",
    "unknown clients, and a site's remote write 2.0",
    [refused("", "unknown-client"), refused("nagoya", "remote-write-2")],
    [
      { reason: "unknown-client" },
      'the gate sends pushes back as "unknown-client"; collectors keep them until their buffers are full',
    ],
    [
      { site: "nagoya", reason: "remote-write-2" },
      'the gate sends pushes of site nagoya back as "remote-write-2"; collectors keep them until their buffers are full',
    ],
  ),
  isQuiet("SitepassGateRefuses", "once, or for another reason", [
    refused("", "unknown-client", "_x20 1x60"),
    refused("nagoya", "bytes"),
    refused("nagoya", "signature"),
  ]),
  fires(
    "SitepassGateDrops",
    "a wrong signature, for the first time",
    [refused("", "signature", "_x35 1x20")],
    [{ reason: "signature" }, 'the gate refuses pushes for good, as "signature"; what they held is lost'],
  ),
  isQuiet("SitepassGateDrops", "long ago", [
    refused("", "signature", "1x60"),
    refused("nagoya", "unknown-client"),
  ]),
  fires(
    "SitepassSiteOverLimit",
    "too many bytes",
    [refused("nagoya", "bytes")],
    [
      { site: "nagoya", reason: "bytes" },
      "site nagoya pushes more bytes than one site may, and is told to wait; it falls behind",
    ],
  ),
  isQuiet("SitepassSiteOverLimit", "a burst", [refused("nagoya", "bytes", "1x9 20x50")]),
  fires(
    "SitepassSiteRejected",
    "by the store",
    [own("sitepass_gate_rejected_total", { site: "nagoya", signal: "logs" }, "0x30 1x30")],
    [
      { site: "nagoya", signal: "logs" },
      "the store refuses logs of site nagoya for good; what these pushes held is lost",
    ],
  ),
  isQuiet("SitepassSiteRejected", "none", [
    own("sitepass_gate_rejected_total", { site: "nagoya", signal: "logs" }, "0x60"),
  ]),
  fires(
    "SitepassGateKeysOld",
    "four days",
    [own("sitepass_gate_keys_refreshed_timestamp_seconds", {}, "-344400x60")],
    [
      { sitepass_host: "central" },
      "the gate's keys of Access were last fetched 4d 0h 0m 0s ago; with new keys of Access it refuses everybody",
    ],
  ),
  isQuiet("SitepassGateKeysOld", "a day", [
    own("sitepass_gate_keys_refreshed_timestamp_seconds", {}, "-86400x60"),
  ]),
  {
    ...fires(
      "SitepassGateKeysMissing",
      "nothing",
      [],
      [{ sitepass_host: "central" }, "nothing tells when the gate's keys of Access were fetched"],
    ),
    at: "61m",
  },
  isQuiet(
    "SitepassGateKeysMissing",
    "there",
    [own("sitepass_gate_keys_refreshed_timestamp_seconds", {}, "0x300")],
    "61m",
  ),
  fires(
    "SitepassStoreAway",
    "down",
    [own("haproxy_server_status", { proxy: "logs_push", server: "store", state: "DOWN" }, "1x60")],
    [
      { proxy: "logs_push", signal: "logs" },
      "the gate reaches no store behind logs_push; collectors keep what they cannot push",
    ],
  ),
  isQuiet("SitepassStoreAway", "up", [
    own("haproxy_server_status", { proxy: "logs_push", server: "store", state: "DOWN" }, "0x60"),
  ]),

  fires(
    "SitepassConnectorDown",
    "it does not run",
    [up("cloudflared", "0x60")],
    [
      { job: "sitepass-cloudflared", program: "cloudflared", sitepass_host: "central" },
      "the tunnel's connector is not connected to Cloudflare: no site can push",
    ],
  ),
  fires(
    "SitepassConnectorDown",
    "it has no connection",
    [up("cloudflared", "1x60"), own("cloudflared_tunnel_ha_connections", {}, "0x60")],
    [{ sitepass_host: "central" }, "the tunnel's connector is not connected to Cloudflare: no site can push"],
  ),
  isQuiet("SitepassConnectorDown", "four connections", [
    up("cloudflared", "1x60"),
    own("cloudflared_tunnel_ha_connections", {}, "4x60"),
  ]),
  fires(
    "SitepassGateDown",
    "it does not run",
    [up("gate", "0x60")],
    [{ program: "gate" }, "the gate does not answer: no site can push"],
  ),
  isQuiet("SitepassGateDown", "it runs", [up("gate", "1x60")]),
  fires(
    "SitepassStoreDown",
    "vmagent and Loki",
    [up("vmagent", "0x60"), up("loki", "0x60"), up("alloy", "1x60")],
    [{ program: "vmagent", signal: "metrics" }, "vmagent does not answer: metrics of no site are stored"],
    [{ program: "loki", signal: "logs" }, "loki does not answer: logs of no site are stored"],
  ),
  isQuiet("SitepassStoreDown", "others", [up("vmagent", "1x60"), up("grafana", "0x60")]),
  fires(
    "SitepassProgramDown",
    "Grafana",
    [up("grafana", "0x60"), up("gate", "0x60")],
    [{ program: "grafana" }, "grafana of the central host does not answer"],
  ),
  isQuiet("SitepassProgramDown", "a site's own", [
    pushed("up", { job: "node", provider: "nagoya" }, "0x60"),
    up("grafana", "1x60"),
  ]),

  fires(
    "SitepassStoreBehind",
    "in several queues",
    ["1", "2"].map((lane) =>
      own("vmagent_remotewrite_pending_data_bytes", { url: `${lane}:secret-url` }, "104857600x60"),
    ),
    [{}, "200MiB of metrics wait in vmagent: the store takes less than the sites push"],
  ),
  isQuiet("SitepassStoreBehind", "little", [
    own("vmagent_remotewrite_pending_data_bytes", { url: "1:secret-url" }, "1e6x60"),
  ]),
  fires(
    "SitepassQueueFull",
    "bytes are dropped",
    [own("vm_persistentqueue_bytes_dropped_total", { path: "1" }, "0x30 500x30")],
    [{}, "vmagent's disk queue is full, and the oldest metrics are being dropped"],
  ),
  isQuiet("SitepassQueueFull", "none is", [
    own("vm_persistentqueue_bytes_dropped_total", { path: "1" }, "0x60"),
  ]),
  fires(
    "SitepassSamplesRejected",
    "400",
    [own("vmagent_remotewrite_requests_total", { url: "7:secret-url", status_code: "400" }, "_x35 1x30")],
    [
      {},
      "Prometheus refuses metrics: those of the same request, of the culprit and of the few sites that share its queue, are lost",
    ],
  ),
  isQuiet("SitepassSamplesRejected", "2XX, or tried again", [
    own("vmagent_remotewrite_requests_total", { url: "7:secret-url", status_code: "2XX" }, steady),
    own("vmagent_remotewrite_requests_total", { url: "7:secret-url", status_code: "503" }, steady),
  ]),
  {
    ...fires(
      "SitepassSiteNotStored",
      "pushes, and has no series",
      [...everybody, pushed("up", { provider: "osaka" }, "1x120")],
      [
        { provider: "nagoya", signal: "metrics", sitepass_host: "central" },
        "site nagoya pushes metrics, and none of the last 5 minutes are in Prometheus: they are refused, or it is catching up",
      ],
    ),
    at: "25m",
  },
  isQuiet(
    "SitepassSiteNotStored",
    "pushes, and has some",
    [...everybody, pushed("up", { provider: "osaka" }, "1x60"), pushed("x", { provider: "nagoya" }, "1x60")],
    "25m",
  ),
  fires(
    "SitepassSenderBehind",
    "ten minutes",
    [
      pushed(
        "prometheus_remote_storage_highest_timestamp_in_seconds",
        { provider: "nagoya", instance: "i", job: "prometheus" },
        "700x60",
      ),
      pushed(
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
        { provider: "nagoya", instance: "i", job: "prometheus", url: "u" },
        "100x60",
      ),
      pushed(
        "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
        { provider: "nagoya", instance: "i", job: "prometheus", url: "u", twice: "1" },
        "100x60",
      ),
    ],
    [
      { provider: "nagoya", instance: "i", job: "prometheus" },
      "the collector of site nagoya is 10m 0s behind with pushing metrics",
    ],
  ),
  isQuiet("SitepassSenderBehind", "a second", [
    pushed(
      "prometheus_remote_storage_highest_timestamp_in_seconds",
      { provider: "nagoya", instance: "i", job: "prometheus" },
      "101x60",
    ),
    pushed(
      "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
      { provider: "nagoya", instance: "i", job: "prometheus", url: "u" },
      "100x60",
    ),
  ]),
  fires(
    "SitepassLinesRejected",
    "too old",
    [own("loki_discarded_samples_total", { tenant: "fake", reason: "greater_than_max_sample_age" }, steady)],
    [
      { tenant: "fake", reason: "greater_than_max_sample_age" },
      "Loki refuses lines: greater_than_max_sample_age; they are lost",
    ],
  ),
  isQuiet("SitepassLinesRejected", "none", [
    own("loki_discarded_samples_total", { tenant: "fake", reason: "greater_than_max_sample_age" }, "3x60"),
  ]),
  fires(
    "SitepassLinesDropped",
    "by Alloy",
    [own("loki_write_dropped_entries_total", { reason: "ingester_error" }, steady)],
    [{ reason: "ingester_error" }, "Alloy drops requests with lines that Loki refuses: ingester_error"],
  ),
  isQuiet("SitepassLinesDropped", "none", [
    own("loki_write_dropped_entries_total", { reason: "ingester_error" }, "0x60"),
  ]),

  fires(
    "SitepassDiskFilling",
    "little left",
    [
      own("node_filesystem_avail_bytes", { mountpoint: "/" }, "5x60"),
      own("node_filesystem_size_bytes", { mountpoint: "/" }, "100x60"),
    ],
    [
      { mountpoint: "/", sitepass_host: "central" },
      "the disk at / of the central host is full, or is within a day",
    ],
  ),
  fires(
    "SitepassDiskFilling",
    "full within a day",
    [
      own("node_filesystem_avail_bytes", { mountpoint: "/" }, "30000-30x60"),
      own("node_filesystem_size_bytes", { mountpoint: "/" }, "100000x60"),
    ],
    [
      { mountpoint: "/", sitepass_host: "central" },
      "the disk at / of the central host is full, or is within a day",
    ],
  ),
  isQuiet("SitepassDiskFilling", "half full", [
    own("node_filesystem_avail_bytes", { mountpoint: "/" }, "50x60"),
    own("node_filesystem_size_bytes", { mountpoint: "/" }, "100x60"),
  ]),
  fires(
    "SitepassRulesFail",
    "one group",
    [own("prometheus_rule_evaluation_failures_total", { rule_group: "g" }, steady)],
    [{ rule_group: "g" }, "rules of g cannot be evaluated: these alarms are blind"],
  ),
  isQuiet("SitepassRulesFail", "none", [
    own("prometheus_rule_evaluation_failures_total", { rule_group: "g" }, "0x60"),
  ]),
  fires(
    "SitepassAlarmsNotDelivered",
    "by webhook",
    [own("alertmanager_notifications_failed_total", { integration: "webhook" }, steady)],
    [{ integration: "webhook" }, "Alertmanager cannot deliver alarms by webhook"],
  ),
  isQuiet("SitepassAlarmsNotDelivered", "none", [
    own("alertmanager_notifications_failed_total", { integration: "webhook" }, "0x60"),
  ]),
  fires(
    "SitepassWatchdog",
    "always",
    [],
    [{}, "fires always: that it stops is what the heartbeat outside tells"],
  ),
];

/** Without a gate the stores themselves tell who pushed. */
const casesWithoutGate: readonly Case[] = [
  fires(
    "SitepassSiteMetricsSilent",
    "a site's series end",
    [pushed("x", { provider: "nagoya" }, "1x9 _x50"), pushed("x", { provider: "osaka" }, "1x60")],
    silent("nagoya", "metrics"),
  ),
  isQuiet("SitepassSiteMetricsSilent", "everybody has series", [
    pushed("x", { provider: "nagoya" }, "1x60"),
    pushed("x", { provider: "osaka" }, "1x60"),
  ]),
  fires(
    "SitepassSiteLogsSilent",
    "no lines",
    [own("site_lines", { provider: "nagoya", signal: "logs" }, "5x9 0x50")],
    silent("nagoya", "logs"),
  ),
  isQuiet("SitepassSiteLogsSilent", "lines", [
    own("site_lines", { provider: "nagoya", signal: "logs" }, "5x60"),
  ]),
  fires(
    "SitepassPushesRejected",
    "400",
    [own("prometheus_http_requests_total", { handler: "/api/v1/write", code: "400" }, "_x35 1x30")],
    [{}, "Prometheus refuses pushes for good; what they held is lost"],
  ),
  isQuiet("SitepassPushesRejected", "204", [
    own("prometheus_http_requests_total", { handler: "/api/v1/write", code: "204" }, steady),
  ]),
];

const promtool = findProgram("prometheus", "promtool");
const skip =
  promtool === undefined && "no promtool on this machine; npm run programs -- prometheus builds it";

const rendered = z.object({
  groups: z.array(
    z.looseObject({
      rules: z.array(
        z.looseObject({
          alert: z.string().optional(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
});

/**
 * Runs each case by promtool, with all labels and annotations exactly. An alarm's cases know no other alarms: promtool evaluates all
 * that it is given, every 30 seconds of each case.
 */
async function testRules(context: TestContext, central: CentralHost, some: readonly Case[]): Promise<void> {
  const directory = installed(context, () => prometheusRules(central));
  const groups = ["alarms.yml", "sites.yml"].flatMap(
    (name) => rendered.parse(parse(readFileSync(join(directory, "prometheus/rules", name), "utf8"))).groups,
  );
  const tests = [...new Set(some.map(({ alarm }) => alarm))].map((alarm) => {
    const those = groups.map((group) => ({
      ...group,
      rules: group.rules.filter(({ alert = alarm }) => alert === alarm),
    }));
    const rule = those.flatMap(({ rules }) => rules).find(({ alert }) => alert === alarm);
    assert.ok(rule !== undefined, alarm);
    const rules = join(directory, `${alarm}.yml`);
    writeFileSync(rules, stringify({ groups: those }));
    const file = join(directory, `${alarm}.test.yml`);
    writeFileSync(
      file,
      stringify({
        rule_files: [rules],
        evaluation_interval: "30s",
        tests: some.filter((one) => one.alarm === alarm).map((one) => promtoolTest(one, rule)),
      }),
    );
    return file;
  });
  const { status: code, stdout, stderr } = await outcome(promtool ?? "promtool", ["test", "rules", ...tests]);
  assert.equal(code, 0, stdout + stderr);
}

type Rule = z.infer<typeof rendered>["groups"][number]["rules"][number];

const promtoolTest = ({ alarm, what, series, at, alerts }: Case, rule: Rule) => {
  const { next = "" } = rule.annotations ?? {};
  return {
    name: `${alarm}: ${what}`,
    interval: "30s",
    input_series: series,
    alert_rule_test: [
      {
        eval_time: at,
        alertname: alarm,
        exp_alerts: alerts.map(([labels, summary]) => ({
          exp_labels: {
            ...(alarm.endsWith("Silent") && { sitepass_host: "central" }),
            ...labels,
            ...rule.labels,
          },
          exp_annotations: {
            summary,
            next: next.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? ""),
          },
        })),
      },
    ],
  };
};

describe("the alarms of a central host", () => {
  it("each fire when they should and are quiet when they should", { skip }, (t) =>
    testRules(t, exampleHost(), cases),
  );

  it("know without a gate who is silent", { skip }, (t) =>
    testRules(t, exampleHost({ identity: "off" }), casesWithoutGate),
  );

  it("go by the fleet's own label", { skip }, (t) =>
    testRules(t, exampleHost({ siteLabel: "site" }), [
      fires(
        "SitepassSiteLogsSilent",
        "metrics alone arrive",
        [delivered("nagoya", "metrics", steady)],
        [{ site: "nagoya", signal: "logs" }, "no logs of site nagoya arrive"],
      ),
      isQuiet("SitepassSiteMetricsSilent", "everybody pushes", everybody),
    ]),
  );

  it("each have a case that fires and one that does not", () => {
    const names = (["label", "off"] as const).flatMap((identity) =>
      Object.values(alarmGroups(exampleHost({ identity }))).flatMap((group) => group.map(({ name }) => name)),
    );
    const all = [...cases, ...casesWithoutGate];
    for (const name of new Set(names)) {
      const some = all.filter(({ alarm }) => alarm === name);
      assert.ok(
        some.some(({ alerts }) => alerts.length > 0),
        name,
      );
      assert.ok(name === "SitepassWatchdog" || some.some(({ alerts }) => alerts.length === 0), name);
    }
  });

  it("mean what docs/prometheus-rules.yaml means by the same names", () => {
    const documented = z
      .object({
        groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
      })
      .parse(parse(readFileSync(join(__dirname, "../../docs/prometheus-rules.yaml"), "utf8")))
      .groups.flatMap(({ rules }) => rules);
    const { status: ours = [] } = alarmGroups(exampleHost());
    for (const { alert, expr } of documented) {
      const found = ours.find(({ name }) => name === alert);
      assert.equal(found?.expr.replaceAll('{sitepass_host="central"}', ""), expr, alert);
    }
  });
});
