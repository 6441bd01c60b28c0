import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const [engine] = engines;

const year = 8760 * 3_600_000;
const later = (time: string, milliseconds: number): string =>
  new Date(Date.parse(time) + milliseconds).toISOString().replace(".000Z", "Z");

describe("sitepass renew", () => {
  let fleet: Scenario;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, {
      sites: {
        berlin: "token: { duration: 720h }\n",
        lima: "token: { duration: forever }\n",
        porto: "token: { enabled: false, duration: 100h }\n",
        tokyo: "",
      },
    });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
  });

  after(() => fleet.close());

  const run = (...args: readonly string[]): Promise<CommandResult> => sitepassOn(fleet, ["renew", ...args]);

  function tokenOf(site: string): ServiceToken {
    const { serviceTokens } = fleet.standIn.database;
    const token = [...serviceTokens.values()].find(({ name }) => name === `sitepass/prod/${site}`);
    assert.ok(token !== undefined);
    return token;
  }

  it("renews what is named, tells both times, and passes over what lasts forever", async () => {
    const { client_id, clientSecretHash, expires_at } = tokenOf("tokyo");
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run("tokyo", "lima");
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    assert.equal(
      stdout,
      `site   renewal  expiry before         expiry now
tokyo  renewed  ${expires_at}  ${later(expires_at, year)}
Passed over, lasts forever: lima.

The stack's outputs show the old expiry until \`pulumi up --refresh\`; nothing else depends on it.
`,
    );
    assert.deepEqual(fleet.takeRequests(), {
      reads: ["GET service_tokens", "GET service_tokens"],
      writes: ["POST service_tokens/*/refresh"],
    });
    const token = tokenOf("tokyo");
    assert.deepEqual([token.client_id, token.clientSecretHash], [client_id, clientSecretHash]);
  });

  it("leaves nothing for up to do, and the one advice of renew and status brings the output in line", async () => {
    const differs = "and the stack's state says on";
    const advice = "Run `pulumi up --refresh`; only the stack's outputs depend on it.";
    const before = await sitepassOn(fleet, ["status", "--stale", "off"]);
    assert.ok(before.stdout.includes(differs) && before.stdout.includes(advice), before.stdout);
    for (const flags of [[], ["--refresh"]]) {
      const { exitCode, text } = await fleet.up(...flags);
      assert.equal(exitCode, 0, text);
    }
    assert.deepEqual(fleet.takeRequests().writes, []);
    const { stdout } = await sitepassOn(fleet, ["status", "--stale", "off"]);
    assert.ok(!stdout.includes(differs), stdout);
    assert.equal((await fleet.outputs()).sites.tokyo?.expiresAt, tokenOf("tokyo").expires_at);
  });

  it("renews with --within what expires soon and is let in, and warns of tokens that were to be short", async () => {
    const { exitCode, stdout, stderr } = await run("--within", "60d", "--json");
    assert.equal(exitCode, 0, stderr);
    assert.equal(
      stderr,
      "warning: berlin (720h): lasts less than a year by its file, and a renewal adds a year. To keep it short, rotate instead, or change token.duration.\n",
    );
    const expiresAt = tokenOf("berlin").expires_at;
    assert.deepEqual(JSON.parse(stdout), {
      renewed: [
        {
          site: "berlin",
          ok: true,
          formerExpiresAt: later(expiresAt, -year),
          expiresAt,
          problem: null,
        },
      ],
      skipped: [
        { site: "lima", reason: "lasts forever", expiresAt: null },
        { site: "porto", reason: "shut out", expiresAt: tokenOf("porto").expires_at },
        { site: "tokyo", reason: "lasts longer", expiresAt: tokenOf("tokyo").expires_at },
      ],
    });
    const again = await run("--within", "60d");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.match(again.stdout, /^No token was to be renewed\.$/m);
  });

  it("reports what failed beside what was renewed", async () => {
    fleet.standIn.inject({
      match: { method: "POST", path: new RegExp(`${tokenOf("tokyo").id}/refresh`) },
      status: 500,
    });
    const { exitCode, stdout, stderr } = await run("--all");
    assert.equal(exitCode, 1);
    assert.match(stdout, /^berlin {2}renewed /m);
    assert.match(stdout, /^tokyo {3}not renewed {2}(\S+) {2}\1$/m);
    assert.match(stderr, /^error: sites\/tokyo\.yaml: was not renewed\. Cloudflare: refused to renew /m);
  });

  it("renews nothing when a token that is named is not there", async () => {
    const { expires_at } = tokenOf("tokyo");
    fleet.putSite("new");
    const { exitCode, stderr } = await run("tokyo", "new");
    assert.equal(exitCode, 1);
    assert.equal(stderr, "error: sites/new.yaml: has no service token yet. Run `pulumi up`.\n");
    assert.equal(tokenOf("tokyo").expires_at, expires_at);
    fleet.removeSite("new");
  });
});
