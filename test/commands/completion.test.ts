import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { completionScript, shells, type Shell } from "../../cli/project/completion-scripts";
import { sitepass } from "../support/sitepass";

const program = join(__dirname, "..", "..", "bin", "sitepass.cjs");

const isThere = (name: string): boolean => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;

/** How each is started without what a person has configured, and how its command that only shows its words is defined. */
const starts: Readonly<Record<Shell, { readonly line: string; readonly setUp: readonly string[] }>> = {
  bash: { line: "bash --norc --noprofile -i", setUp: [`sitepass() { printf '<%s>' "$@"; echo; }`] },
  zsh: {
    line: "zsh -f -i",
    setUp: ["autoload -Uz compinit && compinit -u -D", `sitepass() { printf '<%s>' "$@"; echo; }`],
  },
  fish: { line: "fish --no-config -i", setUp: ["function sitepass; printf '<%s>' $argv; echo; end"] },
};

describe("sitepass completion", () => {
  let home: string;
  let project: string;

  before(() => {
    // A folder whose name would not survive careless quoting.
    home = mkdtempSync(join(tmpdir(), "sitepass it's a $HOME "));
    project = join(home, "project");
    mkdirSync(join(project, "sites"), { recursive: true });
    for (const name of [
      "lima",
      "oslo",
      "$(touch pwned)",
      "`touch pwned`",
      ";touch pwned;",
      "x\ntouch pwned",
    ]) {
      writeFileSync(join(project, "sites", `${name}.yaml`), "");
    }
    copyFileSync(join(__dirname, "..", "..", "Pulumi.prod.yaml"), join(project, "Pulumi.prod.yaml"));
    writeFileSync(join(project, "Pulumi.$(touch pwned).yaml"), "");
  });

  after(() => {
    rmSync(home, { recursive: true });
  });

  /** Types into a shell on a terminal of its own; what it shows. */
  async function type(shell: Shell, keys: string, until: RegExp): Promise<string> {
    const { line, setUp } = starts[shell];
    const script = join(home, `sitepass.${shell}`);
    writeFileSync(script, completionScript(shell, program));
    const child = spawn("script", ["-qec", line, "/dev/null"], {
      cwd: project,
      env: { ...process.env, HOME: home, TERM: "xterm", PS1: "$ ", PROMPT: "$ ", COLUMNS: "200" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    let shown = "";
    child.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    const waitFor = async (what: RegExp): Promise<void> => {
      for (let waited = 0; !what.test(shown); waited += 50) {
        assert.ok(waited < 60_000, `${shell} did not show ${String(what)}: ${JSON.stringify(shown)}`);
        await delay(50);
      }
    };
    try {
      child.stdin.write([...setUp, `source ../sitepass.${shell}`, "echo rea''dy", ""].join("\n"));
      await waitFor(/(?:^|[\r\n])ready\r?\n/);
      shown = "";
      child.stdin.write(keys);
      await waitFor(until);
      return shown;
    } finally {
      child.stdin.end("\u0003\nexit\n");
      child.kill();
    }
  }

  for (const shell of shells) {
    describe(
      shell,
      { skip: isThere(shell) && isThere("script") ? false : `${shell} is not installed` },
      () => {
        it("completes commands, sites, options and their values", async () => {
          await type(
            shell,
            "sitepass rend\tlim\t--inst\t/opt --stack pro\t--collector allo\t\n",
            /<render><lima><--install-dir><\/opt><--stack><prod><--collector><alloy>/,
          );
        });

        it("completes a value behind =", async () => {
          await type(
            shell,
            "sitepass render --collector=fluen\tlim\t\n",
            /<render><--collector=fluent-bit><lima>/,
          );
        });

        it("completes files where the value is one", async () => {
          writeFileSync(join(project, "credentials here.env"), "");
          await type(
            shell,
            "sitepass output lima --to cred\t\n",
            /<output><lima><--to><credentials here\.env>/,
          );
        });

        it("runs nothing of what it finds in sites/, and offers none of it", async () => {
          // What was completed is typed away, so that the shell runs nothing but the last line.
          const keys = ["sitepass render \t\t\t\u0015", "sitepass check --stack \t\t\u0015", "echo don''e\n"];
          const shown = await type(shell, keys.join(""), /done\r?\n/);
          assert.match(shown, /lima[^]*oslo/);
          assert.match(shown, /--stack [^]*prod/);
          assert.doesNotMatch(shown, /touch/);
          assert.equal(existsSync(join(project, "pwned")), false);
        });
      },
    );
  }

  it("prints the script, and names the shells there are", async () => {
    const { exitCode, stdout, stderr } = await sitepass(["completion", "bash"]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.equal(stdout, completionScript("bash", program));
    const wrong = await sitepass(["completion", "tcsh"]);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /Allowed choices are bash, zsh, fish/);
  });

  it("keeps quiet where the program is gone", () => {
    const script = completionScript("bash", "/nowhere/it's/sitepass.cjs");
    const line = `${script}\nCOMP_WORDS=(sitepass re); COMP_CWORD=1; _sitepass; echo "<\${COMPREPLY[*]}>"`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", line], { encoding: "utf8" });
    assert.deepEqual([stdout, stderr], ["<>\n", ""]);
  });
});
