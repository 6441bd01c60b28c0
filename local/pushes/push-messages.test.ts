import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeLoki,
  lokiBody,
  decodeOtlpLogs,
  encodeMessage,
  decodeRemoteWrite,
  remoteWriteBody,
  uncompressSnappy,
} from "./push-messages";
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
    assert.deepEqual(decodeRemoteWrite(remoteWriteBody(series)), series);
    assert.deepEqual(decodeRemoteWrite(remoteWriteBody([])), []);
  });

  it("is the bytes that Prometheus sends", () => {
    const body = remoteWriteBody([{ labels: { a: "b" }, samples: [{ timestamp: 1, value: 1 }] }]);
    // TimeSeries 1:{ Label 1:{ 1:"a" 2:"b" } Sample 2:{ 1:1.0 2:1 } }
    assert.equal(
      uncompressSnappy(body).toString("hex"),
      "0a15" + "0a060a016112" + "0162" + "120b09000000000000f03f1001",
    );
  });

  it("refuses what is not a remote write", () => {
    const body = remoteWriteBody([{ labels: { a: "b".repeat(100) }, samples: [] }]);
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
      const whole = remoteWriteBody([{ labels: { text }, samples: [] }]);
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
      assert.deepEqual(decodeRemoteWrite(remoteWriteBody([{ labels, samples: [] }])), [
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
    assert.deepEqual(decodeLoki(lokiBody(streams, "json"), "json"), streams);
    assert.deepEqual(decodeLoki(lokiBody(streams, "protobuf"), "protobuf"), streams);
  });

  it("may have structured metadata in JSON", () => {
    const body = Buffer.from('{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"trace":"y"}]]}]}');
    assert.deepEqual(decodeLoki(body, "json"), [
      { labels: { a: "b" }, lines: [{ timestamp: "1", line: "x" }] },
    ]);
  });

  it("are refused when they are not pushes", () => {
    for (const bad of ["", "{}", '{"streams":[{"stream":{},"values":[["now","x"]]}]}']) {
      assert.throws(() => decodeLoki(Buffer.from(bad), "json"));
    }
    assert.throws(() => decodeLoki(Buffer.from("rubbish"), "protobuf"), { message: "snappy: corrupt input" });
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
    assert.deepEqual(decodeOtlpLogs(Buffer.from(JSON.stringify(content)), "json"), expected);
    assert.deepEqual(
      decodeOtlpLogs(encodeMessage("ExportLogsServiceRequest", content), "protobuf"),
      expected,
    );
  });
});
