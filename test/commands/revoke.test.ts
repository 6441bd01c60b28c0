import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { changedLines } from "../../operate/site-file/edit-token";
import { credentialsOf, openTestDataPath, pushSample, type TestDataPath } from "../support/data-path";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const [engine] = engines;

const berlin = "description: Berlin\r\ntoken:\r\n  enabled: true # since May\r\nlabels: { a: b }";

/** Its tests follow one fleet through three runs of `up`, in order. */
describe("sitepass revoke", () => {
  let fleet: Scenario;
  let path: TestDataPath;
  let credentials: Readonly<Record<string, HeaderLines>>;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites: { berlin, lima: "", odd: "token: &t {}\nlabels: *t\n" } });
    await up();
    path = await openTestDataPath(fleet);
    credentials = {
      berlin: await credentialsOf(fleet, "berlin"),
      lima: await credentialsOf(fleet, "lima"),
      odd: await credentialsOf(fleet, "odd"),
    };
  });

  after(async () => {
    await path.close();
    await fleet.close();
  });

  /** @returns what it changed. */
  async function up(): Promise<readonly string[]> {
    fleet.takeRequests();
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    return fleet.takeRequests().writes;
  }

  const run = (...args: readonly string[]): Promise<CommandResult> => sitepassOn(fleet, ["revoke", ...args]);
  const push = (site: string): Promise<number> => pushSample(path.edge, site, credentials[site] ?? []);
  const textOf = (site: string): string =>
    readFileSync(join(fleet.directory, "sites", `${site}.yaml`), "utf8");

  function tokenOf(site: string): ServiceToken {
    const { serviceTokens } = fleet.standIn.database;
    const token = [...serviceTokens.values()].find(({ name }) => name === `sitepass/prod/${site}`);
    assert.ok(token !== undefined);
    return token;
  }

  it("shows with --dry-run what it would write", async () => {
    const { exitCode, stdout } = await run("berlin", "lima", "--dry-run");
    assert.equal(exitCode, 0);
    assert.equal(
      stdout,
      `sites/berlin.yaml
-   enabled: true # since May
+   enabled: false # since May
sites/lima.yaml
+ token:
+   enabled: false
Nothing was written.
`,
    );
    assert.deepEqual([textOf("berlin"), textOf("lima")], [berlin, ""]);
  });

  it("changes one line of the file, and asks Cloudflare nothing", async () => {
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run("berlin");
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    assert.equal(
      stdout,
      `site    file               token.enabled: false  Cloudflare
berlin  sites/berlin.yaml  written               lets it in until the next up

Next: \`pulumi up\`, which also takes the tokens out of their policies. To let a site in again: \`npx sitepass revoke --undo\`.
`,
    );
    assert.equal(textOf("berlin"), berlin.replace("true", "false"));
    assert.deepEqual(fleet.takeRequests(), { reads: [], writes: [] });
    assert.equal(await push("berlin"), 204);
    const again = await run("berlin");
    assert.match(again.stdout, /^berlin {2}sites\/berlin\.yaml {2}already so {12}as the last up left it$/m);
  });

  it("with --immediately shuts a site out before any up, and tells both outcomes", async () => {
    assert.equal(await push("lima"), 204);
    const { expires_at } = tokenOf("lima");
    fleet.takeRequests();
    const { exitCode, stdout, stderr } = await run("lima", "--immediately");
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^lima {2}sites\/lima\.yaml {2}written {15}disabled now$/m);
    assert.deepEqual(fleet.takeRequests(), {
      reads: ["GET service_tokens", "GET service_tokens/*"],
      writes: ["PUT service_tokens/*"],
    });
    assert.equal(await push("lima"), 401);
    assert.equal(textOf("lima"), "token:\n  enabled: false\n");
    assert.deepEqual([tokenOf("lima").enabled, tokenOf("lima").expires_at], [false, expires_at]);
  });

  it("can be run again, and says that it was done already", async () => {
    const { exitCode, stdout } = await run("lima", "--immediately", "--json");
    assert.equal(exitCode, 0);
    assert.deepEqual(JSON.parse(stdout), {
      enabled: false,
      sites: [{ site: "lima", file: "sites/lima.yaml", written: "already so", cloudflare: "already" }],
      problems: [],
    });
  });

  it("leaves no surprise for up: each token's switch, the policies, and then nothing", async () => {
    const writes = await up();
    assert.deepEqual(
      writes.filter((write) => write.includes("service_tokens")),
      ["PUT service_tokens/*", "PUT service_tokens/*"],
    );
    assert.deepEqual(await up(), []);
    assert.deepEqual([await push("berlin"), await push("lima"), await push("odd")], [401, 401, 204]);
  });

  it("cuts a site off although its file cannot be edited, and says so; without --immediately it changes nothing", async () => {
    const problem =
      "error: sites/odd.yaml: is written in a way that cannot be changed without changing more. Set token.enabled: false by hand.\n";
    const before = textOf("odd");
    const refused = await run("odd", "berlin");
    assert.deepEqual([refused.exitCode, refused.stdout, refused.stderr], [1, "", problem]);
    assert.equal(await push("odd"), 204);
    const cut = await run("odd", "--immediately");
    assert.deepEqual([cut.exitCode, cut.stderr], [1, problem]);
    assert.match(cut.stdout, /^odd {3}sites\/odd\.yaml {2}not written {11}disabled now$/m);
    assert.equal(await push("odd"), 401);
    assert.equal(textOf("odd"), before);
  });

  it("lets sites in again with --undo, with the same secrets", async () => {
    fleet.putSite("odd", "token: { enabled: false }\n");
    const now = await run("odd", "--undo", "--immediately");
    assert.equal(now.exitCode, 0, now.stderr);
    assert.match(now.stdout, /^odd {3}sites\/odd\.yaml {2}written {14}enabled now$/m);
    assert.equal(await push("odd"), 204);
    const later = await run("lima", "berlin", "--undo");
    assert.equal(later.exitCode, 0, later.stderr);
    assert.match(later.stdout, /^lima {4}sites\/lima\.yaml {4}written {14}with the next up$/m);
    assert.equal(textOf("berlin"), berlin);
    await up();
    assert.deepEqual([await push("berlin"), await push("lima"), await push("odd")], [204, 204, 204]);
  });

  it("writes the file although Cloudflare cannot be asked, and fails", async () => {
    const environment = {
      CLOUDFLARE_API_TOKEN: fleet.standIn.createApiToken(["Access: Service Tokens Read"]),
    };
    const before = textOf("lima");
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, ["revoke", "lima", "--immediately"], {
      environment,
    });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^lima {2}sites\/lima\.yaml {2}written {15}not disabled$/m);
    assert.match(
      stderr,
      /^error: CLOUDFLARE_API_TOKEN: may not disable the service token sitepass\/prod\/lima /,
    );
    assert.deepEqual(
      changedLines(before, textOf("lima")).map(({ sign, text }) => sign + text),
      ["-  enabled: true", "+  enabled: false"],
    );
  });

  it("finds the token by its name when the stack cannot be read", async () => {
    const gone = join(fleet.directory, "gone.json");
    const { exitCode, stderr } = await sitepassOn(fleet, [
      "revoke",
      "lima",
      "--immediately",
      "--state",
      gone,
    ]);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^warning: tokens were looked for by name, because \S+gone\.json: does not exist/);
    assert.equal(await push("lima"), 401);
  });
});
