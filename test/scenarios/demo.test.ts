import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(__dirname, "..", "..");

/** Runs the demo as `npm run demo` does; `onText` sees everything so far. */
function runDemo(
  onText: (text: string, interrupt: () => void) => void,
): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", join("local", "demo", "main.ts")], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        onText(text, () => child.kill("SIGINT"));
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, text });
    });
  });
}

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("sitepass-demo-"));

describe("the demo", () => {
  it("provisions the shipped sites, shows that a second up changes nothing, and leaves nothing behind", async () => {
    const before = leftovers();
    const { code, text } = await runDemo(() => undefined);
    assert.equal(code, 0, text);
    for (const file of readdirSync(join(root, "sites"))) {
      assert.match(text, new RegExp(`│ ${file.replace(/\.\w+$/, "")} `));
    }
    assert.match(text, /No call changed anything\./);
    assert.match(text, /no token at all +│ 401 /);
    assert.match(text, /the old secret, inside its window +│ 204 /);
    assert.match(text, /an expired token +│ 401 /);
    assert.match(text, /What arrived, by site/);
    assert.doesNotMatch(text, /cfast_/);
    assert.deepEqual(leftovers(), before);
  });

  it("stops cleanly at Ctrl-C", async () => {
    const before = leftovers();
    let interrupted = false;
    const { code, text } = await runDemo((soFar, interrupt) => {
      if (!interrupted && soFar.includes("First up")) {
        interrupted = true;
        interrupt();
      }
    });
    assert.equal(code, 130, text);
    assert.doesNotMatch(text, /^\s+at /m);
    assert.deepEqual(leftovers(), before);
  });
});
