import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { sitepass } from "../../test/support/sitepass";

describe("sitepass __complete, which the shells' scripts ask", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sitepass-complete-"));
    mkdirSync(join(directory, "sites"));
    const files = {
      "sites/lima.yaml": "not: [valid",
      "sites/oslo.yml": "",
      "sites/README.md": "",
      "sites/Upper.yaml": "",
      "sites/a b.yaml": "",
      "sites/$(touch pwned).yaml": "",
      "sites/`touch pwned`.yaml": "",
      "sites/;touch pwned;.yaml": "",
      "sites/one\ntwo.yaml": "",
      "Pulumi.yaml": "name: sitepass\n",
      "Pulumi.eu.yaml": "config:\n  sitepass:shard: eu\n  sitepass:zone: secret.example\n",
      "Pulumi.us.yaml": 'config:\n  "sitepass:shard": "us" # far\n',
      "Pulumi.bad.yaml": "config: [\n  sitepass:shard: $(touch pwned)\n",
      "Pulumi.$(touch pwned).yaml": "",
    };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text);
    }
  });

  after(() => {
    rmSync(directory, { recursive: true });
  });

  const answer = async (shell: string, ...words: readonly string[]): Promise<readonly string[]> => {
    const { exitCode, stdout, stderr } = await sitepass(["__complete", shell, "--", ...words]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const [kind = "", ...lines] = stdout.trimEnd().split("\n");
    return kind === "words" ? lines.map((line) => line.replace(/\t.*/, "")) : [`(${kind})`];
  };

  const here = (): readonly string[] => ["--cwd", directory];

  it("knows every command that --help shows, and no other", async () => {
    const { stdout } = await sitepass(["--help"]);
    const shown = stdout
      .slice(stdout.indexOf("Commands:"))
      .split("\n")
      .flatMap((line) => /^ {2}([a-z-]+) /.exec(line)?.[1] ?? []);
    assert.deepEqual(await answer("zsh", ""), shown);
    assert.deepEqual(
      await answer("zsh", "re"),
      ["render", "renew", "revoke"].filter((one) => shown.includes(one)),
    );
    assert.deepEqual(await answer("zsh", "central", ""), ["map", "keys"]);
    assert.deepEqual(await answer("zsh", "nonsense", ""), []);
  });

  it("completes options, and leaves out those that are given", async () => {
    assert.deepEqual(await answer("zsh", "revoke", "lima", "--"), [
      "--stack",
      "--all-stacks",
      "--cwd",
      "--state",
      "--immediately",
      "--undo",
      "--dry-run",
      "--json",
      "--help",
    ]);
    assert.deepEqual(await answer("zsh", "revoke", "--json", "--stack", "eu", "--j"), []);
    assert.deepEqual(await answer("zsh", "revoke", "--stack", "eu", "--st"), ["--stack", "--state"]);
    assert.deepEqual(await answer("zsh", "revoke", "--", "--"), []);
  });

  it("completes what options and arguments can be", async () => {
    for (const [words, expected] of [
      [
        ["render", ...here(), ""],
        ["lima", "oslo"],
      ],
      [["render", ...here(), "lima", ""], ["oslo"]],
      [["render", `--cwd=${directory}`, "o"], ["oslo"]],
      [["output", ...here(), "lima", ""], ["(files)"]],
      [["add", ...here(), ""], []],
      [
        ["check", ...here(), "--stack", ""],
        ["bad", "eu", "us"],
      ],
      [
        ["move", ...here(), "lima", "--to", ""],
        ["eu", "us"],
      ],
      [["add", ...here(), "--shard", "u"], ["us"]],
      [
        ["add", "--collector", "v"],
        ["vmagent", "vector"],
      ],
      [
        ["render", "--collector=v"],
        ["--collector=vmagent", "--collector=vector"],
      ],
      [
        ["add", "--relay", ""],
        ["nginx", "caddy"],
      ],
      [["render", ...here(), "lima", "--relay", "c"], ["caddy"]],
      [["render", "--relay=n"], ["--relay=nginx"]],
      [
        ["add", "--signals", ""],
        ["metrics", "logs"],
      ],
      [["add", "--signals", "logs,"], ["logs,metrics"]],
      [["output", "--format", "k"], ["kubernetes"]],
      [
        ["completion", ""],
        ["bash", "zsh", "fish"],
      ],
      [["check", "--cwd", ""], ["(folders)"]],
      [["status", "--state", ""], ["(files)"]],
      [["adopt", "--rotate", "--j"], ["--json"]],
      [["check", "--nonsense", ""], []],
    ] as const) {
      assert.deepEqual(await answer("zsh", ...words), expected, words.join(" "));
    }
  });

  it("takes words as each shell splits and quotes them", async () => {
    assert.deepEqual(await answer("bash", "render", "--collector", "=", "al"), ["alloy"]);
    assert.deepEqual(await answer("bash", "render", "--mode", "="), ["server", "agent"]);
    assert.deepEqual(await answer("bash", "render", "--cwd", "=", `'${directory}'`, "li"), ["lima"]);
    assert.deepEqual(await answer("fish", "render", "--cwd", directory.replaceAll("-", "\\-"), "'li"), [
      "lima",
    ]);
  });

  it("gives no shell anything that has a meaning to it, and needs no folder", async () => {
    const everything = [
      ...(await answer("bash", "render", ...here(), "")),
      ...(await answer("bash", "render", ...here(), "--stack", "")),
      ...(await answer("bash", "move", ...here(), "--to", "")),
    ];
    assert.ok(
      everything.every((word) => /^[a-z0-9-]+$/.test(word)),
      everything.join(),
    );
    assert.deepEqual(await answer("bash", "render", "--cwd", "/nowhere", ""), []);
    assert.deepEqual(await answer("bash", "check", "--cwd", "/nowhere", "--stack", ""), []);
  });
});
