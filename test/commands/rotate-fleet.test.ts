import { problemsOf } from "../../fleet/problem";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, watch } from "node:fs";
import fs from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { readSiteFiles } from "../../fleet/site-files";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";
import assert from "node:assert/strict";

const [engine] = engines;

const rotationsIn = z.object({ rotated: z.array(z.object({ site: z.string() })) });

const day = 86_400_000;

const names = Array.from({ length: 12 }, (_, index) => `site-${index + 10}`);

describe("sitepass rotate --all", () => {
  let fleet: Scenario;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, {
      sites: {
        ...Object.fromEntries(names.map((name) => [name, `# ${name}\n`])),
        out: "token: { enabled: false }\n",
      },
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
  });

  after(() => fleet.close());

  const run = (...args: readonly string[]): Promise<CommandResult> => sitepassOn(fleet, ["rotate", ...args]);
  const textOf = (site: string): string =>
    readFileSync(join(fleet.directory, "sites", `${site}.yaml`), "utf8");
  const rotated = (): readonly string[] => names.filter((name) => textOf(name).includes("secretVersion: 2"));

  function seenAt(time: Date): void {
    for (const token of fleet.standIn.database.serviceTokens.values()) {
      token.lastSeenAt = time.toISOString();
    }
  }

  /** As if this much time had gone by since the last wave. */
  function moveWindows(milliseconds: number): void {
    for (const name of rotated()) {
      fleet.putSite(
        name,
        textOf(name).replace(
          /(previousSecretExpiresAt: )(\S+)/,
          (_, key: string, time: string) => key + new Date(Date.parse(time) - milliseconds).toISOString(),
        ),
      );
    }
  }

  it("rotates wave by wave: a quarter, nothing while it is under way, the next quarter when it was seen again", async () => {
    const wave = ["--all", "--waves", "25%"];
    const dry = await run(...wave, "--dry-run");
    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.deepEqual(rotated(), []);

    const first = await run(...wave);
    assert.equal(first.exitCode, 0, first.stderr);
    assert.equal(rotated().length, 3);
    assert.deepEqual(
      [...dry.stdout.matchAll(/^sites\/(\S+)\.yaml$/gm)].map(([, name]) => name).sort(),
      rotated(),
    );
    assert.match(first.stdout, /^Left out, shut out: out\.\n9 sites are due after this wave\.$/m);

    // Nothing of it has reached Cloudflare.
    const early = await run(...wave);
    assert.equal(early.exitCode, 1);
    assert.equal(early.stderr.match(/^error: .* Run `pulumi up`\. /gm)?.length, 3);
    assert.equal((await fleet.up()).exitCode, 0);

    const waiting = await run(...wave);
    assert.deepEqual([waiting.exitCode, waiting.stderr], [0, ""]);
    assert.match(
      waiting.stdout,
      new RegExp(
        `^Nothing was rotated: 3 sites of the wave before \\(${rotated().join(", ")}\\) are under way until \\S+Z\\.$`,
        "m",
      ),
    );
    assert.equal(rotated().length, 3);

    moveWindows(7 * day + 2 * 3_600_000);
    seenAt(new Date(Date.now() - day));
    const stalled = await run(...wave, "--json");
    assert.equal(stalled.exitCode, 1);
    assert.deepEqual(JSON.parse(stalled.stdout), {
      ok: false,
      problems: stalled.stderr
        .trimEnd()
        .replaceAll(/^error: /gm, "")
        .split("\n"),
    });
    assert.equal(
      stalled.stderr.match(/^error: .* has not pushed since its old secret stopped at /gm)?.length,
      3,
    );

    seenAt(new Date());
    const second = await run(...wave, "--json");
    assert.equal(second.exitCode, 0, second.stderr);
    assert.match(second.stdout, /"wave": \{\n {4}"kind": "rotate",\n {4}"left": 9\n {2}\}/);
    assert.equal(rotated().length, 6);
  });

  it("leaves every file whole, and the folder readable, when it is killed among many", async () => {
    const sites = join(fleet.directory, "sites");
    let killed = 0;
    const whole = /^# site-\d\d\n(?:token:\n {2}secretVersion: \d\n {2}previousSecretExpiresAt: \S+Z\n)?$/;
    for (const changes of [1, 4, 12, 20, 30]) {
      killed += (await killedAfter(changes, sites)) ? 1 : 0;
      assert.deepEqual(problemsOf(readSiteFiles(sites)), []);
      for (const name of names) {
        assert.match(textOf(name), whole);
      }
    }
    assert.ok(killed >= 3, `only ${killed} of five were killed`);
    // The same again comes through, and sweeps up.
    const last = await run("--all", "--force", "--grace", "1h");
    assert.equal(last.exitCode, 0, last.stderr);
    assert.deepEqual(
      readdirSync(sites).filter((entry) => entry.startsWith(".")),
      [],
    );
  });

  it("says what it has written when it is stopped midway, in words and as a document", async (t) => {
    const { rename } = fs;
    for (const json of [false, true]) {
      let renamed = 0;
      const renaming = t.mock.method(fs, "rename", async (from: string, to: string) => {
        await rename(from, to);
        renamed += 1;
        if (renamed === 2) {
          process.emit("SIGHUP");
        }
      });
      const stopped = await run("--all", "--force", ...(json ? ["--json"] : []));
      renaming.mock.restore();
      assert.equal(stopped.exitCode, 130);
      assert.match(stopped.stderr, /^Stopped: 2 of 12 files were written\.$/m);
      if (json) {
        const { rotated: written } = rotationsIn.parse(JSON.parse(stopped.stdout));
        assert.deepEqual(
          written.map(({ site }) => site),
          names.slice(0, 2),
        );
      } else {
        assert.match(stopped.stdout, /^site-10 .*\nsite-11 .*\n\nNext:$/m);
        assert.doesNotMatch(stopped.stdout, /site-12/);
      }
    }
  });

  /** Rotates the fleet, and kills that after so many events in its folder. @returns whether it came to that. */
  async function killedAfter(changes: number, sites: string): Promise<boolean> {
    const program = join(__dirname, "..", "..", "bin", "sitepass.cjs");
    const child = spawn(
      process.execPath,
      [program, "rotate", "--all", "--force", ...fleet.forSitepass.args],
      {
        env: { ...process.env, ...fleet.forSitepass.environment },
        stdio: "ignore",
      },
    );
    let seen = 0;
    const watcher = watch(sites, () => {
      seen += 1;
      if (seen === changes) {
        child.kill("SIGKILL");
      }
    });
    await once(child, "exit");
    watcher.close();
    return child.signalCode === "SIGKILL";
  }
});
