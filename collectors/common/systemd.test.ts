import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dropIn, environmentLine, execStart, systemdArgument } from "./systemd";
import { bare, behindRelay } from "../testing/sites";

describe("a drop-in", () => {
  it("starts after the network, and behind the relay after the relay", () => {
    assert.deepEqual(dropIn("alloy", bare, ["TimeoutStopSec=90"]), {
      path: "systemd/alloy.service.d/sitepass.conf",
      mode: 0o644,
      content: `# Rendered by sitepass.
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
TimeoutStopSec=90
Restart=always
RestartSec=5
`,
    });
    assert.match(
      dropIn("alloy", behindRelay, []).content,
      /^Wants=sitepass-relay\.service\nAfter=sitepass-relay\.service$/m,
    );
  });

  it("takes the unit's own command away before it sets another", () => {
    assert.deepEqual(execStart("program", ["--file=/etc/a b", "--flag"]), [
      "# The first, empty one takes the unit's own command away.",
      "ExecStart=",
      'ExecStart=program \\\n  "--file=/etc/a b" \\\n  --flag',
    ]);
  });
});

describe("an argument in a unit", () => {
  it("is quoted where systemd would part, expand or unescape it", () => {
    const table: readonly (readonly [string, string])[] = [
      ["--config.file=/etc/sitepass/x.yml", "--config.file=/etc/sitepass/x.yml"],
      ["", '""'],
      ["two words", '"two words"'],
      ["100%", "100%%"],
      ["$HOME ${HOME}", '"$$HOME $${HOME}"'],
      ['a"b\\c', '"a\\"b\\\\c"'],
      ["a\nb;", '"a\\nb;"'],
      ["'", `"'"`],
    ];
    for (const [text, argument] of table) {
      assert.equal(systemdArgument(text), argument);
    }
  });

  it("stays what it is in a file of variables", () => {
    assert.equal(environmentLine("NAME", 'a"b$c`d\\e'), 'NAME="a\\"b\\$c\\`d\\\\e"\n');
  });
});
