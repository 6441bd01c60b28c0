import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { version } from "../../package.json";
import { runProcess } from "../../local/run/processes";
import { localEngine } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepass, sitepassOn } from "../support/sitepass";

const program = join(__dirname, "..", "..", "bin", "sitepass.cjs");

describe("the command line, whatever is typed", () => {
  let fleet: Scenario;

  before(async () => {
    fleet = await openScenario(localEngine, { sites: { osaka: "", tokyo: "" } });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
  });

  after(() => fleet.close());

  /** Runs it as a shell does, with the shell's redirections. */
  function shell(
    line: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
    const script = `set -o pipefail; sitepass() { "$NODE" "$PROGRAM" "$@"; }; ${line}`;
    return runProcess("bash", ["-c", script, "bash", ...fleet.forSitepass.args], {
      cwd: fleet.directory,
      environment: {
        ...fleet.forSitepass.environment,
        NODE: process.execPath,
        PROGRAM: program,
        NO_COLOR: "1",
        ...environment,
      },
    });
  }

  it("says its version", async () => {
    assert.deepEqual(await sitepass(["--version"]), { exitCode: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("refuses empty values, which a variable that is not set leaves behind", async () => {
    for (const [args, named] of [
      [["render", "--all", "--out", ""], "--out"],
      [["output", "tokyo", "--to", " "], "--to"],
      [["status", "--stack", ""], "--stack"],
      [["rotate", ""], "<site>"],
      [["adopt", "--skip", ""], "--skip"],
      [["output", "", "--to", ""], "<site> and --to"],
    ] as const) {
      const { exitCode, stdout, stderr } = await sitepass(args);
      assert.equal(exitCode, 2, stderr);
      assert.equal(
        stderr,
        `error: ${named}: is empty. Give a value, or leave it out.\nSee \`sitepass --help\`.\n`,
      );
      assert.equal(stdout, "");
    }
  });

  it("refuses options that mean nothing together with wrong usage, in every command alike", async () => {
    for (const [args, says] of [
      [
        ["render", "tokyo", "--relay-port", "9000", "--no-relay"],
        "--relay-port does not go with --no-relay.",
      ],
      [["render", "tokyo", "--all"], "--all comes with tokyo. Name sites, or take --all, not both."],
      [["render"], "no site is named. Name sites as in `npx sitepass render tokyo`, or take --all."],
      [["verify", "--interval", "3", "--timeout", "9"], "--interval and --timeout comes only with --watch."],
      [["rotate", "tokyo", "--wait", "1h"], "--wait comes only with --confirm."],
      [["rotate", "--all", "--now", "--waves", "5"], "--waves does not go with --now."],
    ] as const) {
      const { exitCode, stderr } = await sitepass(args);
      assert.equal(exitCode, 2, stderr);
      assert.equal(stderr, `error: ${says}\nSee \`sitepass --help\`.\n`);
    }
    assert.equal((await sitepass(["check", "--offline", "--reads-only"])).exitCode, 2);
  });

  it("prints one JSON document when asked to, for wrong usage and for what is wrong, too", async () => {
    const usage = await sitepass(["rotate", "--json"]);
    assert.equal(usage.exitCode, 2);
    assert.deepEqual(JSON.parse(usage.stdout), {
      ok: false,
      problems: [
        "usage: no site is named. Name sites as in `npx sitepass rotate tokyo`, or take --all. See `sitepass --help`.",
      ],
    });
    for (const command of [
      ["render", "tokio"],
      ["renew", "tokio"],
      ["revoke", "tokio"],
      ["rotate", "tokio"],
    ]) {
      const { exitCode, stdout } = await sitepassOn(fleet, [...command, "--json"]);
      assert.equal(exitCode, 1);
      assert.deepEqual(JSON.parse(stdout), {
        ok: false,
        problems: ["tokio: is not a site, for there is no sites/tokio.yaml. Did you mean tokyo?"],
      });
    }
  });

  it("reads the state that SITEPASS_STATE names, from the project's folder", async () => {
    const [, directory = ""] = fleet.forSitepass.args;
    const state = fleet.forSitepass.args.at(-1) ?? "";
    const here = mkdtempSync(join(tmpdir(), "sitepass-elsewhere-"));
    try {
      const run = (value: string) =>
        shell(`cd "${here}" && sitepass status --cwd "${directory}"`, { SITEPASS_STATE: value });
      assert.equal((await run(state)).exitCode, 0);
      const relative = await run("no/such.json");
      assert.equal(relative.exitCode, 1);
      assert.match(
        relative.stdout,
        new RegExp(`^error: ${join(directory, "no/such.json")}: does not exist\\.`, "m"),
      );
    } finally {
      rmSync(here, { recursive: true });
    }
  });

  it("takes a state that it cannot read for an alarm, and never for a fleet without sites", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sitepass-states-"));
    try {
      writeFileSync(join(folder, "empty.json"), "");
      writeFileSync(join(folder, "other.json"), '{"name":"other"}');
      const { args, environment } = fleet.forSitepass;
      for (const [name, says] of [
        [
          "none.json",
          "does not exist. Make it with `npm run engine -- up`, or leave out --state to ask pulumi.",
        ],
        [".", "is a folder, not a file. Name a file."],
        [
          "empty.json",
          "is not a state file of local/engine. Move it away to start anew, or name another with --state.",
        ],
        [
          "other.json",
          "is not a state file of local/engine. Move it away to start anew, or name another with --state.",
        ],
      ] as const) {
        const path = join(folder, name);
        const place = [...args.slice(0, -1), path];
        for (const command of [["status"], ["verify", "--via", "http://127.0.0.1:1"], ["renew", "--all"]]) {
          const { exitCode, stdout, stderr } = await sitepass([...command, ...place], { environment });
          assert.equal(exitCode, 1, command[0]);
          assert.ok(
            `${stdout}${stderr}`.includes(`error: ${path.replace(/\/\.$/, "")}: ${says}\n`),
            stdout + stderr,
          );
          assert.doesNotMatch(stdout, /delete/);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("goes on quietly when nobody reads its output any more", async () => {
    for (const line of [
      'sitepass status "$@" | true',
      'sitepass status --json "$@" | head -c 1 > /dev/null',
      "sitepass --help | true",
      'sitepass revoke --immediately tokyo "$@" | true',
    ]) {
      const { stderr } = await shell(line);
      assert.equal(stderr, "", line);
    }
    const tokyo = [...fleet.standIn.database.serviceTokens.values()].find(({ name }) =>
      name.endsWith("tokyo"),
    );
    assert.equal(tokyo?.enabled, false);
    assert.equal((await shell('sitepass revoke --undo --immediately tokyo "$@"')).exitCode, 0);
  });

  it("says that the result could not be written", { skip: process.platform !== "linux" }, async () => {
    const full =
      "error: stdout: cannot be written (no space left on device). Make room on the disk, and run it again.\n";
    for (const command of ["output tokyo", "status", "check --offline", "render tokyo --json"]) {
      const { exitCode, stderr } = await shell(`sitepass ${command} "$@" > /dev/full`);
      assert.equal(exitCode, 1, command);
      assert.ok(stderr.endsWith(full), stderr);
      assert.doesNotMatch(stderr, /^\s+at /m);
    }
    for (const nowhere of [">&-", "> /dev/null"]) {
      const { exitCode, stderr } = await shell(`sitepass output tokyo "$@" ${nowhere}`);
      assert.equal(exitCode, 1);
      assert.equal(
        stderr,
        "error: stdout: is closed or leads to /dev/null, so that nobody would get the credentials. Name a file with --to or a command with --exec, or use a pipe.\n",
      );
    }
  });

  it("says in a sentence what the system refuses, for every file that a command reads", async () => {
    const { args, environment } = fleet.forSitepass;
    const folder = mkdtempSync(join(tmpdir(), "sitepass-project-"));
    try {
      writeFileSync(join(folder, "Pulumi.yaml"), "name: sitepass\nruntime: nodejs\n");
      mkdirSync(join(folder, "Pulumi.prod.yaml"));
      const place = ["--cwd", folder, ...args.slice(2)];
      for (const command of ["check", "status", "render --all", "renew --all"]) {
        const { exitCode, stdout, stderr } = await sitepass([...command.split(" "), ...place], {
          environment,
        });
        assert.equal(exitCode, 1);
        assert.match(`${stdout}${stderr}`, /Pulumi\.prod\.yaml: is a folder, not a file\. Name a file\.$/m);
        assert.doesNotMatch(stderr, /^\s+at /m);
      }
    } finally {
      chmodSync(folder, 0o700);
      rmSync(folder, { recursive: true });
    }
  });
});

describe("bin/sitepass.cjs", () => {
  it("refuses a Node.js that is too old before it loads anything", () => {
    const script = `
      Object.defineProperty(process, "version", { value: "v18.20.4" });
      process.argv = [process.execPath, "sitepass", "status"];
      require(${JSON.stringify(program)});
    `;
    const { status, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.equal(
      stderr,
      "error: Node.js: is v18.20.4, and sitepass needs >=20.19. Install that, for example from https://nodejs.org.\n",
    );
  });
});
