import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseDocument, stringify } from "yaml";
import { z } from "zod";
import { outcome } from "../../collectors/testing/programs";
import { findProgram } from "../../local/programs/programs";
import { startService } from "../../local/run/processes";
import { alarmGroups } from "../alarms/alarms";
import type { CentralHost } from "../central-host";
import { alertmanager } from "../stores/alertmanager";
import { loki } from "../stores/loki";
import { nodeExporter } from "../stores/node-exporter";
import { prometheus } from "../stores/prometheus";
import { vmagent } from "../stores/vmagent";
import { exampleHost } from "../testing/central-hosts";
import { writeRequest } from "../testing/remote-write";
import { freePlaces, startProgram } from "../testing/start-program";
import { writeFiles } from "../../local/central/loopback-programs";
import { dashboardFiles } from "./dashboards";

const hosts: Readonly<Record<string, CentralHost>> = {
  label: exampleHost(),
  tenant: exampleHost({ identity: "tenant" }),
  off: exampleHost({ identity: "off" }),
  "with another label": exampleHost({ siteLabel: "site" }),
  "with stores of one's own": exampleHost({
    ownStores: {
      metrics: { url: new URL("http://other:9090/api/v1/write"), takesExtraLabel: false },
      logs: { url: new URL("http://other:3100/loki/api/v1/push"), takesExtraLabel: false },
    },
  }),
};

const boardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  panels: z.array(
    z.object({
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(
        z.object({ expr: z.string(), datasource: z.object({ uid: z.string() }), refId: z.string() }),
      ),
    }),
  ),
});

const boardsOf = (central: CentralHost) =>
  dashboardFiles(central).map(({ content }) => boardSchema.parse(JSON.parse(content)));

/** Every expression of every dashboard, with variables replaced as Grafana would. */
const expressions = (central: CentralHost, dataSource: string): readonly string[] =>
  boardsOf(central)
    .flatMap(({ panels }) => panels.flatMap(({ targets }) => targets))
    .filter(({ datasource }) => datasource.uid === dataSource)
    .map(({ expr }) => expr.replaceAll("$site", "nagoya").replaceAll("$__auto", "1m"));

const find = {
  prometheus: findProgram("prometheus", "prometheus"),
  promtool: findProgram("prometheus", "promtool"),
  alertmanager: findProgram("alertmanager", "alertmanager"),
  loki: findProgram("loki", "loki"),
  vmagent: findProgram("vmagent", "vmagent"),
  // Debian's name of it.
  "node-exporter":
    spawnSync("prometheus-node-exporter", ["--version"]).status === 0
      ? "prometheus-node-exporter"
      : undefined,
};

const without = (...names: readonly (keyof typeof find)[]): string | false => {
  const missing = names.filter((name) => find[name] === undefined);
  return missing.length > 0 && `no ${missing.join(" and no ")} on this machine`;
};

/** What no program started here shows: the gate's own page, its key file and HAProxy's, `sitepass status`, cloudflared, Alloy, and what rules record. */
const shownElsewhere =
  /^(?:sitepass_|haproxy_(?:server_status|backend_http_responses_total|backend_response_time_average_seconds)$|cloudflared_tunnel_ha_connections$|loki_write_dropped_entries_total$|up$|ALERTS$|site_expected$|site_lines$|site_series$|site_last_push_timestamp_seconds$)/;

/** Shown only once it has happened. */
const onceItHappened = "prometheus_remote_storage_samples_dropped_total";

