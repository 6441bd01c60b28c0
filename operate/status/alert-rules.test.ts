import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { testPolicy, testToken } from "cloudflare-standin/testing/edge-rows";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { CloudflareApi } from "../../cloudflare/client";
import { failure, success, type Result } from "../../fleet/problem";
import type { OpenStack } from "../../stack/open-stack";
import { openTestFleet, type TestFleet } from "../testing/test-fleet";
import { openMetrics } from "./open-metrics";
import { reportFleet } from "./report-fleet";
import { kindsOfTrouble, trouble, type FleetReport } from "./site-status";

const root = join(__dirname, "..", "..");
const rulesFile = join(root, "docs", "prometheus-rules.yaml");
const now = new Date("2026-11-23T12:00:00Z");

const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});

const rules = rulesSchema
  .parse(parse(readFileSync(rulesFile, "utf8")))
  .groups.flatMap((group) => group.rules);

const reportOf = (opened: Result<OpenStack>): Promise<FleetReport> =>
  reportFleet(opened, { stackName: "prod", now, warnDays: 30, staleHours: 24 });

/** One thing that goes wrong, and the report of a fleet to which it happened. */
type Trouble = readonly [what: string, report: (t: TestContext) => Promise<FleetReport>];

const fleetWith =
  (
    breakIt: (fleet: TestFleet) => void | Promise<void>,
    change: (fleet: TestFleet) => Partial<OpenStack> = () => ({}),
  ) =>
  async (t: TestContext): Promise<FleetReport> => {
    const fleet = await openTestFleet(t, { sites: { lima: {}, tokyo: {} } });
    await breakIt(fleet);
    return reportOf(success({ ...fleet.stack, ...change(fleet) }));
  };

const withoutApplications = (...domains: readonly string[]) =>
  fleetWith(({ standIn: { database }, resources }) => {
    for (const [id, { domain }] of database.applications) {
      if (domains.includes(domain)) {
        database.applications.delete(id);
      }
    }
    resources.push({ urn: "urn", type: "application", name: "metrics-whole-host", id: "gone" });
  });

const troubles: readonly Trouble[] = [
  [
    "the applications of a host are gone, so everybody may push",
    withoutApplications("prom.example.com", "prom.example.com/api/v1/write"),
  ],
  ["the application on the write paths is gone", withoutApplications("prom.example.com/api/v1/write")],
  ["the application on the whole host is gone", withoutApplications("prom.example.com")],
  [
    "somebody attached a policy",
    fleetWith(({ standIn: { database } }) => {
      database.policies.set("hand", testPolicy({ id: "hand", include: [{ geo: { country_code: "PT" } }] }));
      for (const { policies } of database.applications.values()) {
        policies.push({ id: "hand", precedence: 500 });
      }
    }),
  ],
  [
    "Cloudflare cannot be asked",
    fleetWith(({ standIn }) => {
      standIn.inject({ match: {}, times: 10, status: 500 });
    }),
  ],
  [
    "the API token is not valid",
    fleetWith(({ standIn }) => {
      standIn.inject({ match: {}, times: 10, status: 403, code: 9109, message: "Invalid access token" });
    }),
  ],
  [
    "the API token is not shown every token",
    fleetWith(
      () => undefined,
      ({ api }) => {
        const list: CloudflareApi["list"] = async (...args) => {
          const listed = await api.list(...args);
          return listed.kind === "answered" ? { ...listed, value: listed.value.slice(1), unseen: 1 } : listed;
        };
        return { cloudflareApi: () => Promise.resolve({ ...api, list }) };
      },
    ),
  ],
  [
    "the stack cannot be opened",
    () => reportOf(failure({ subject: "sites/tokyo.yaml", says: "is not valid YAML", todo: "Fix it" })),
  ],
  [
    "a token was deleted",
    fleetWith(({ standIn: { database } }) => {
      const [id = ""] = database.serviceTokens.keys();
      database.serviceTokens.delete(id);
    }),
  ],
  // Every other kind, whatever brings it about.
  ...kindsOfTrouble.map((kind): Trouble => [
    `a site is told "${kind}"`,
    async (t) => {
      const found = await fleetWith(() => undefined)(t);
      const [first, ...others] = found.sites;
      assert.ok(first !== undefined);
      const site = { ...first, troubles: [trouble("alarm", kind, first.site, "something")] };
      return { ...found, sites: [site, ...others] };
    },
  ]),
];

