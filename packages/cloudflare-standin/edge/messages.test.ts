import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LabelSets } from "./label-sets";
import { decodeLokiJson, decodeLokiProtobuf, encodeLokiJson, encodeLokiProtobuf } from "./loki-message";
import { decodeOtlpLogs } from "./otlp-logs-message";
import { encodeMessage } from "./push-messages";
import { decodeRemoteWrite, encodeRemoteWrite } from "./remote-write-message";
import { uncompressSnappy } from "./snappy";

describe("remote write", () => {
  it("comes out as it went in", () => {
    const series = [
      {
        labels: { __name__: "up", site: "東京", z: "" },
        samples: [
          { timestamp: 1795435200000, value: 0.1 },
          { timestamp: -1, value: Infinity },
        ],
      },
      { labels: { __name__: "stale" }, samples: [{ timestamp: 0, value: NaN }] },
    ];
    assert.deepEqual(decodeRemoteWrite(encodeRemoteWrite(series)), series);
    assert.deepEqual(decodeRemoteWrite(encodeRemoteWrite([])), []);
  });

  it("is the bytes that Prometheus sends", () => {
    const body = encodeRemoteWrite([{ labels: { a: "b" }, samples: [{ timestamp: 1, value: 1 }] }]);
    // TimeSeries 1:{ Label 1:{ 1:"a" 2:"b" } Sample 2:{ 1:1.0 2:1 } }
    assert.equal(
      uncompressSnappy(body).toString("hex"),
      "0a15" + "0a060a016112" + "0162" + "120b09000000000000f03f1001",
    );
  });

  it("refuses what is none", () => {
    const body = encodeRemoteWrite([{ labels: { a: "b".repeat(100) }, samples: [] }]);
    for (const bad of [
      Buffer.alloc(0),
      Buffer.from("x"),
      body.subarray(0, -1),
      Buffer.from("ffffffffff01", "hex"),
    ]) {
      assert.throws(() => decodeRemoteWrite(bad), { message: "snappy: corrupt input" });
    }
    assert.throws(() => decodeRemoteWrite(Buffer.from("0300ff", "hex")));
  });
});

describe("snappy", () => {
  it("refuses a literal and a copy that end early", () => {
    for (const text of ["abcdefgh", "ab".repeat(50)]) {
      const whole = encodeRemoteWrite([{ labels: { text }, samples: [] }]);
      for (let length = 0; length < whole.length; length += 1) {
        assert.throws(() => uncompressSnappy(whole.subarray(0, length)), {
          message: "snappy: corrupt input",
        });
      }
    }
  });

  it("reads literals and copies of every size", () => {
    const texts = ["", "a", "ab".repeat(50_000), Array.from({ length: 20_000 }, (_, n) => `${n};`).join("")];
    for (const text of texts) {
      const labels = { text };
      assert.deepEqual(decodeRemoteWrite(encodeRemoteWrite([{ labels, samples: [] }])), [
        { labels, samples: [] },
      ]);
    }
  });
});

describe("Loki's pushes", () => {
  const streams = [
    {
      labels: { site: "tokyo", quote: 'a "b" \\ c, d="e"', "": "" },
      lines: [
        { timestamp: "1795435200000000001", line: "first" },
        { timestamp: "1795435200999999999", line: "zweite\n" },
      ],
    },
  ].map(({ labels: { site, quote }, lines }) => ({ labels: { site, quote }, lines }));

  it("come out as they went in, in JSON and in protobuf", () => {
    assert.deepEqual(decodeLokiJson(encodeLokiJson(streams)), streams);
    assert.deepEqual(decodeLokiProtobuf(encodeLokiProtobuf(streams)), streams);
  });

  it("may have structured metadata in JSON", () => {
    const body = Buffer.from('{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"trace":"y"}]]}]}');
    assert.deepEqual(decodeLokiJson(body), [{ labels: { a: "b" }, lines: [{ timestamp: "1", line: "x" }] }]);
  });

  it("are refused when they are none", () => {
    for (const bad of ["", "{}", '{"streams":[{"stream":{},"values":[["now","x"]]}]}']) {
      assert.throws(() => decodeLokiJson(Buffer.from(bad)));
    }
    assert.throws(() => decodeLokiProtobuf(Buffer.from("rubbish")), { message: "snappy: corrupt input" });
  });
});

describe("OpenTelemetry's logs", () => {
  const content = {
    resourceLogs: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "demo" } }] },
        scopeLogs: [
          { logRecords: [{ timeUnixNano: "1795435200000000001", body: { stringValue: "hello" } }] },
        ],
      },
    ],
  };
  const expected = [
    { labels: { service_name: "demo" }, lines: [{ timestamp: "1795435200000000001", line: "hello" }] },
  ];

  it("are read from JSON and from protobuf", () => {
    assert.deepEqual(decodeOtlpLogs(Buffer.from(JSON.stringify(content)), true), expected);
    assert.deepEqual(decodeOtlpLogs(encodeMessage("ExportLogsServiceRequest", content), false), expected);
  });
});

describe("LabelSets", () => {
  it("keeps what comes under the same labels together, whatever their order", () => {
    const sets = new LabelSets<number>();
    sets.add({ a: "1", b: "2" }, [1]);
    sets.add({ c: "3" }, [2]);
    sets.add({ b: "2", a: "1" }, [3, 4]);
    assert.deepEqual(sets.entries(), [
      { labels: { a: "1", b: "2" }, items: [1, 3, 4] },
      { labels: { c: "3" }, items: [2] },
    ]);
    sets.clear();
    assert.deepEqual(sets.entries(), []);
  });
});
