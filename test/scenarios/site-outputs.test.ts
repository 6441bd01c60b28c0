import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { runProcess } from "../../local/run/processes";
import { engines } from "../support/engines";
import type { CommandResult } from "../support/run-here";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const tokyo =
  "urn:pulumi:prod::sitepass::sitepass:provision:SitePasses$cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken::tokyo";

for (const engine of engines) {
  describe(`what the outputs say of sites on ${engine.name}`, () => {
    let fleet: Scenario;

    before(async () => {
      fleet = await openScenario(engine, { sites: { kyoto: "", lima: "token: { duration: forever }\n" } });
      const { exitCode, text } = await fleet.up();
      assert.equal(exitCode, 0, text);
    });

    after(() => fleet.close());

    const run = (...args: readonly string[]): Promise<CommandResult> => sitepassOn(fleet, args);

    it("gives a token that lasts forever no expiry, whatever date Cloudflare shows", async () => {
      const { sites } = await fleet.outputs();
      assert.equal(sites.lima?.expiresAt, "");
      const lima = [...fleet.standIn.database.serviceTokens.values()].find(
        ({ duration }) => duration === "forever",
      );
      assert.equal(lima?.expires_at, "9999-12-31T23:59:59Z");
      const [status, renewed, handed] = [
        await run("status", "--json"),
        await run("renew", "lima", "--json"),
        await run("output", "lima", "--format", "json"),
      ];
      assert.equal(status.exitCode, 0, status.stdout);
      assert.doesNotMatch(status.stdout, /"level"|9999/);
      assert.match(status.stdout, /"expiresAt": "never"/);
      assert.deepEqual(JSON.parse(renewed.stdout), {
        renewed: [],
        skipped: [{ site: "lima", reason: "lasts forever", expiresAt: null }],
      });
      assert.match(handed.stdout, /"expiresAt": ""/);
    });

    it("takes a site whose token was not made yet for one without a token, and works on the others", async () => {
      fleet.putSite("tokyo");
      fleet.putSite("nara");
      await upOnly(fleet, tokyo);
      const { sites } = await fleet.outputs();
      assert.deepEqual(Object.keys(sites).sort(), ["kyoto", "lima", "tokyo"]);

      const status = await run("status");
      assert.match(status.stdout, /^nara +not provisioned/m);
      assert.match(status.stdout, /^kyoto +provisioned/m);
      if (engine.name === "pulumi") {
        // The other commands read the same outputs.
        return;
      }
      assert.equal((await run("output", "tokyo")).exitCode, 0);
      assert.equal(
        (await run("output", "nara")).stderr,
        "error: sites/nara.yaml: has no service token yet. Run `pulumi up` first.\n",
      );
      const rotated = await run("rotate", "--all", "--dry-run", "--json");
      assert.equal(rotated.exitCode, 0, rotated.stderr);
      assert.match(rotated.stdout, /"site": "tokyo"/);
      assert.match(rotated.stdout, /"site": "nara",\s+"reason": "no token yet"/);
      const renewed = await run("renew", "--all");
      assert.equal(renewed.exitCode, 0, renewed.stderr);
      assert.match(renewed.stdout, /^Passed over, no token yet: nara\.$/m);
      const revoked = await run("revoke", "tokyo", "--immediately", "--json");
      assert.equal(revoked.exitCode, 0, revoked.stderr);
      assert.match(revoked.stdout, /"cloudflare": "changed"/);
    });
  });
}

/** `pulumi up --target`; local/engine, which has no such option, is left as the real engine leaves its outputs. */
async function upOnly(fleet: Scenario, urn: string): Promise<void> {
  const { args, environment } = fleet.forSitepass;
  const { [args.indexOf("--state") + 1]: statePath } = args;
  if (args.includes("--state") && statePath !== undefined) {
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    const state = JSON.parse(readFileSync(statePath, "utf8")) as {
      outputs: { sites: Record<string, { endpoints: unknown }> };
      resources: { name: string }[];
    };
    const { nara } = state.outputs.sites;
    state.outputs.sites.nara = { endpoints: nara?.endpoints };
    state.resources = state.resources.filter(({ name }) => name !== "nara");
    writeFileSync(statePath, JSON.stringify(state));
    const tokens = fleet.standIn.database.serviceTokens;
    const [id] = [...tokens].find(([, { name }]) => name === "sitepass/prod/nara") ?? [];
    tokens.delete(id ?? "");
    return;
  }
  const up = ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "prod", "--target", urn];
  const { exitCode, text } = await runProcess("pulumi", up, { cwd: fleet.directory, environment });
  assert.equal(exitCode, 0, text);
}
