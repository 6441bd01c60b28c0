import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bufferOf, storeWindows } from "../../collectors/buffers";
import type { CollectorName } from "../../collectors/collector";
import { collectorNames } from "../../fleet/collector-names";
import type { SignalName } from "../../fleet/signals";
import { readBody } from "cloudflare-standin/edge/http-messages";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { findProgram } from "../../local/programs/programs";
import { lokiBody, remoteWriteBody, type Sample } from "../../local/pushes/push-messages";
import { lokiOrigin, prometheusOrigin, type Origin } from "../../local/run/origins";
import { versionOf } from "../../local/run/processes";
import { startRendered, subjectFor } from "../support/rendered-collector";

const lokiProgram = findProgram("loki", "loki") ?? "loki";
const withoutLoki =
  versionOf(lokiProgram) === undefined && "no loki here: npm run programs -- loki builds it";
const withoutPrometheus = versionOf("prometheus") === undefined && "prometheus is not on PATH";

const without = (collector: CollectorName, signal: SignalName): string | false =>
  subjectFor(collector, signal).program === undefined &&
  `no ${collector} here: npm run programs -- ${collector} builds it`;

const hour = 3_600_000;
const windows = storeWindows(collectorNames);

/** What central's stores are told, as the documents say. */
const lokiSections = {
  limits_config: {
    reject_old_samples: true,
    reject_old_samples_max_age: `${windows.rejectOldSamplesMaxAge}h`,
    otlp_config: {
      resource_attributes: { attributes_config: [{ action: "index_label", attributes: ["provider"] }] },
    },
  },
  ingester: { max_chunk_age: `${windows.maxChunkAge}h` },
  querier: { query_ingesters_within: `${windows.queryIngestersWithin}h` },
};
const prometheusSections = (hours: number) => ({
  storage: { tsdb: { out_of_order_time_window: `${hours}h` } },
});

function folder(t: TestContext, name: string): string {
  const home = mkdtempSync(join(tmpdir(), "sitepass-backlog-"));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  mkdirSync(join(home, name));
  return join(home, name);
}

async function openLoki(
  t: TestContext,
  sections: Readonly<Record<string, object>>,
  tenant?: string,
): Promise<Origin> {
  const options = { program: lokiProgram, sections, ...(tenant === undefined ? {} : { tenant }) };
  const loki = await lokiOrigin(folder(t, "loki"), options);
  assert.ok(loki !== undefined);
  t.after(() => loki.close());
  return loki;
}

/** A way to a store that can be shut, which answers 503 as a relay does. */
interface Gate {
  readonly url: string;
  /** Statuses of the store's answers, and the first words of those that were not 2xx. */
  readonly answers: string[];
  open: boolean;
}

async function startGate(t: TestContext, store: string): Promise<Gate> {
  const server = await listenOnLoopback((request, response) => {
    void readBody(request).then(async (body) => {
      if (!gate.open) {
        response.writeHead(503).end("shut\n");
        return;
      }
      const headers = new Headers();
      for (const name of ["content-type", "content-encoding", "x-scope-orgid"]) {
        const value = request.headers[name];
        if (typeof value === "string") {
          headers.set(name, value);
        }
      }
      const answer = await fetch(`${store}${request.url ?? ""}`, {
        method: "POST",
        headers,
        body: body ?? null,
      });
      const text = await answer.text();
      gate.answers.push(`${answer.status}${answer.ok ? "" : ` ${text.slice(0, 80)}`}`);
      response.writeHead(answer.status).end(text);
    });
  }, 0);
  t.after(() => server.close());
  const gate: Gate = { url: server.url, answers: [], open: false };
  return gate;
}

async function eventually(seconds: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await holds()) {
      return true;
    }
    await delay(500);
  }
  return false;
}

const tokyo = { name: "tokyo", siteLabel: "provider", labels: {} } as const;
const logsAt = (base: string) => ({
  ...tokyo,
  endpoints: { logs: { base, paths: ["/loki/api/v1/push", "/otlp/v1/logs"] as const } },
});

