import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runProcess } from "../../local/run/processes";
import { engines, pulumiAbsence } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepass, sitepassOn, type CommandOptions } from "../support/sitepass";

const addStaging = ({ directory }: Scenario): void => {
  copyFileSync(join(directory, "Pulumi.prod.yaml"), join(directory, "Pulumi.staging.yaml"));
};

describe("which stack a command works on", () => {
  it("is the one that pulumi works on", { skip: pulumiAbsence }, async () => {
    const engine = engines.find(({ name }) => name === "pulumi");
    assert.ok(engine !== undefined);
    const fleet = await openScenario(engine, { sites: { tokyo: "" } });
    const { directory } = fleet;
    const { environment } = fleet.forSitepass;
    const pulumi = async (...args: readonly string[]): Promise<void> => {
      const { exitCode, text } = await runProcess("pulumi", [...args, "--non-interactive"], {
        cwd: directory,
        environment,
      });
      assert.equal(exitCode, 0, text);
    };
    const check = async (more: readonly string[], options: CommandOptions["environment"] = {}) => {
      const args = ["check", "--offline", "--cwd", directory, ...more];
      const { stdout } = await sitepass(args, { environment: { ...environment, ...options } });
      return stdout.split("\n", 1)[0];
    };
    try {
      addStaging(fleet);
      assert.equal(
        await check([]),
        "error: --stack: is not given, no stack is selected, and the project has several (prod, staging). Name one with --stack or PULUMI_STACK, or select one with `pulumi stack select`.",
      );
      await pulumi("stack", "init", "staging");
      assert.equal(await check([]), "ok: Pulumi.staging.yaml and 1 site are valid");
      await pulumi("stack", "select", "--create", "prod");
      assert.equal(await check([]), "ok: Pulumi.prod.yaml and 1 site are valid");
      await pulumi("stack", "select", "organization/sitepass/staging");
      assert.equal(await check([]), "ok: Pulumi.staging.yaml and 1 site are valid");
      assert.equal(await check([], { PULUMI_STACK: "prod" }), "ok: Pulumi.prod.yaml and 1 site are valid");
      assert.equal(
        await check(["--stack", "prod"], { PULUMI_STACK: "staging" }),
        "ok: Pulumi.prod.yaml and 1 site are valid",
      );
    } finally {
      await fleet.close();
    }
  });
});

describe("a stack that shares its sites with another", () => {
  const [engine] = engines;
  let fleet: Scenario;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { tokyo: "" } });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    addStaging(fleet);
  });

  after(() => fleet.close());

  const warning = (does: string): string =>
    `warning: sites/: is read by the stack staging too, whose next \`up\` ${does} there as well. Where that is not meant, give that stack a checkout of its own.\n`;
  const textOf = (site: string): string =>
    readFileSync(join(fleet.directory, "sites", `${site}.yaml`), "utf8");

  it("says so before a rotation is written, and in the document", async () => {
    const rotated = await sitepassOn(fleet, ["rotate", "tokyo", "--dry-run", "--json"]);
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    assert.equal(rotated.stderr, warning("rotates these sites"));
    assert.match(rotated.stdout, /"otherStacks": \[\n {4}"staging"\n {2}\]/);
    assert.equal(textOf("tokyo"), "");
  });

  it("says so before a site is shut out, and which stack is acted on at once", async () => {
    const args = fleet.forSitepass.args.filter(
      (arg, index, all) => arg !== "--stack" && all[index - 1] !== "--stack",
    );
    const revoked = await sitepass(["revoke", "tokyo", "--immediately", ...args], {
      environment: { ...fleet.forSitepass.environment, PULUMI_STACK: "prod" },
    });
    assert.equal(revoked.exitCode, 0, revoked.stderr);
    assert.equal(revoked.stderr, warning("shuts these sites out"));
    assert.match(
      revoked.stdout,
      /^Stack prod, account 9a7806061c88ada191ed06f989cc3dac: disabling tokens at Cloudflare\.\n/,
    );
    const undone = await sitepassOn(fleet, ["revoke", "tokyo", "--undo", "--json"]);
    assert.equal(undone.stderr, warning("lets these sites in"));
    assert.match(undone.stdout, /"otherStacks": \[/);
  });

  it("says so before sites are adopted", async () => {
    const { stderr, stdout } = await sitepassOn(fleet, ["adopt", "--dry-run", "--json"]);
    assert.equal(stderr, warning("makes the sites that are written"));
    assert.match(stdout, /"otherStacks": \[/);
  });
});
