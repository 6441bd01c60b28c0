import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { editToken, type SiteFileFormat } from "./edit-token";
import type { TokenChanges } from "./token-changes";

const rotate: TokenChanges = { secretVersion: 2, previousSecretExpiresAt: "2026-12-08T00:00:00Z" };
const shutOut: TokenChanges = { enabled: false };

function edited(before: string, changes: TokenChanges, format: SiteFileFormat = "yaml"): string {
  const { text, problem } = editToken(before, changes, format);
  assert.ok(text !== undefined, problem);
  return text;
}

function refused(before: string, changes: TokenChanges): string {
  const { text, problem } = editToken(before, changes, "yaml");
  assert.ok(problem !== undefined, text);
  return problem;
}

describe("editToken in a file with a line for each key", () => {
  it("adds missing keys below the last one, and keeps comments, order and indentation", () => {
    const before = `# yaml-language-server: $schema=../site.schema.json
description: Tokyo, rack A

token:      # ask Mei before touching
     duration:   8760h   # a year

     # the next key is about the agent
collector: alloy
`;
    assert.equal(
      edited(before, rotate),
      before.replace(
        "# a year\n",
        "# a year\n     secretVersion: 2\n     previousSecretExpiresAt: 2026-12-08T00:00:00Z\n",
      ),
    );
  });

  it("changes keys that are there in their place, in their quotes", () => {
    const before = `token:
  previousSecretExpiresAt: "2026-06-01T00:00:00Z" # the day of the move
  enabled: true
  secretVersion: 1
`.replace("secretVersion: 1", "secretVersion: 7");
    assert.equal(
      edited(before, { ...rotate, secretVersion: 8 }),
      before.replace("2026-06-01", "2026-12-08").replace("secretVersion: 7", "secretVersion: 8"),
    );
    assert.equal(edited(before, shutOut), before.replace("true", "false"));
  });

  it("puts the time below the version that it belongs to", () => {
    assert.equal(
      edited("token:\n  secretVersion: 1\n  enabled: true\n", rotate),
      "token:\n  secretVersion: 2\n  previousSecretExpiresAt: 2026-12-08T00:00:00Z\n  enabled: true\n",
    );
  });

  it("adds the token at the end, indented as other mappings are, before blank lines", () => {
    assert.equal(
      edited("labels:\n    region: apac\n# the end\n\n\n", shutOut),
      "labels:\n    region: apac\n# the end\ntoken:\n    enabled: false\n\n\n",
    );
    assert.equal(edited("signals:\n- metrics\n", shutOut), "signals:\n- metrics\ntoken:\n  enabled: false\n");
  });

  it("keeps carriage returns, a byte order mark, and a missing last line break", () => {
    assert.equal(
      edited("\uFEFFtoken:\r\n  enabled: true\r\n  duration: 1h", rotate),
      "\uFEFFtoken:\r\n  enabled: true\r\n  duration: 1h\r\n  secretVersion: 2\r\n  previousSecretExpiresAt: 2026-12-08T00:00:00Z",
    );
    assert.equal(edited("description: x\r\n", shutOut), "description: x\r\ntoken:\r\n  enabled: false\r\n");
    assert.equal(edited("description: x", shutOut), "description: x\ntoken:\n  enabled: false");
  });

  it("keeps a mapping that is indented as a whole", () => {
    assert.equal(edited("  description: x\n", shutOut), "  description: x\n  token:\n    enabled: false\n");
  });
});

describe("editToken in a file that holds nothing", () => {
  it("writes the token", () => {
    assert.equal(edited("", shutOut), "token:\n  enabled: false\n");
    assert.equal(edited("\n\n", shutOut), "token:\n  enabled: false\n\n\n");
    assert.equal(edited("---\n", shutOut), "---\ntoken:\n  enabled: false\n");
    assert.equal(edited("# Tokyo\n", shutOut), "# Tokyo\ntoken:\n  enabled: false\n");
    assert.equal(edited("\uFEFF# Tokyo", shutOut), "\uFEFF# Tokyo\ntoken:\n  enabled: false");
    assert.equal(edited("", shutOut, "json"), '{ "token": { "enabled": false } }\n');
  });
});