describe("a backlog of logs", () => {
  it(
    "of more than Loki takes at once comes through from a real Telegraf, with the site's tenant",
    { skip: withoutLoki || without("telegraf", "logs") },
    async (t) => {
      // Loki's own limits: 4 MiB a message, 6 MB at once.
      const loki = await openLoki(t, {}, "tokyo");
      const gate = await startGate(t, loki.url);
      const subject = subjectFor("telegraf", "logs");
      const { run, collector } = await startRendered(t, subject, { ...logsAt(gate.url), tenant: "tokyo" });
      const lines = Array.from({ length: 450 }, (_, index) => `line ${index} ${"x".repeat(20_000)}`);
      writeFileSync(join(run.directory, "fed.log"), `${lines.join("\n")}\n`);
      await delay(12_000);
      gate.open = true;
      const all = await eventually(120, async () => (await loki.arrived("provider")).get("tokyo") === 450);
      assert.ok(all, `${collector.text.slice(-2000)}\n${gate.answers.join("\n")}`);
      assert.deepEqual(
        gate.answers.filter((answer) => !/^(?:204|429)/.test(answer)),
        [],
      );
    },
  );

  it(
    "of twelve hours comes through from a real OpenTelemetry Collector in its order, and so within Loki's own windows",
    { skip: withoutLoki || without("otelcol", "logs") },
    async (t) => {
      const { limits_config } = lokiSections;
      const loki = await openLoki(t, { limits_config });
      const gate = await startGate(t, loki.url);
      const subject = subjectFor("otelcol", "logs");
      const { run, collector } = await startRendered(t, subject, logsAt(gate.url));
      // Its metrics are there before what takes logs.
      const listens = () =>
        fetch(`http://127.0.0.1:${run.otherPort}/`).then(
          () => true,
          () => false,
        );
      assert.ok(await eventually(30, listens), collector.text);
      const start = Date.now() - 12 * hour;
      // A record a minute, of 12 kB: 8.6 MB.
      for (let minute = 0; minute < 720; minute += 1) {
        const record = {
          timeUnixNano: `${start + minute * 60_000}000000`,
          body: { stringValue: `minute ${minute} ${"x".repeat(12_000)}` },
        };
        const answer = await fetch(`http://127.0.0.1:${run.otherPort}/v1/logs`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }),
        });
        assert.equal(answer.status, 200);
      }
      gate.open = true;
      const arrived = async () => (await loki.arrived("provider", "24h")).get("tokyo");
      const all = await eventually(120, async () => (await arrived()) === 720);
      assert.ok(all, `${await arrived()} of 720\n${collector.text.slice(-2000)}\n${gate.answers.join("\n")}`);
      assert.deepEqual(
        gate.answers.filter((answer) => !/^(?:20[04]|429)/.test(answer)),
        [],
      );
    },
  );

  it(
    "that comes among newer lines is what Loki takes with the windows for it, and not without",
    { skip: withoutLoki },
    async (t) => {
      const late = bufferOf("fluent-bit", "logs")?.hours ?? 0;
      const push = async (loki: Origin, hours: number): Promise<string> => {
        const timestamp = `${Date.now() - hours * hour}000000`;
        const answer = await fetch(`${loki.url}/loki/api/v1/push`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: lokiBody(
            [{ labels: { provider: "tokyo" }, lines: [{ timestamp, line: `${hours}` }] }],
            "json",
          ),
        });
        return `${answer.status} ${/too far behind|$/.exec(await answer.text())?.[0] ?? ""}`.trim();
      };
      const usual = await openLoki(t, {});
      assert.deepEqual(
        [await push(usual, 0), await push(usual, 0.9), await push(usual, 1.5)],
        ["204", "204", "400 too far behind"],
      );
      const told = await openLoki(t, lokiSections);
      assert.deepEqual(
        [await push(told, 0), await push(told, late), await push(told, late + 2)],
        ["204", "204", "400 too far behind"],
      );
    },
  );
});

describe("a backlog of metrics", () => {
  it(
    "of twelve hours comes through from a real vmagent to a Prometheus with the window for it, and not without",
    { skip: withoutPrometheus || without("vmagent", "metrics") },
    async (t) => {
      for (const [hours, loses] of [
        [windows.outOfOrderTimeWindow, false],
        [8, true],
      ] as const) {
        const store = await prometheusOrigin(folder(t, "prometheus"), "old", {
          sections: prometheusSections(hours),
        });
        assert.ok(store !== undefined);
        t.after(() => store.close());
        const gate = await startGate(t, store.url);
        const subject = subjectFor("vmagent", "metrics");
        const { run, collector } = await startRendered(t, subject, {
          ...tokyo,
          endpoints: { metrics: { base: gate.url, paths: ["/api/v1/write"] } },
        });
        const start = Date.now() - 12 * hour;
        const push = async (to: string, labels: Record<string, string>, samples: readonly Sample[]) => {
          const answer = await fetch(`${to}/api/v1/write`, {
            method: "POST",
            headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
            body: remoteWriteBody([{ labels: { __name__: "old", ...labels }, samples }]),
          });
          assert.ok(answer.ok, await answer.text());
        };
        const samples = Array.from({ length: 720 }, (_, minute) => ({
          timestamp: start + minute * 60_000,
          value: minute,
        }));
        for (let minute = 0; minute < 720; minute += 60) {
          await push(`http://127.0.0.1:${run.port}`, {}, samples.slice(minute, minute + 60));
        }
        // Others push meanwhile.
        await push(store.url, { provider: "osaka" }, [{ timestamp: Date.now(), value: 1 }]);
        await delay(3000);
        gate.open = true;
        const arrived = async () => (await store.arrived("provider", "24h")).get("tokyo") ?? 0;
        const refused = () => gate.answers.some((answer) => answer.startsWith("400"));
        await eventually(60, async () => refused() || (await arrived()) === 720);
        await delay(2000);
        const count = await arrived();
        t.diagnostic(`${count} of 720 with a window of ${hours} hours`);
        assert.equal(
          count === 720,
          !loses,
          `${count}\n${collector.text.slice(-2000)}\n${gate.answers.slice(-10).join("\n")}`,
        );
      }
    },
  );
});
