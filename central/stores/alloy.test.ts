import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { textOf } from "../../collectors/testing/rendered-files";
import { parseAlloy } from "../../collectors/testing/alloy-parser";
import type { CentralHost } from "../central-host";
import { exampleHost } from "../testing/central-hosts";
import { placesBelow } from "../places";
import { alloy } from "./alloy";

const places = placesBelow("/etc/sitepass/central");

const blocksOf = (central: CentralHost) =>
  parseAlloy(textOf(alloy.files(central, places), "alloy/config.alloy"));

const pushOnly = exampleHost().signals.map((one) =>
  one.signal === "logs" ? { ...one, paths: ["/loki/api/v1/push"] as const } : one,
);

describe("Alloy of a central host", () => {
  it("puts the gate's word for the site in place of what was pushed, before it writes", () => {
    const blocks = blocksOf(exampleHost({ signals: pushOnly }));
    assert.deepEqual(
      blocks.map(({ name }) => name),
      ["loki.source.api", "loki.relabel", "loki.write"],
    );
    const [source, relabel, write] = blocks;
    assert.deepEqual(source?.attributes, {
      use_incoming_timestamp: true,
      forward_to: [{ reference: "loki.relabel.site.receiver" }],
    });
    assert.deepEqual(
      relabel?.blocks.map(({ attributes }) => attributes),
      [
        { action: "labeldrop", regex: "provider" },
        { source_labels: ["__tenant_id__"], target_label: "provider" },
        { action: "labeldrop", regex: "__tenant_id__" },
      ],
    );
    assert.deepEqual(
      write?.blocks.map(({ attributes }) => attributes),
      [
        {
          url: "http://127.0.0.1:3100/loki/api/v1/push",
          follow_redirects: false,
          max_backoff_retries: 0,
          max_backoff_period: "10s",
        },
      ],
    );
  });

  it("does the same with OpenTelemetry's logs, and keeps none of them itself", () => {
    const blocks = blocksOf(exampleHost({ siteLabel: "site" }));
    const of = (name: string) => {
      const found = blocks.find((block) => block.name === name);
      assert.ok(found !== undefined, name);
      return found;
    };
    assert.equal(of("otelcol.receiver.otlp").blocks[0]?.attributes.include_metadata, true);
    assert.deepEqual(
      of("otelcol.processor.attributes")
        .blocks.filter(({ name }) => name === "action")
        .map(({ attributes }) => attributes),
      [
        { key: "sitepass_site", action: "delete" },
        { key: "sitepass_site", action: "upsert", from_context: "metadata.x-scope-orgid" },
      ],
    );
    assert.deepEqual(of("otelcol.processor.transform").blocks[0]?.attributes.statements, [
      'delete_key(resource.attributes, "site")',
      'set(resource.attributes["site"], attributes["sitepass_site"])',
      'delete_key(attributes, "sitepass_site")',
    ]);
    assert.deepEqual(
      of("otelcol.exporter.otlphttp").blocks.map(({ attributes }) => attributes),
      [{ endpoint: "http://127.0.0.1:3100/otlp" }, { enabled: false }, { enabled: false }],
    );
  });

  it("writes to a Loki of one's own where there is one", () => {
    const url = new URL("https://logs.example.com/loki/api/v1/push");
    const text = textOf(
      alloy.files(exampleHost({ ownStores: { logs: { url, takesExtraLabel: false } } }), places),
      "alloy/config.alloy",
    );
    assert.match(text, /"https:\/\/logs\.example\.com\/loki\/api\/v1\/push"/);
    assert.match(text, /"https:\/\/logs\.example\.com\/otlp"/);
  });

  it("is there only where lines are told apart by label", () => {
    assert.deepEqual(
      (["label", "tenant", "off"] as const).map((identity) => alloy.isNeeded(exampleHost({ identity }))),
      [true, false, false],
    );
  });
});
