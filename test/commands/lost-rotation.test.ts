import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

const [engine] = engines;

/** Its tests follow one fleet whose rotation was carried out, and whose file went back to before it. */
describe("a rotation that is in the stack and not in the site's file", () => {
  let fleet: Scenario;
  /** Its file after the rotation. */
  let osaka: string;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { lima: "", osaka: "", tokyo: "" } });
    await up();
    const rotated = await sitepassOn(fleet, ["rotate", "osaka", "tokyo"]);
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    await up();
    osaka = readFileSync(join(fleet.directory, "sites", "osaka.yaml"), "utf8");
    fleet.putSite("tokyo");
  });

  after(() => fleet.close());

  async function up(): Promise<void> {
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
  }

  const lost =
    "sites/tokyo.yaml: token.secretVersion is 1, and the stack is at 2: that rotation is not in the file any more. Bring the file back from the machine or the commit that rotated it, or set secretVersion: 2 and previousSecretExpiresAt; `up` refuses to go back.";

  it("is a problem to check, and an alarm to status", async () => {
    const check = await sitepassOn(fleet, ["check"]);
    assert.equal(check.exitCode, 1);
    assert.ok(check.stdout.includes(`error: ${lost}\n`), check.stdout);
    const status = await sitepassOn(fleet, ["status"]);
    assert.equal(status.exitCode, 1);
    assert.ok(
      status.stdout.includes(
        "error: tokyo: its file is at secretVersion 1, and the stack at 2: that rotation is not in the file any more. Bring their files back",
      ),
      status.stdout,
    );
    assert.doesNotMatch(status.stdout, /error: lima/);
  });

  it("is refused by up for all sites together, before a new site's token is made", async () => {
    fleet.putSite("osaka");
    fleet.putSite("berlin");
    fleet.takeRequests();
    for (const run of [fleet.preview, fleet.up]) {
      const { exitCode, text } = await run();
      assert.notEqual(exitCode, 0);
      for (const site of ["osaka", "tokyo"]) {
        assert.ok(
          text.includes(
            `sites/${site}: token.secretVersion is 1, and 2 is in use. Set it back to 2 with its previousSecretExpiresAt, or raise it to 3 to rotate.`,
          ),
          text,
        );
      }
      assert.deepEqual(fleet.takeRequests().writes, []);
    }
    fleet.removeSite("berlin");
    fleet.putSite("osaka", osaka);
  });

  it("is what rotate --confirm tells, in place of a secret that got lost", async () => {
    const { exitCode, stderr } = await sitepassOn(fleet, [
      "rotate",
      "--confirm",
      "tokyo",
      "--via",
      "http://127.0.0.1:1",
    ]);
    assert.equal(exitCode, 1);
    assert.equal(stderr, `error: ${lost}\n`);
  });

  it("is gone above by the next rotation, which up carries out", async () => {
    const rotated = await sitepassOn(fleet, ["rotate", "tokyo"]);
    assert.equal(rotated.exitCode, 0, rotated.stderr);
    assert.match(readFileSync(join(fleet.directory, "sites", "tokyo.yaml"), "utf8"), /secretVersion: 3$/m);
    const before = (await fleet.outputs()).sites.tokyo?.clientSecret;
    await up();
    const now = (await fleet.outputs()).sites.tokyo?.clientSecret;
    assert.ok(now !== undefined && now !== before);
    assert.equal((await sitepassOn(fleet, ["check"])).exitCode, 0);
  });

  it("does not keep the rest of the fleet from being rotated while its window is open", async () => {
    const notes = join(fleet.directory, ".sitepass", "rotations", "prod");
    writeFileSync(join(notes, "removed-long-ago.json"), "{}");
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["rotate", "--all"]);
    assert.deepEqual(readdirSync(notes).sort(), ["lima.json", "osaka.json", "tokyo.json"]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^lima +1 -> 2 /m);
    assert.match(stdout, /^Left out, the window of its last rotation is open: osaka, tokyo\.$/m);
  });
});
