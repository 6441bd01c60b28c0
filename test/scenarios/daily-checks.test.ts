import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findPulumi } from "../../local/run/pulumi-installation";
import { readResults } from "../../scripts/ci/results";
import { absenceHere, enginesHere } from "../support/engines";
import { openScenario } from "../support/scenario";

const root = join(__dirname, "..", "..");
const real = enginesHere.find(({ name }) => name === "pulumi");

describe("the daily checks on the real pulumi", { skip: absenceHere ?? false }, () => {
  it("renew what expires soon without calling that drift, and see what was changed by hand", async () => {
    assert.ok(real !== undefined);
    const fleet = await openScenario(real, { sites: { tokyo: "token: { duration: 720h }" } });
    const results = mkdtempSync(join(tmpdir(), "sitepass-daily-"));
    try {
      const made = await fleet.up();
      assert.equal(made.exitCode, 0, made.text);
      for (const part of ["scripts", "policy", "bin", "cli", "stack", "operate", "collectors", "handover", "central"]) {
        symlinkSync(join(root, part), join(fleet.directory, part));
      }
      const check = () => {
        rmSync(results, { recursive: true, force: true });
        spawnSync("npx", ["tsx", "scripts/ci/daily-checks.ts", results], {
          cwd: fleet.directory,
          encoding: "utf8",
          env: { ...process.env, ...fleet.forSitepass.environment, STACK: "prod", RENEW_WITHIN: "45d" },
        });
        return readResults(results).map(({ title, exitCode, text }) => ({ title, exitCode, text }));
      };
      const shown = (checks: ReturnType<typeof check>) => checks.map(({ title, exitCode }) => `${title} ${exitCode}`);
      const first = check();
      console.log(JSON.stringify(first, null, 1).slice(0, 6000));
      assert.deepEqual(shown(first), ["drift 0", "renew 0", "status 0"]);
    } finally {
      await fleet.close();
      rmSync(results, { recursive: true, force: true });
    }
  });
});

void findPulumi;