const metricsLine = /^(\w+(?:\{.*\})?) (\S+)$/;

/** promtool's clock begins at 1970: the series are moved so that an hour after that is the report's own time. */
const evaluatedAt = 3600;

/** @param hours for how long the report has been standing there. */
function inputSeries(text: string, hours = 0) {
  const shift = now.getTime() / 1000 - evaluatedAt + hours * 3600;
  return text.split("\n").flatMap((line) => {
    const [, series, value] = metricsLine.exec(line) ?? [];
    if (series === undefined || value === undefined) {
      return [];
    }
    const shown = series.includes("_timestamp_seconds") && value !== "+Inf" ? Number(value) - shift : value;
    return [{ series, values: `${String(shown).replace("+", "")}+0x60` }];
  });
}

const promtool = spawnSync("promtool", ["--version"]).status === 0;
const skip = promtool ? false : "no promtool on PATH";
const folder = mkdtempSync(join(tmpdir(), "sitepass-rules-"));

after(() => {
  rmSync(folder, { recursive: true });
});

/** Which of the documented alerts fire on these series. */
function firing(series: ReturnType<typeof inputSeries>): readonly string[] {
  const file = join(folder, "tests.yaml");
  // None is expected, so that each failure is an alert that fires.
  const alert_rule_test = rules.map(({ alert }) => ({
    eval_time: `${evaluatedAt}s`,
    alertname: alert,
    exp_alerts: [],
  }));
  const tests = [{ interval: "1m", input_series: series, alert_rule_test }];
  writeFileSync(file, stringify({ rule_files: [rulesFile], evaluation_interval: "1m", tests }));
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
  const said = stdout + stderr;
  const fired = [...said.matchAll(/alertname: *(\w+),/g)].map(([, name = ""]) => name);
  assert.equal(fired.length > 0, status !== 0, said);
  return fired;
}

describe("the documented alerts", () => {
  it("are what promtool takes for sound", { skip }, () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", rulesFile], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
  });

  it("are those that docs/commands.md shows", () => {
    const page = readFileSync(join(root, "docs", "commands.md"), "utf8");
    for (const { expr } of rules) {
      assert.ok(page.includes(`\n${expr}\n`), expr);
    }
  });

  it(
    "are silent on a sound fleet, also where a site is shut out or a token lasts forever",
    { skip },
    async (t) => {
      const fleet = await openTestFleet(t, {
        sites: { lima: { token: { duration: "forever" } }, oslo: { token: { enabled: false } }, tokyo: {} },
      });
      const oslo = [...fleet.standIn.database.serviceTokens.values()].find(({ name }) =>
        name.endsWith("oslo"),
      );
      assert.ok(oslo !== undefined);
      oslo.expires_at = "2026-11-25T00:00:00Z";
      fleet.standIn.database.serviceTokens.set("theirs", testToken({ id: "theirs", name: "grafana" }));
      const report = await reportOf(success(fleet.stack));
      assert.deepEqual(firing(inputSeries(openMetrics(report))), []);
    },
  );

  for (const [what, reported] of troubles) {
    it(`tell that ${what}`, { skip }, async (t) => {
      const report = await reported(t);
      const alarms =
        report.alarms.length +
        report.sites.flatMap(({ troubles: some }) => some).filter(({ level }) => level === "alarm").length;
      assert.ok(alarms > 0, "status itself says nothing");
      const fired = firing(inputSeries(openMetrics(report)));
      assert.ok(fired.length > 0);
    });
  }

  it("tell that status does not run any more, and that its metrics do not arrive", { skip }, async (t) => {
    const report = await fleetWith(() => undefined)(t);
    assert.deepEqual(firing(inputSeries(openMetrics(report), 3)), ["SitepassStatusStale"]);
    assert.deepEqual(firing([]), ["SitepassStatusMissing"]);
  });
});
