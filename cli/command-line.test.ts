import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";

describe("sitepass --help", () => {
  it("loads nothing that takes its time", () => {
    const script = `
      process.argv = [process.execPath, "sitepass", "--help"];
      require("./bin/sitepass.cjs");
      process.on("exit", () => console.error(JSON.stringify(Object.keys(require.cache))));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], {
      cwd: join(__dirname, ".."),
      encoding: "utf8",
    });
    assert.match(stdout, /^Usage: sitepass/);
    const slow = /node_modules\/(zod|yaml|cloudflare|@pulumi|cli-table3|cli-progress)\//;
    assert.match(stderr, /node_modules\/commander\//);
    assert.doesNotMatch(stderr, slow);
  });
});
