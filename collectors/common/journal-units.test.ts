import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { z } from "zod";
import { freePort, startService, versionOf } from "../../local/run/processes";
import { journalUnitRules } from "./journal-units";

const hex = "0123456789abcdef".repeat(4);

/** Units as journals hold them, and the label's value. */
const units: Readonly<Record<string, string>> = {
  "nginx.service": "nginx.service",
  "backup.timer": "backup.timer",
  "run-parts.service": "run-parts.service",
  "getty@tty1.service": "getty@tty1.service",
  "postgresql@15-main.service": "postgresql@15-main.service",
  "wg-quick@wg0.service": "wg-quick@wg0.service",
  "worker@2.service": "worker@2.service",
  "init.scope": "init.scope",
  "session-12.scope": "transient",
  "session-c3.scope": "transient",
  "app-gnome-firefox-4711.scope": "transient",
  [`docker-${hex}.scope`]: "transient",
  [`${hex}.service`]: "transient",
  [`${hex}-4f2a.timer`]: "transient",
  [`var-lib-docker-overlay2-${hex}-merged.mount`]: "transient",
  "run-u1234.service": "transient",
  "run-r5d4f0e9b2c.service": "transient",
  "run-p4711-i4712.service": "transient",
  "dbus-:1.7-org.freedesktop.problems@0.service": "transient",
  "user@1000.service": "user@.service",
  "user-runtime-dir@1000.service": "user-runtime-dir@.service",
  "sshd@7-10.0.0.5:22-10.0.0.9:51514.service": "sshd@.service",
  "sshd@8-fd00::5:22-fd00::9:51514.service": "sshd@.service",
  "systemd-coredump@3-4711-0.service": "systemd-coredump@.service",
};

const discovered = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        discoveredLabels: z.record(z.string(), z.string()),
        labels: z.record(z.string(), z.string()),
      }),
    ),
  }),
});

describe("the label for a unit of the journal", () => {
  it("has no value that comes and goes", () => {
    for (const [name, expected] of Object.entries(units)) {
      const labels: Record<string, string> = { __journal__systemd_unit: name };
      for (const rule of journalUnitRules) {
        const value = rule.source_labels.map((label) => labels[label] ?? "").join(";");
        const { regex, replacement } = { regex: "(.*)", replacement: "$1", ...rule };
        const pattern = new RegExp(`^(?:${regex})$`);
        if (pattern.test(value)) {
          labels[rule.target_label] = value.replace(pattern, replacement);
        }
      }
      assert.equal(labels.unit, expected, name);
    }
  });

  it(
    "is the same to a real Prometheus, whose relabelling Alloy and Promtail have",
    { skip: versionOf("prometheus") === undefined && "prometheus is not on PATH" },
    async (t) => {
      const home = mkdtempSync(join(tmpdir(), "sitepass-units-"));
      t.after(() => {
        rmSync(home, { recursive: true, force: true });
      });
      mkdirSync(join(home, "data"));
      const config = join(home, "prometheus.yml");
      const static_configs = Object.keys(units).map((name, index) => ({
        targets: [`127.0.0.1:${index + 1}`],
        labels: { __journal__systemd_unit: name },
      }));
      const scrape = { job_name: "units", scrape_interval: "1h", static_configs };
      writeFileSync(
        config,
        stringify({ scrape_configs: [{ ...scrape, relabel_configs: journalUnitRules }] }),
      );
      const url = `http://127.0.0.1:${await freePort()}`;
      const service = await startService(
        "prometheus",
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(home, "data")}`,
          `--web.listen-address=${new URL(url).host}`,
        ],
        `${url}/-/ready`,
      );
      t.after(() => service.close());
      let targets: z.infer<typeof discovered>["data"]["activeTargets"] = [];
      const end = Date.now() + 30_000;
      while (targets.length < static_configs.length) {
        assert.ok(Date.now() < end, `Prometheus has ${targets.length} of ${static_configs.length} targets`);
        await delay(50);
        targets = discovered.parse(await (await fetch(`${url}/api/v1/targets`)).json()).data.activeTargets;
      }
      assert.deepEqual(
        Object.fromEntries(
          targets.map(({ discoveredLabels, labels }) => [
            discoveredLabels.__journal__systemd_unit,
            labels.unit,
          ]),
        ),
        units,
      );
    },
  );
});
