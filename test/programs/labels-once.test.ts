import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappyjs";
import { subjects } from "../../bench/collectors/subjects";
import type { Subject } from "../../bench/collectors/subject";
import { findProgram } from "../../local/programs/programs";
import { encodeMessage } from "../../local/pushes/push-messages";
import { startReceiver } from "../../local/pushes/receiver";
import { prometheusOrigin } from "../../local/run/origins";
import { versionOf } from "../../local/run/processes";
import { startRendered } from "../support/rendered-collector";

/** Names that the collectors' own metrics have, beside a usual one. */
const labels = { job: "node", instance: "rack-a", cpu: "x", host: "h", region: "apac" };

/** Prometheus' newest alone: Debian 12's sends nothing without a relay. */
const pushers: readonly Subject[] = subjects.filter(
  ({ signal, title }) => signal === "metrics" && title !== "Prometheus 2.42 (Debian 12)",
);

describe("what a real collector makes of its rendered files", () => {
  for (const subject of pushers) {
    it(
      `has no label twice in a series: ${subject.title}`,
      { skip: subject.program === undefined && `no ${subject.collector} here` },
      async (t) => {
        // Answers 400 to a label that is there twice, as Prometheus should.
        const receiver = await startReceiver();
        t.after(() => receiver.close());
        const { collector } = await startRendered(t, subject, {
          name: "tokyo",
          siteLabel: "provider",
          labels,
          endpoints: { metrics: { base: receiver.url, paths: ["/api/v1/write"] } },
        });
        const deadline = Date.now() + 60_000;
        while (receiver.requests.length < 3 && Date.now() < deadline) {
          await delay(100);
        }
        assert.ok(receiver.samples.length > 0, collector.text.slice(-2000));
        assert.deepEqual(new Set(receiver.requests.map(({ status }) => status)), new Set([204]));
        assert.deepEqual(
          new Set(receiver.samples.map((series) => series.labels.provider)),
          new Set(["tokyo"]),
        );
      },
    );
  }
});

/** What the note on Fluent Bit says, whose labels can come twice where an input of one's own has them. */
describe("a label twice in a series", () => {
  for (const [program, status] of [
    ["prometheus", 500],
    [findProgram("prometheus", "prometheus"), 204],
  ] as const) {
    it(
      `is answered with ${status} by ${status === 500 ? "Debian 12's Prometheus" : "Prometheus 3.10"}, and never kept`,
      { skip: (program === undefined || versionOf(program) === undefined) && "no such prometheus here" },
      async (t) => {
        const directory = mkdtempSync(join(tmpdir(), "sitepass-twice-"));
        t.after(() => {
          rmSync(directory, { recursive: true, force: true });
        });
        assert.ok(program !== undefined);
        const store = await prometheusOrigin(directory, "twice", { program });
        assert.ok(store !== undefined);
        t.after(() => store.close());
        const names = [
          ["__name__", "twice"],
          ["provider", "tokyo"],
          ["provider", "tokyo"],
        ];
        const series = {
          labels: names.map(([name, value]) => ({ name, value })),
          samples: [{ value: 1, timestamp: Date.now() }],
        };
        const answer = await fetch(`${store.url}/api/v1/write`, {
          method: "POST",
          headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
          body: compress(encodeMessage("WriteRequest", { timeseries: [series] })),
        });
        assert.equal(answer.status, status);
        assert.deepEqual(await store.arrived("provider"), new Map());
      },
    );
  }
});