describe("editToken in braces", () => {
  it("adds in the same line where the others are in one", () => {
    const added = "secretVersion: 2, previousSecretExpiresAt: 2026-12-08T00:00:00Z";
    assert.equal(edited("token: {} # none\n", rotate), `token: { ${added} } # none\n`);
    assert.equal(edited("token: { }\n", rotate), `token: { ${added} }\n`);
    assert.equal(edited("token: { duration: 8760h }\n", rotate), `token: { duration: 8760h, ${added} }\n`);
    assert.equal(edited("token: {duration: 8760h, }\n", rotate), `token: {duration: 8760h, ${added}, }\n`);
    assert.equal(
      edited("{ token: { 'enabled': true }, labels: {} }", rotate),
      "{ token: { 'enabled': true, 'secretVersion': 2, 'previousSecretExpiresAt': '2026-12-08T00:00:00Z' }, labels: {} }",
    );
  });

  it("adds lines where each key has one, and a comma where one was missing", () => {
    assert.equal(
      edited("token: {\n  duration: 8760h # a year\n}\n", shutOut),
      "token: {\n  duration: 8760h, # a year\n  enabled: false\n}\n",
    );
    assert.equal(
      edited("token: {\n  duration: 8760h, # a year\n  # more?\n}\n", shutOut),
      "token: {\n  duration: 8760h, # a year\n  enabled: false,\n  # more?\n}\n",
    );
    assert.equal(
      edited("token: {\n  duration: 8760h }\n", shutOut),
      "token: {\n  duration: 8760h,\n  enabled: false }\n",
    );
    assert.equal(edited("token: {\n}\n", shutOut), "token: {\n  enabled: false\n}\n");
  });

  it("keeps JSON what it is, with spaces, with tabs, and in one line", () => {
    const json = { $schema: "../site.schema.json", labels: { region: "apac" } };
    for (const space of [2, 4, "\t"]) {
      assert.equal(
        edited(`${JSON.stringify(json, undefined, space)}\n`, rotate, "json"),
        `${JSON.stringify({ ...json, token: rotate }, undefined, space)}\n`,
      );
    }
    assert.equal(edited(JSON.stringify(json), rotate, "json"), JSON.stringify({ ...json, token: rotate }));
    assert.equal(edited("{}", shutOut, "json"), '{ "token": { "enabled": false } }');
    assert.equal(edited('{"token":{}}', shutOut, "json"), '{"token":{"enabled":false}}');
  });
});

describe("editToken", () => {
  it("gives back the same text when nothing is to be changed", () => {
    for (const text of ["", "token: { enabled: true }\n", "signals: [metrics]"]) {
      assert.equal(edited(text, { enabled: true }), text);
    }
  });

  it("keeps anchors and tags that stand for the token alone", () => {
    assert.equal(
      edited("token: &t\n  enabled: !!bool true\n", shutOut),
      "token: &t\n  enabled: !!bool false\n",
    );
  });

  it("passes over aliases that it need not touch", () => {
    const before = "description: &d 8760h\ntoken:\n  duration: *d\n";
    assert.equal(edited(before, shutOut), `${before}  enabled: false\n`);
  });

  it("leaves to a person what an alias stands for", () => {
    const hand = "Set token.enabled: false by hand";
    assert.equal(
      refused(
        "description: &t 2026-06-01T00:00:00Z\ntoken: { secretVersion: 2, previousSecretExpiresAt: *t }\n",
        rotate,
      ),
      "token.previousSecretExpiresAt is an alias (*t). Set token.previousSecretExpiresAt: 2026-12-08T00:00:00Z by hand",
    );
    const shared = "labels: &l {}\ntoken: *l\n";
    assert.equal(refused(shared, shutOut), `token is an alias (*l). ${hand}`);
    const other = "token: &l {}\nlabels: *l\n";
    assert.equal(
      refused(other, shutOut),
      `is written in a way that cannot be changed without changing more. ${hand}`,
    );
  });

  it("leaves to a person what is laid out too oddly", () => {
    const rest = "Set token.enabled: false by hand";
    const more = `is written in a way that cannot be changed without changing more. ${rest}`;
    assert.equal(
      refused("? token\n: duration: 1h\n", shutOut),
      `token is laid out in a way that nothing can be added to. ${rest}`,
    );
    assert.equal(refused("description: x\n...\n", shutOut), more);
    assert.equal(refused("description: |+\n  x\n\n", shutOut), more);
    assert.equal(refused("null\n", shutOut), `holds something else than keys with values. ${rest}`);
    assert.equal(
      refused("token: {\n  # none\n}\n", shutOut),
      `token holds nothing but a comment in braces. ${rest}`,
    );
    assert.equal(
      refused(
        "token:\n  secretVersion: 2\n  previousSecretExpiresAt: >-\n    2026-06-01T00:00:00Z\n",
        rotate,
      ),
      "token.previousSecretExpiresAt is a block of text. Set token.previousSecretExpiresAt: 2026-12-08T00:00:00Z by hand",
    );
  });

  it("refuses what the program refuses to read", () => {
    assert.equal(refused("token: # later\n", shutOut), "token is null, not a mapping. Give a mapping");
    assert.equal(refused("token: {}\ntoken: {}\n", shutOut).slice(0, 32), "cannot be read as YAML (line 2):");
  });
});
