import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { absenceHere, enginesHere } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";

const pack = join(__dirname, "..", "..", "policy");
const withPack = ["--policy-pack", pack];
const real = enginesHere.find(({ name }) => name === "pulumi");

/** Runs the project with the pack, changed by a text in one file of `provision/` first. */
async function withProject(
  body: (fleet: Scenario) => Promise<void>,
  change?: { readonly file: string; readonly from: string; readonly to: string },
): Promise<void> {
  assert.ok(real !== undefined);
  const fleet = await openScenario(real, {
    sites: { tokyo: "", osaka: "token: { duration: 2160h }" },
    configuration: { alertEmails: ["ops@example.com"] },
  });
  try {
    if (change !== undefined) {
      const { file, from, to } = change;
      fleet.changeProgram(file, (source) => {
        assert.ok(source.includes(from), `${file} has no ${from}`);
        return source.replaceAll(from, to);
      });
    }
    await body(fleet);
  } finally {
    await fleet.close();
  }
}

describe("the policy pack on the real pulumi", { skip: absenceHere ?? false }, () => {
  it("finds nothing wrong with the program, before and after it is made", async () => {
    await withProject(async (fleet) => {
      for (const run of [fleet.preview, fleet.up, fleet.preview]) {
        const { exitCode, text } = await run(...withPack);
        assert.equal(exitCode, 0, text);
        assert.match(text, /✅ sitepass@v0\.1\.0/);
        assert.doesNotMatch(text, /mandatory|advisory|can't run/);
      }
    });
  });

  it("stops a preview and an up that would answer a refused push with a login page, and changes nothing there", async () => {
    const change = {
      file: "push-endpoint.ts",
      from: "serviceAuth401Redirect: true",
      to: "serviceAuth401Redirect: false",
    };
    await withProject(async (fleet) => {
      for (const run of [fleet.preview, fleet.up]) {
        const { exitCode, text } = await run(...withPack);
        assert.notEqual(exitCode, 0, text);
        assert.match(
          text,
          /\[mandatory\] {2}push-answer-401 {2}\(cloudflare:index:ZeroTrustAccessApplication/,
        );
        assert.match(text, /serviceAuth401Redirect is false: a refused push is answered with 403/);
      }
      assert.equal(fleet.standIn.database.applications.size, 0);
      assert.equal(fleet.standIn.database.dnsRecords.size, 0);
    }, change);
  });

  it("sees through to the reusable policies in the first preview, whose IDs nobody knows yet", async () => {
    const change = {
      file: "push-policies.ts",
      from: 'decision: "non_identity"',
      to: 'decision: "allow"',
    };
    await withProject(async (fleet) => {
      const { exitCode, text } = await fleet.preview(...withPack);
      assert.notEqual(exitCode, 0, text);
      assert.match(text, /its policy (?:metrics|logs)-\d+-of-32 has the decision "allow"/);
    }, change);
  });

  it("knows push hosts from the stack's configuration", async () => {
    const change = { file: "public-records.ts", from: "proxied: true", to: "proxied: false" };
    await withProject(async (fleet) => {
      const { exitCode, text } = await fleet.up(...withPack);
      assert.notEqual(exitCode, 0, text);
      assert.match(text, /proxied is false on a record of (?:prom|loki)\.example\.com/);
      assert.equal(fleet.standIn.database.dnsRecords.size, 0);
    }, change);
  });

  it("is told other bounds by a file of settings", async () => {
    await withProject(async (fleet) => {
      fleet.putSite("tokyo", "token: { duration: forever }");
      const settings = join(fleet.directory, "policies.json");
      const refused = await fleet.preview(...withPack);
      assert.notEqual(refused.exitCode, 0, refused.text);
      assert.match(refused.text, /its duration is forever/);
      writeFileSync(settings, JSON.stringify({ "push-token-duration": { allowForever: true } }));
      const allowed = await fleet.preview(...withPack, "--policy-pack-config", settings);
      assert.equal(allowed.exitCode, 0, allowed.text);
    });
  });
});