/** Names of metrics with a selector, which is how every expression here names one. */
const metricNames = (expr: string): readonly string[] =>
  [...expr.matchAll(/([a-zA-Z_:][\w:]*)\{/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));

describe("the dashboards of a central host", () => {
  it("are there with all their panels, without one that lies on another", () => {
    for (const [what, central] of Object.entries(hosts)) {
      const boards = boardsOf(central);
      assert.deepEqual(
        boards.map(({ uid }) => uid),
        ["sitepass-fleet", "sitepass-site", ...(what === "off" ? [] : ["sitepass-gate"])],
      );
      for (const { title, panels } of boards) {
        assert.ok(panels.length >= 6, `${what}: ${title}`);
        const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
          assert.ok(x + w <= 24, `${what}: ${title}`);
          return Array.from(
            { length: w * h },
            (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`,
          );
        });
        assert.equal(new Set(cells).size, cells.length, `${what}: ${title}`);
      }
    }
  });

  it("ask Prometheus in PromQL", { skip: without("promtool") }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-dashboards-"));
    t.after(() => {
      rmSync(directory, { recursive: true });
    });
    const all = [
      ...new Set(Object.values(hosts).flatMap((central) => expressions(central, "sitepass-prometheus"))),
    ];
    const rules = all.map((expr, index) => ({ record: `panel_${index}`, expr }));
    const file = join(directory, "rules.yml");
    writeFileSync(file, stringify({ groups: [{ name: "panels", rules }] }));
    const { status, stdout, stderr } = await outcome(find.promtool ?? "", ["check", "rules", file]);
    assert.equal(status, 0, stdout + stderr);
    t.diagnostic(`${all.length} expressions`);
  });

  it("ask Loki in LogQL", { skip: without("loki") }, async (t) => {
    const central = exampleHost();
    const places = await freePlaces(t);
    const { url } = await startProgram(t, loki, { central, places, binary: find.loki ?? "" });
    const asked = Object.values(hosts).flatMap((host) => expressions(host, "sitepass-loki"));
    assert.ok(asked.length >= 2);
    for (const query of new Set(asked)) {
      // Loki's own parser, which asks no store.
      const response = await fetch(
        `${url}/loki/api/v1/format_query?${new URLSearchParams({ query }).toString()}`,
      );
      assert.equal(response.status, 200, `${query}: ${await response.text()}`);
    }
  });

  it(
    "name metrics that the programs show, and so do the alarms",
    { skip: without("prometheus", "alertmanager", "loki", "vmagent", "node-exporter") },
    async (t) => {
      const central = exampleHost();
      const places = await freePlaces(t);
      const start = async (program: typeof loki, name: keyof typeof find) =>
        (await startProgram(t, program, { central, places, binary: find[name] ?? "" })).url;
      const pages = await Promise.all([
        start(alertmanager, "alertmanager"),
        start(nodeExporter, "node-exporter"),
        start(loki, "loki"),
        start(vmagent, "vmagent"),
      ]);
      const [, , lokiUrl, vmagentUrl] = pages;

      // Prometheus, as central's and as a site's that sends.
      writeFiles(prometheus, central, places);
      const { files, ports } = places.programs.prometheus;
      const config = parseDocument(readFileSync(join(files, "prometheus.yml"), "utf8"));
      config.set("remote_write", [{ url: `${vmagentUrl}/api/v1/write` }]);
      writeFileSync(
        join(files, "prometheus.yml"),
        config.toString().replace(/scrape_interval: "30s"/, 'scrape_interval: "1s"'),
      );
      const url = `http://127.0.0.1:${ports.http}`;
      const service = await startService(
        find.prometheus ?? "",
        prometheus.command(central, places).args,
        `${url}/-/ready`,
      );
      t.after(() => service.close(5000));

      const push = (ageInHours: number) =>
        fetch(`${lokiUrl}/loki/api/v1/push`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            streams: [
              {
                stream: { provider: "nagoya" },
                values: [[`${Date.now() - ageInHours * 3_600_000}000000`, "a line"]],
              },
            ],
          }),
        });
      assert.equal((await push(0)).status, 204);
      assert.equal((await push(1000)).status, 400);
      await fetch(`${vmagentUrl}/api/v1/write`, {
        method: "POST",
        body: new Uint8Array(writeRequest([{ labels: [["__name__", "x"]] }])),
      });
      await delay(2500);

      const shown = new Set<string>();
      for (const page of [...pages, url]) {
        for (const [, name = ""] of (await (await fetch(`${page}/metrics`)).text()).matchAll(
          /^([a-zA-Z_:][\w:]*)/gm,
        )) {
          shown.add(name);
        }
      }
      const named = new Set(
        Object.values(hosts)
          .flatMap((host) => [
            ...expressions(host, "sitepass-prometheus"),
            ...Object.values(alarmGroups(host)).flatMap((alarms) => alarms.map(({ expr }) => expr)),
          ])
          .flatMap(metricNames),
      );
      const here = [...named].filter((name) => !shownElsewhere.test(name) && name !== onceItHappened);
      // Of these two names of one thing, a release shows one.
      const either = /^prometheus_remote_storage_(?:highest_timestamp_in|queue_highest_timestamp)_seconds$/;
      assert.deepEqual(
        here.filter((name) => !shown.has(name) && !either.test(name)),
        [],
      );
      assert.ok(here.some((name) => either.test(name) && shown.has(name)));
      t.diagnostic(`${here.length} metrics of ${named.size} that are named were seen`);
    },
  );
});
