import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { collectorNames } from "../fleet/collector-names";
import { signalNames } from "../fleet/signals";
import { agentBuffer, bufferNotes, bufferOf, buffers, storeWindows } from "./buffers";
import { collectors } from "./collectors";
import { bare, tokyo } from "./testing/sites";

const server = { version: "99.0.0", mode: "server" } as const;

describe("buffers", () => {
  it("are told for each signal that a collector pushes, and for no other", () => {
    for (const name of collectorNames) {
      assert.deepEqual(
        signalNames.filter((signal) => bufferOf(name, signal) !== undefined),
        collectors[name].signals,
      );
    }
  });

  it("are as large as the rendered files say", () => {
    const texts = (name: (typeof collectorNames)[number], mode: "server" | "agent" = "server"): string =>
      collectors[name]
        .render(tokyo, bare, { version: collectors[name].defaultVersion, mode })
        .map(({ content }) => content)
        .join("\n");
    const { vector, otelcol, vmagent, telegraf } = buffers;
    const fluentBit = buffers["fluent-bit"];
    const times = (text: string, part: string) => text.split(part).length - 1;
    assert.equal(times(texts("vector"), `max_size: ${vector.logs.holds.bytes}`), 2);
    assert.equal(vector.metrics.holds.bytes, vector.logs.holds.bytes);
    assert.equal(times(texts("otelcol"), `queue_size: ${otelcol.logs.holds.bytes}`), 1);
    assert.equal(
      times(texts("vmagent"), `-remoteWrite.maxDiskUsagePerURL=${vmagent.metrics.holds.bytes / 1e9}GB`),
      1,
    );
    assert.equal(
      times(texts("fluent-bit"), `storage.total_limit_size: "${fluentBit.logs.holds.bytes / 1e9}G"`),
      2,
    );
    assert.equal(fluentBit.metrics.holds.bytes, fluentBit.logs.holds.bytes);
    const limit = /^metric_buffer_limit = ([\d_]+)$/m.exec(texts("telegraf"))?.[1];
    assert.equal(Number(limit?.replaceAll("_", "")), telegraf.logs.holds.items);
    assert.equal(telegraf.metrics.holds.items, telegraf.logs.holds.items);
    assert.equal(times(texts("alloy"), `max_keepalive_time = "${buffers.alloy.metrics.hours}h"`), 1);
    for (const name of ["alloy", "promtail"] as const) {
      assert.match(texts(name), new RegExp(`max_age(?: +=|:) "${buffers[name].logs.hours}h"`));
    }
    assert.equal(
      times(texts("prometheus", "agent"), `--storage.agent.retention.max-time=${agentBuffer.oldestHours}h`),
      1,
    );
  });

  it("are told to whoever renders, with the numbers that the stores need", () => {
    for (const name of collectorNames) {
      const all = collectors[name].notes(tokyo, bare, server).join("\n");
      for (const note of bufferNotes(name, tokyo, server)) {
        assert.ok(all.includes(note), `${name}: ${note}`);
      }
    }
    assert.deepEqual(bufferNotes("fluent-bit", tokyo, server), [
      "Metrics that cannot be sent wait on disk, 1 GB, and a restart keeps them. An outage of 72 hours at up to 3.9 kB a second loses nothing when central's Prometheus has an out_of_order_time_window of 73h or more; in a longer one the oldest is dropped.",
      "Logs that cannot be sent wait on disk, 1 GB, and a restart keeps them. An outage of 24 hours at up to 12 kB a second loses nothing when central's Loki has a max_chunk_age of 50h or more, as they come among newer lines; in a longer one the oldest is dropped.",
    ]);
    assert.deepEqual(bufferNotes("prometheus", tokyo, { ...server, mode: "agent" }), [
      "Metrics that cannot be sent wait in the write-ahead log, and a restart loses them. An outage of 2 hours (8 where little is collected) loses nothing when central's Prometheus has an out_of_order_time_window of 9h or more; in a longer one the oldest is dropped.",
    ]);
    assert.deepEqual(bufferNotes("promtail", tokyo, server), [
      "Logs that cannot be sent wait where they are, in the journal and in log files, and a restart keeps them but for what was read already. An outage of 72 hours loses nothing; in a longer one what the machine rotates away is lost.",
    ]);
  });
});

describe("the stores' windows", () => {
  it("are as long as the longest buffer of the collectors that sites run", () => {
    assert.deepEqual(storeWindows(collectorNames), {
      outOfOrderTimeWindow: 73,
      rejectOldSamplesMaxAge: 168,
      maxChunkAge: 50,
      queryIngestersWithin: 51,
    });
    // Without Fluent Bit all lines of a stream come in order, and Loki's own defaults are enough.
    assert.deepEqual(storeWindows(["alloy", "prometheus"]), {
      outOfOrderTimeWindow: 9,
      rejectOldSamplesMaxAge: 168,
      maxChunkAge: 2,
      queryIngestersWithin: 3,
    });
    assert.deepEqual(storeWindows([]).outOfOrderTimeWindow, 0);
  });

  it("hold every buffer", () => {
    const { outOfOrderTimeWindow, rejectOldSamplesMaxAge, maxChunkAge } = storeWindows(collectorNames);
    for (const name of collectorNames) {
      const { metrics, logs } = {
        metrics: bufferOf(name, "metrics", "agent"),
        logs: bufferOf(name, "logs"),
      };
      assert.ok((metrics?.oldestHours ?? metrics?.hours ?? 0) < outOfOrderTimeWindow, name);
      assert.ok((logs?.hours ?? 0) < rejectOldSamplesMaxAge, name);
      assert.ok(logs === undefined || logs.inOrder || logs.hours < maxChunkAge / 2, name);
    }
  });
});
