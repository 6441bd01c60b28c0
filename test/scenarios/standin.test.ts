import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { engineStack, copyProject, type ProjectStack } from "../../local/run/project-stack";
import { sitepass } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const program = join(__dirname, "..", "..", "local", "run", "main.ts");

interface RunningStandIn {
  readonly process: ChildProcess;
  /** All that it printed before it said how to go on. */
  readonly text: string;
}

/** Starts it in a project's folder as `npm run standin` does, and waits for what it prints. */
async function start(t: TestContext, directory: string, args: readonly string[]): Promise<RunningStandIn> {
  const child = spawn(process.execPath, ["--import", "tsx", program, ...args], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.includes("/__standin/switches\n")) {
          resolve();
        }
      });
    }
    child.on("close", () => {
      reject(new Error(`it ended:\n${text}`));
    });
  });
  return { process: child, text };
}

/** The value of what it says to export. */
const exported = (text: string, name: string): string =>
  new RegExp(`export ${name}=(\\S+)`).exec(text)?.[1] ?? "";

describe("npm run standin", () => {
  it("serves all that the commands need, as it prints them", async (t) => {
    const home = mkdtempSync(join(tmpdir(), "sitepass-standin-"));
    t.after(() => {
      rmSync(home, { recursive: true, force: true });
    });
    const directory = join(home, "project");
    mkdirSync(directory);
    copyProject(directory);
    for (const file of readdirSync(join(directory, "sites"))) {
      rmSync(join(directory, "sites", file));
    }
    for (const name of ["berlin", "tokyo"]) {
      writeFileSync(join(directory, "sites", `${name}.yaml`), "");
    }
    const { process: standIn, text } = await start(t, directory, ["--port", "0", "--edge-port", "0"]);
    const via = / --via (http:\S+)/.exec(text)?.[1] ?? "";
    const stack: ProjectStack = engineStack({
      directory,
      home: join(directory, ".sitepass"),
      stackName: "prod",
      baseUrl: exported(text, "CLOUDFLARE_BASE_URL"),
      apiToken: exported(text, "CLOUDFLARE_API_TOKEN"),
    });
    const run = (...args: string[]): Promise<CommandResult> =>
      sitepass([...args, "--state", ".sitepass/prod.json"], {
        cwd: directory,
        environment: stack.forSitepass.environment,
      });
    const up = await stack.up();
    assert.equal(up.exitCode, 0, up.text);

    const first = await run("verify", "--via", via);
    assert.match(first.stdout, /\n2 sites tried: everything is as expected\.\n$/);
    assert.equal(first.exitCode, 0);

    const url = /(http:\S+\/__standin\/switches)\n/.exec(text)?.[1] ?? "";
    const switched = await fetch(url, { method: "POST", body: '{"connector": false}' });
    assert.equal(switched.status, 200);
    const second = await run("verify", "--via", via);
    assert.match(second.stdout, /error: berlin, tokyo \(metrics\): .* 530 .* Start cloudflared /);
    assert.equal(second.exitCode, 1);
    await fetch(url, { method: "POST", body: '{"connector": true}' });

    const revoked = await run("revoke", "berlin", "--immediately");
    assert.equal(revoked.exitCode, 0, revoked.stderr);
    const third = await run("verify", "--via", via);
    assert.match(third.stdout, /\nberlin +metrics +ok +shut out +1 of 1\n/);
    assert.equal(third.exitCode, 0);

    standIn.kill("SIGINT");
    assert.deepEqual(await once(standIn, "exit"), [0, null]);
  });

  it("keeps its API token with what it keeps, so that what was exported stays right", async (t) => {
    const home = mkdtempSync(join(tmpdir(), "sitepass-standin-"));
    t.after(() => {
      rmSync(home, { recursive: true, force: true });
    });
    copyProject(home);
    const state = join(home, "kept", "account.json");
    const tokens: string[] = [];
    for (const args of [["--state", state], ["--state", state], []]) {
      const { process: standIn, text } = await start(t, home, ["--port", "0", "--edge-port", "0", ...args]);
      tokens.push(exported(text, "CLOUDFLARE_API_TOKEN"));
      assert.equal(exported(text, "SITEPASS_STATE"), ".sitepass/prod.json");
      standIn.kill("SIGINT");
      await once(standIn, "exit");
    }
    const [first = "", second, other] = tokens;
    assert.match(first, /^[\w-]{40}$/);
    assert.equal(second, first);
    assert.notEqual(other, first);
    assert.equal(statSync(`${state}.token`).mode & 0o777, 0o600);
  });
});
