import assert from "node:assert/strict";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runProcess } from "../../local/run/processes";
import { engines, localEngine } from "../support/engines";
import { openScenario } from "../support/scenario";

for (const engine of engines) {
  describe(`secrets on ${engine.name}`, () => {
    it("are in no output of up, preview and destroy, in no state of pulumi, and in no file that others can read", async () => {
      const fleet = await openScenario(engine, { sites: { tokyo: "", osaka: "" } });
      try {
        const printed = [(await fleet.preview()).text, (await fleet.up()).text];
        fleet.putSite(
          "tokyo",
          "token: { secretVersion: 2, previousSecretExpiresAt: 2099-01-01T00:00:00Z }\n",
        );
        printed.push((await fleet.up()).text, (await fleet.up()).text);
        const { sites, tunnelToken } = await fleet.outputs();
        const stored = fleet.storedText();
        printed.push((await fleet.destroy()).text);

        const secrets = [...fleet.standIn.issuedSecrets, fleet.standIn.apiToken];
        // Two created, one rotated, a tunnel's secret and its token, the API token.
        assert.equal(secrets.length, 6);
        for (const { clientSecret } of Object.values(sites)) {
          assert.ok(secrets.includes(clientSecret));
        }
        assert.ok(secrets.includes(tunnelToken ?? ""));
        assert.ok(stored.includes("sitepass/prod/tokyo"), "the state is there to be searched");
        for (const secret of secrets) {
          assert.ok(!printed.join("\n").includes(secret), "a secret was printed");
        }
        // The state of local/engine is one of the files below, which only their owner can read.
        for (const secret of engine.name === "pulumi" ? secrets : [fleet.standIn.apiToken]) {
          assert.ok(!stored.includes(secret), "a secret is in the state in clear");
        }
        const files = filesBelow(join(fleet.directory, ".."));
        assert.ok(files.length > 0);
        for (const file of files.filter((path) => (statSync(path).mode & 0o077) !== 0)) {
          const text = readFileSync(file, "utf8");
          assert.ok(
            !secrets.some((secret) => text.includes(secret)),
            `${file} holds a secret and others can read it`,
          );
        }
      } finally {
        await fleet.close();
      }
    });
  });
}

describe("`npm run engine -- output`", () => {
  it("masks secrets, and shows what up made when it is told to", async (t) => {
    const fleet = await openScenario(localEngine, { sites: { tokyo: "" } });
    t.after(() => fleet.close());
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const output = async (...more: readonly string[]) => {
      const { stdout } = await runProcess(
        process.execPath,
        [join("local", "engine", "start.cjs"), "output", ...fleet.forSitepass.args, ...more],
        { cwd: join(__dirname, "..", ".."), environment: fleet.forSitepass.environment },
      );
      return stdout;
    };
    assert.deepEqual(JSON.parse(await output("--show-secrets")), await fleet.outputs());
    const masked = await output();
    for (const secret of fleet.standIn.issuedSecrets) {
      assert.ok(!masked.includes(secret));
    }
    assert.match(masked, /"clientSecret": "\[secret\]"/);
  });
});

/** Files below a folder, without what packages brought. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const kind = lstatSync(path);
    return kind.isDirectory() ? filesBelow(path) : kind.isFile() ? [path] : [];
  });
}
