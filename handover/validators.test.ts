import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, it } from "node:test";
import type { Credentials } from "../collectors/collector";
import type { InstalledService } from "../collectors/site-folder/install-script";
import { success, type Result } from "../fleet/problem";
import type { SitePlan } from "./plan-site";
import { runValidators } from "./validators";

const never = new AbortController().signal;

/** A plan whose validator is this script, given the folder. */
function plan(directory: string, { clientSecret }: Credentials, script: string): Result<SitePlan> {
  const service: InstalledService = {
    folder: "alloy",
    title: "Alloy",
    unit: "alloy",
    user: "alloy",
    validator: { program: "sh", args: ["-c", script, directory] },
    rereadsSecrets: true,
  };
  return success({
    site: "tokyo",
    notes: [],
    services: [service, { ...service, validator: { program: "no-such-program", args: [] } }],
    files: [
      { path: "alloy/config.alloy", mode: 0o644, content: "config" },
      { path: "alloy/credentials/client_secret", mode: 0o600, content: clientSecret },
    ],
  });
}

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("sitepass-check-"));

describe("runValidators", () => {
  const outcome = (script: string, signal = never, timeout?: number) =>
    runValidators((directory, credentials) => plan(directory, credentials, script), signal, timeout);

  it("runs each validator on a copy with placeholders, and says which are not there", async () => {
    assert.deepEqual(await outcome('cat "$0/alloy/config.alloy" "$0/alloy/credentials/client_secret"'), [
      { program: "sh", outcome: "passed", says: `configcfast_${"0".repeat(48)}` },
      { program: "no-such-program", outcome: "absent", says: "" },
    ]);
  });

  it("tells what a validator found, without the copy's path, and deletes the copy", async () => {
    let copy = "";
    const [failed] = await runValidators((directory, credentials) => {
      copy = directory;
      return plan(directory, credentials, 'echo "$0/alloy/config.alloy:1: bad"; echo why >&2; exit 3');
    }, never);
    assert.equal(failed?.outcome, "failed");
    assert.deepEqual(failed.says.split("\n").sort(), ["alloy/config.alloy:1: bad", "why"]);
    assert.notEqual(copy, "");
    assert.equal(existsSync(copy), false);
    assert.deepEqual((await outcome("exit 3"))[0]?.says, "ended with 3");
    assert.deepEqual((await outcome("kill -9 $$"))[0]?.says, "ended with SIGKILL");
  });

  it("stops one that does not end, and says so with what it printed", async () => {
    const [silent] = await outcome("exec sleep 600", never, 500);
    assert.deepEqual(silent, { program: "sh", outcome: "failed", says: "did not end within 0.5 s" });
    const [ignoring] = await outcome("trap '' TERM; echo waiting; exec sleep 600", never, 10_000);
    assert.deepEqual(ignoring, {
      program: "sh",
      outcome: "failed",
      says: "did not end within 10 s: waiting",
    });
  });

  it("gives a validator none of the secrets that this process was given", async (t) => {
    process.env.CLOUDFLARE_API_TOKEN = "secret-of-the-account";
    t.after(() => {
      delete process.env.CLOUDFLARE_API_TOKEN;
    });
    const says = (await outcome("env"))[0]?.says ?? "";
    assert.match(says, /^PATH=/m);
    assert.match(says, /^NO_COLOR=1$/m);
    assert.doesNotMatch(says, /secret-of-the-account|CLOUDFLARE/);
  });

  it("ends a validator when it is stopped, and deletes the copy", async () => {
    const stopping = new AbortController();
    const before = leftovers();
    const running = outcome("sleep 60", stopping.signal);
    stopping.abort();
    await assert.rejects(running, { name: "AbortError" });
    assert.deepEqual(
      leftovers().filter((name) => !before.includes(name)),
      [],
    );
  });
});
