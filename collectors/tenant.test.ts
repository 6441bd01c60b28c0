import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { collectorNames } from "../fleet/collector-names";
import { collectors } from "./collectors";
import { relays } from "./relay/relays";
import { bare, behindRelay, fullRelay, tokyo, tokyoBehindRelay } from "./testing/sites";

const lines = (files: readonly { readonly content: string }[]): readonly string[] =>
  files
    .flatMap(({ content }) => content.split("\n"))
    .filter((line) => line.includes("X-Scope-OrgID"))
    .map((line) => line.trim());

/** How each collector's files say it, once for each signal that it pushes. */
const expected = {
  prometheus: ["X-Scope-OrgID:"],
  promtail: ["X-Scope-OrgID:"],
  alloy: [`"X-Scope-OrgID"           = ["eu.tokyo_1"],`, `"X-Scope-OrgID"           = ["eu.tokyo_1"],`],
  otelcol: [`X-Scope-OrgID: "eu.tokyo_1"`, `X-Scope-OrgID: "eu.tokyo_1"`],
  vmagent: [
    'remoteWrite_headers="CF-Access-Client-Id: 88bf3b6d86161464f6509f7219099e57.access^^CF-Access-Client-Secret: cfast_0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3d4^^X-Scope-OrgID: eu.tokyo_1"',
  ],
  vector: [`X-Scope-OrgID: "eu.tokyo_1"`, `X-Scope-OrgID: "eu.tokyo_1"`],
  "fluent-bit": [`- "X-Scope-OrgID eu.tokyo_1"`, `- "X-Scope-OrgID eu.tokyo_1"`],
  telegraf: [`X-Scope-OrgID = "eu.tokyo_1"`, `X-Scope-OrgID = "eu.tokyo_1"`],
} as const satisfies Record<(typeof collectorNames)[number], readonly string[]>;

const tenant = "eu.tokyo_1";

describe("a tenant", () => {
  for (const name of collectorNames) {
    const collector = collectors[name];
    const release = { version: collector.defaultVersion, mode: "server" } as const;

    it(`is named by ${collector.title} with every push, and left to the relay behind it`, () => {
      assert.deepEqual(lines(collector.render({ ...tokyo, tenant }, bare, release)), expected[name]);
      assert.deepEqual(lines(collector.render(tokyo, bare, release)), []);
      assert.deepEqual(lines(collector.render({ ...tokyoBehindRelay, tenant }, behindRelay, release)), []);
    });
  }

  it("is named by Promtail too where it takes its headers from the environment", () => {
    const files = collectors.promtail.render({ ...tokyo, tenant }, bare, {
      version: "3.1.2",
      mode: "server",
    });
    assert.deepEqual(lines(files), [`X-Scope-OrgID: "eu.tokyo_1"`]);
  });

  for (const name of ["nginx", "caddy"] as const) {
    it(`is named by a relay of ${name} on every path`, () => {
      const named = lines(relays[name].render({ ...fullRelay, tenant }));
      assert.equal(named.length, 3);
      assert.match(named[0] ?? "", /^(?:proxy_set_header|header_up) X-Scope-OrgID "eu\.tokyo_1";?$/);
      assert.deepEqual(lines(relays[name].render(fullRelay)), []);
    });
  }
});
