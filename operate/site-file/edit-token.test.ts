import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { orThrow, problemText } from "../../fleet/problem";
import { changedLines, editToken, type TokenChanges } from "./edit-token";

const rotate: TokenChanges = { secretVersion: 2, previousSecretExpiresAt: "2026-12-08T00:00:00Z" };
const shutOut: TokenChanges = { enabled: false };

const edited = (before: string, changes: TokenChanges): string =>
  orThrow(editToken(before, changes, "sites/a.yaml"));

function refused(before: string, changes: TokenChanges): string {
  const result = editToken(before, changes, "sites/a.yaml");
  assert.ok(!result.ok, "it was edited");
  return result.problems.map(problemText).join("\n");
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
      `{ token: { 'enabled': true, ${added} }, labels: {} }`,
    );
  });

  it("adds in the line of the last key where each has one, before what follows it there", () => {
    assert.equal(
      edited("token: {\n  duration: 8760h # a year\n}\n", shutOut),
      "token: {\n  duration: 8760h, enabled: false # a year\n}\n",
    );
    assert.equal(
      edited("token: {\n  duration: 8760h, # a year\n  # more?\n}\n", shutOut),
      "token: {\n  duration: 8760h, enabled: false, # a year\n  # more?\n}\n",
    );
    assert.equal(
      edited("token: {\n  duration: 8760h }\n", shutOut),
      "token: {\n  duration: 8760h, enabled: false }\n",
    );
    assert.equal(edited("token: {\n}\n", shutOut), "token: { enabled: false\n}\n");
    assert.equal(edited("token: {\n  # none\n}\n", shutOut), "token: { enabled: false\n  # none\n}\n");
  });

  it("adds to what was a JSON file", () => {
    const json = { labels: { region: "apac" } };
    assert.equal(
      edited(`${JSON.stringify(json, undefined, 2)}\n`, rotate),
      `{
  "labels": {
    "region": "apac"
  }, token: { secretVersion: 2, previousSecretExpiresAt: 2026-12-08T00:00:00Z }
}
`,
    );
    assert.equal(
      edited(JSON.stringify(json), shutOut),
      '{"labels":{"region":"apac"}, token: { enabled: false }}',
    );
    assert.equal(edited("{}", shutOut), "{ token: { enabled: false } }");
    assert.equal(edited('{"token":{}}', shutOut), '{"token":{ enabled: false }}');
    assert.equal(edited('{"token":{"enabled":true}}', shutOut), '{"token":{"enabled":false}}');
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

  const byHand = "Set token.enabled: false by hand.";
  const more = `sites/a.yaml: is written in a way that cannot be changed without changing more. ${byHand}`;

  it("leaves to a person what an alias stands for", () => {
    assert.equal(
      refused(
        "description: &t 2026-06-01T00:00:00Z\ntoken: { secretVersion: 2, previousSecretExpiresAt: *t }\n",
        rotate,
      ),
      "sites/a.yaml: token.previousSecretExpiresAt is an alias (*t). Set token.previousSecretExpiresAt: 2026-12-08T00:00:00Z by hand.",
    );
    assert.equal(
      refused("labels: &l {}\ntoken: *l\n", shutOut),
      `sites/a.yaml: token is an alias (*l). ${byHand}`,
    );
    assert.equal(refused("token: &l {}\nlabels: *l\n", shutOut), more);
  });

  it("leaves to a person what is laid out too oddly", () => {
    assert.equal(refused("? token\n: duration: 1h\n", shutOut), more);
    assert.equal(refused("description: x\n...\n", shutOut), more);
    assert.equal(refused("description: |+\n  x\n\n", shutOut), more);
    assert.equal(refused("null\n", shutOut), more);
    assert.equal(
      refused(
        "token:\n  secretVersion: 2\n  previousSecretExpiresAt: >-\n    2026-06-01T00:00:00Z\n",
        rotate,
      ),
      more.replace(byHand, "Set token.previousSecretExpiresAt: 2026-12-08T00:00:00Z by hand."),
    );
  });

  it("refuses what the program refuses to read", () => {
    assert.equal(
      refused("token: # later\n", shutOut),
      "sites/a.yaml: token is empty, not a mapping. Give a mapping, or drop the key.",
    );
    assert.match(
      refused("token: {}\ntoken: {}\n", shutOut),
      /^sites\/a\.yaml: is not valid YAML \(line 2\): /,
    );
  });
});

describe("changedLines", () => {
  it("counts lost lines in the old text and gained ones in the new, and takes a changed line break for a change", () => {
    assert.deepEqual(changedLines("\uFEFFa\r\nb\r\nc\r\nd", "\uFEFFa\r\nB\r\n1\r\nc\nd"), [
      { sign: "-", line: 2, text: "b" },
      { sign: "-", line: 3, text: "c" },
      { sign: "+", line: 2, text: "B" },
      { sign: "+", line: 3, text: "1" },
      { sign: "+", line: 4, text: "c" },
    ]);
    assert.deepEqual(changedLines("a\n", "a\nb\nc\n"), [
      { sign: "+", line: 2, text: "b" },
      { sign: "+", line: 3, text: "c" },
    ]);
    assert.deepEqual(changedLines("same", "same"), []);
  });
});
