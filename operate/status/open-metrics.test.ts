import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { openMetrics } from "./open-metrics";
import { unreadableFleet } from "./report-fleet";
import { trouble, type FleetReport, type SiteStatus } from "./site-status";

const at = new Date("2026-11-23T12:00:00Z");

const tokyo: SiteStatus = {
  site: "tokyo",
  state: "provisioned",
  declared: true,
  provisioned: true,
  enabledInFile: true,
  enabledAtCloudflare: true,
  tokenId: "id",
  clientId: "tokyo.access",
  createdAt: "2026-01-01T00:00:00Z",
  expiresAt: "2027-01-01T00:00:00Z",
  lastSeenAt: "2026-11-23T11:00:00.5Z",
  secretVersion: 2,
  previousSecretExpiresAt: "2026-12-01T00:00:00Z",
  signals: ["metrics"],
  troubles: [trouble("alarm", "stale", "tokyo", "was never seen")],
};

const lima: SiteStatus = {
  ...tokyo,
  site: "lima",
  expiresAt: null,
  lastSeenAt: null,
  previousSecretExpiresAt: undefined,
  troubles: [],
};

const orphan: SiteStatus = { ...tokyo, site: "lima", state: "orphan", declared: false };

const report = (sites: readonly SiteStatus[], stackName = "prod"): FleetReport => ({
  stackName,
  at,
  readable: true,
  alarms: [],
  warnings: [],
  sites,
  apiCalls: 2,
});

const samples = (text: string): readonly string[] =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

describe("openMetrics", () => {
  it("gives each site its gauges, and leaves out what is not known", () => {
    assert.deepEqual(samples(openMetrics(report([tokyo, orphan, lima]))), [
      'sitepass_status_success{stack="prod"} 1',
      'sitepass_status_timestamp_seconds{stack="prod"} 1795435200',
      'sitepass_status_alarms{stack="prod"} 0',
      'sitepass_orphan_tokens{stack="prod"} 1',
      'sitepass_site_declared{stack="prod",site="lima"} 1',
      'sitepass_site_declared{stack="prod",site="tokyo"} 1',
      'sitepass_site_enabled{stack="prod",site="lima"} 1',
      'sitepass_site_enabled{stack="prod",site="tokyo"} 1',
      'sitepass_site_provisioned{stack="prod",site="lima"} 1',
      'sitepass_site_provisioned{stack="prod",site="tokyo"} 1',
      'sitepass_site_alarms{stack="prod",site="lima"} 0',
      'sitepass_site_alarms{stack="prod",site="tokyo"} 1',
      'sitepass_token_enabled{stack="prod",site="lima"} 1',
      'sitepass_token_enabled{stack="prod",site="tokyo"} 1',
      'sitepass_token_created_timestamp_seconds{stack="prod",site="lima"} 1767225600',
      'sitepass_token_created_timestamp_seconds{stack="prod",site="tokyo"} 1767225600',
      'sitepass_token_expiry_timestamp_seconds{stack="prod",site="lima"} +Inf',
      'sitepass_token_expiry_timestamp_seconds{stack="prod",site="tokyo"} 1798761600',
      'sitepass_token_last_seen_timestamp_seconds{stack="prod",site="tokyo"} 1795431600',
      'sitepass_previous_secret_expiry_timestamp_seconds{stack="prod",site="tokyo"} 1796083200',
    ]);
  });

  it("keeps nothing of the last run when nothing could be read", () => {
    const problem = { subject: "pulumi", says: "is not on PATH", todo: "Install it" };
    assert.deepEqual(
      samples(openMetrics(unreadableFleet({ stackName: "prod", now: at }, [problem, problem]))),
      [
        'sitepass_status_success{stack="prod"} 0',
        'sitepass_status_timestamp_seconds{stack="prod"} 1795435200',
        'sitepass_status_alarms{stack="prod"} 2',
      ],
    );
  });

  it("claims nothing of a site of which too little is known", () => {
    const unknown: SiteStatus = {
      ...tokyo,
      state: "unknown",
      enabledAtCloudflare: undefined,
      createdAt: undefined,
      expiresAt: undefined,
      lastSeenAt: undefined,
    };
    assert.deepEqual(
      samples(openMetrics({ ...report([unknown]), readable: false })).filter((line) =>
        line.includes("site="),
      ),
      [
        'sitepass_site_declared{stack="prod",site="tokyo"} 1',
        'sitepass_site_enabled{stack="prod",site="tokyo"} 1',
        'sitepass_previous_secret_expiry_timestamp_seconds{stack="prod",site="tokyo"} 1796083200',
      ],
    );
  });

  it("escapes label values", () => {
    const text = openMetrics(report([], 'a"b\\c\nd'));
    assert.equal(samples(text)[0], 'sitepass_status_success{stack="a\\"b\\\\c\\nd"} 1');
  });

  it("ends as OpenMetrics wants it, with each family declared once and before its samples", () => {
    const text = openMetrics(report([tokyo, lima]));
    assert.ok(text.endsWith("} 1796083200\n# EOF\n"));
    const declared = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    assert.equal(new Set(declared).size, declared.length);
    const order = text
      .split("\n")
      .flatMap((line) => /^(?:# (?:HELP|TYPE) )?(sitepass_\w+)/.exec(line)?.[1] ?? [])
      .filter((name, index, all) => name !== all[index - 1]);
    assert.deepEqual(order, declared);
  });

  const promtool = spawnSync("promtool", ["--version"]).status === 0;

  it("is what promtool takes for sound", { skip: promtool ? false : "no promtool on PATH" }, () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: openMetrics(report([tokyo, orphan, lima], 'a"b\\c\nd')),
      encoding: "utf8",
    });
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: "" });
  });
});
