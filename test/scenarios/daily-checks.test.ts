import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runProcess } from "../../local/run/processes";
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
      for (const part of [
        "scripts",
        "policy",
        "bin",
        "cli",
        "stack",
        "operate",
        "collectors",
        "handover",
        "central",
      ]) {
        symlinkSync(join(root, part), join(fleet.directory, part));
      }
      await runProcess("npx", ["tsx", "scripts/ci/daily-checks.ts", results], {
        cwd: fleet.directory,
        environment: { ...fleet.forSitepass.environment, STACK: "prod", RENEW_WITHIN: "45d" },
      });
      const first = readResults(results);
      assert.deepEqual(
        first.map(({ title, exitCode }) => `${title} ${exitCode}`),
        ["drift 0", "renew 0", "status 0"],
      );
      assert.match(first.find(({ title }) => title === "renew")?.text ?? "", /tokyo +renewed/);
      for (const [id, record] of fleet.standIn.database.dnsRecords) {
        fleet.standIn.database.dnsRecords.set(id, { ...record, content: "elsewhere.example.net" });
      }
      const drift = await fleet.preview("--refresh", "--expect-no-changes", "--diff");
      assert.notEqual(drift.exitCode, 0, drift.text);
      assert.match(drift.text, /elsewhere\.example\.net/);
    } finally {
      await fleet.close();
      rmSync(results, { recursive: true, force: true });
    }
  });
});
