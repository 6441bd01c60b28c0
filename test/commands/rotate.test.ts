import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import type { HeaderLines } from "cloudflare-standin/edge/http-messages";
import { fingerprint } from "../../stack/rotation-notes";
import { changedLines } from "../../operate/site-file/edit-token";
import { openTestDataPath, pushSample, type TestDataPath } from "../support/data-path";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";
import type { CommandResult } from "../support/run-here";

const tokyo = `# yaml-language-server: $schema=../site.schema.json
description: Tokyo, rack A   # second floor

token:   # handed over by Mei
    duration: 8760h

labels: {region: apac}
`;
const quito = "token: &all {}\nlabels: *all\n";

const [engine] = engines;

/** Its tests follow one fleet through four runs of `up`, in order. */
describe("sitepass rotate", () => {
  let fleet: Scenario;
  let path: TestDataPath;
  /** As of the last `up`. */
  let outputs: Awaited<ReturnType<Scenario["outputs"]>>;

  before(async () => {
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, {
      sites: { lima: "", porto: "token: { enabled: false }\n", quito, tokyo },
    });
    await up();
    path = await openTestDataPath(fleet);
  });

  after(async () => {
    await path.close();
    await fleet.close();
  });

  async function up(): Promise<void> {
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    outputs = await fleet.outputs();
  }

  const textOf = (site: string): string =>
    readFileSync(join(fleet.directory, "sites", `${site}.yaml`), "utf8");
  /** The time that the last rotation wrote. */
  const until = (site: string): string => /previousSecretExpiresAt: ([^\s,]+)/.exec(textOf(site))?.[1] ?? "";
  const noteOf = (site: string): string =>
    join(fleet.directory, ".sitepass", "rotations", "prod", `${site}.json`);

  const run = (...args: readonly string[]): Promise<CommandResult> => sitepassOn(fleet, ["rotate", ...args]);
  const confirm = (...args: readonly string[]): Promise<CommandResult> =>
    run("--confirm", "--via", path.edge.url, ...args);

  async function succeeds(...args: readonly string[]): Promise<CommandResult> {
    const result = await run(...args);
    assert.equal(result.exitCode, 0, result.stderr);
    return result;
  }

  const secretOf = (site: string): string => outputs.sites[site]?.clientSecret ?? "";
  const headersOf = (site: string): HeaderLines =>
    tokenHeaders(outputs.sites[site]?.clientId ?? "", secretOf(site));

  function tokenOf(site: string): ServiceToken {
    const { serviceTokens } = fleet.standIn.database;
    const token = [...serviceTokens.values()].find(({ name }) => name === `sitepass/prod/${site}`);
    assert.ok(token !== undefined);
    return token;
  }

  it("shows with --dry-run the lines that it would write, and writes none", async () => {
    const { stdout } = await succeeds("tokyo", "--grace", "12h", "--dry-run");
    assert.match(
      stdout,
      /^sites\/tokyo\.yaml\n\+ {5}secretVersion: 2\n\+ {5}previousSecretExpiresAt: \S+Z\n1 site would be rotated\. Nothing was written\.\n$/,
    );
    assert.equal(textOf("tokyo"), tokyo);
    assert.equal(existsSync(noteOf("tokyo")), false);
  });

  it("writes version and time in lines of their own, asks Cloudflare nothing, and says what to do next", async () => {
    fleet.takeRequests();
    const start = Date.now();
    const { stdout, stderr } = await succeeds("tokyo");
    assert.equal(stderr, "");
    const end = until("tokyo");
    assert.deepEqual(changedLines(tokyo, textOf("tokyo")), [
      { sign: "+", line: 6, text: "    secretVersion: 2" },
      { sign: "+", line: 7, text: `    previousSecretExpiresAt: ${end}` },
    ]);
    assert.match(end, /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/);
    const grace = Date.parse(end) - start;
    assert.ok(grace >= 7 * 86_400_000 && grace < 7 * 86_400_000 + 120_000, `${grace}`);
    assert.equal(
      stdout,
      `site   version  old secret until                  old secret           file
tokyo  1 -> 2   ${end} (in 7 days)  sha256 ${fingerprint(secretOf("tokyo"))}  sites/tokyo.yaml

Next:
  pulumi up                            soon: the old secret stops at ${end}, whenever that is
  npx sitepass rotate --confirm tokyo  proves that the secret changed and is let in
  npx sitepass render tokyo            and put the files in place at the site before that time
`,
    );
    assert.deepEqual(fleet.takeRequests(), { reads: [], writes: [] });
  });

  it("notes the fingerprint alone, for the owner alone", () => {
    const note = noteOf("tokyo");
    assert.equal(statSync(note).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(note)).mode & 0o777, 0o700);
    const text = readFileSync(note, "utf8");
    assert.ok(!text.includes(secretOf("tokyo")));
    assert.ok(text.includes(fingerprint(secretOf("tokyo"))));
  });

  it("refuses a second rotation before up, and a confirmation, and names up", async () => {
    const again = await run("tokyo", "--json");
    assert.equal(again.exitCode, 1);
    const problems = again.stderr.trimEnd().replace("error: ", "");
    assert.deepEqual(JSON.parse(again.stdout), { ok: false, problems: [problems] });
    assert.equal(
      again.stderr,
      `error: sites/tokyo.yaml: says secretVersion 2 already, with a window until ${until("tokyo")}, in 7 days, and the stack still has the secret before it. Run \`pulumi up\`. If that was done, \`npx sitepass rotate --confirm tokyo\` says more.\n`,
    );
    const confirmed = await confirm("tokyo");
    assert.equal(confirmed.exitCode, 1);
    assert.match(
      confirmed.stderr,
      /^error: sites\/tokyo\.yaml: the stack's secret did not change \(sha256 [0-9a-f]{12}\), and the stack is at version 1 of it: no `up` has carried the rotation out\. Run `pulumi up`\.\n$/,
    );
    assert.match(confirmed.stdout, /^tokyo {2}not confirmed {2}sha256 [0-9a-f]{12}, as before {2}not tried/m);
  });

  it("refuses sites without a token, files that it cannot edit, and names that are no sites, and writes nothing", async () => {
    fleet.putSite("new", "");
    const before = ["lima", "new", "quito"].map(textOf);
    const noToken = await run("new", "lima");
    assert.equal(noToken.stderr, "error: sites/new.yaml: has no service token yet. Run `pulumi up`.\n");
    const oddFile = await run("quito", "lima");
    assert.match(
      oddFile.stderr,
      /^error: sites\/quito\.yaml: is written in a way that cannot be changed without changing more\. Set token\.secretVersion: 2 and token\.previousSecretExpiresAt: \S+Z by hand\.\n$/,
    );
    const noSite = await run("limo");
    assert.equal(
      noSite.stderr,
      "error: limo: is not a site, for there is no sites/limo.yaml. Did you mean lima?\n",
    );
    assert.deepEqual(
      [noToken, oddFile, noSite].map(({ exitCode }) => exitCode),
      [1, 1, 1],
    );
    assert.deepEqual(["lima", "new", "quito"].map(textOf), before);
    fleet.removeSite("new");
    fleet.putSite("quito", "");
  });

  it("says before a leaked secret is ended who is cut off, and rotates sites that are shut out", async () => {
    const { stdout, stderr } = await succeeds("lima", "--now");
    assert.equal(
      stderr,
      "warning: lima: the present secret stops with the next up, and pushes are refused until the new one is in place at the site. Collectors lose what is refused; behind the relay they keep it and try again. To cut off before the next up: `npx sitepass revoke --immediately`.\n",
    );
    assert.match(stdout, /^lima {2}1 -> 2 {3}\S+Z \(the next up\)/m);
    assert.ok(Date.parse(until("lima")) <= Date.now());

    await succeeds("porto");
    assert.match(
      textOf("porto"),
      /^token: \{ enabled: false, secretVersion: 2, previousSecretExpiresAt: \S+Z \}\n$/,
    );
  });

  it("is confirmed after up: another fingerprint, let in, and the old secret as it was meant", async () => {
    const old = { tokyo: headersOf("tokyo"), lima: headersOf("lima") };
    const former = fingerprint(secretOf("tokyo"));
    assert.equal(await pushSample(path.edge, "lima", old.lima), 204);
    await up();
    const { exitCode, stdout, stderr } = await confirm("tokyo");
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    assert.equal(
      stdout,
      `site   rotation   secret                               let in  old secret until
tokyo  confirmed  sha256 ${former} -> ${fingerprint(secretOf("tokyo"))}  yes     ${until("tokyo")}
`,
    );
    assert.equal(await pushSample(path.edge, "tokyo", old.tokyo), 204);
    assert.equal(await pushSample(path.edge, "tokyo", headersOf("tokyo")), 204);
    assert.equal(await pushSample(path.edge, "lima", old.lima), 401);
    assert.equal(await pushSample(path.edge, "lima", headersOf("lima")), 204);
  });

  it("confirms with --all what is under way, and nothing twice", async () => {
    const first = await confirm("--all", "--json");
    assert.equal(first.exitCode, 0, first.stderr);
    assert.match(first.stdout, /"site": "lima"/);
    assert.doesNotMatch(first.stdout, /"site": "(?:tokyo|porto|quito)"/);
    const second = await confirm("--all");
    assert.equal(second.exitCode, 0, second.stderr);
    assert.equal(
      second.stdout,
      "Nothing to confirm: no rotation is under way that was not confirmed already.\n",
    );
  });

  it("does not confirm a site that is shut out", async () => {
    const { exitCode, stderr } = await confirm("porto");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error: sites\/porto\.yaml: its secret changed to sha256 [0-9a-f]{12}, and cannot be tried while token\.enabled is false\. /,
    );
  });

  it("refuses a rotation inside the window, and says with --force what breaks", async () => {
    const end = until("tokyo");
    const before = textOf("tokyo");
    const refused = await run("tokyo");
    assert.equal(refused.exitCode, 1);
    assert.equal(
      refused.stderr,
      `error: sites/tokyo.yaml: the window of its last rotation is open until ${end}, in 7 days. Cloudflare keeps one previous secret: another rotation ends the oldest at once, and collectors that still send it lose what they push. Wait, or pass --force when every collector has the present one.\n`,
    );
    assert.equal(textOf("tokyo"), before);
    const { stderr } = await succeeds("tokyo", "--force", "--grace", "1h");
    assert.equal(
      stderr,
      "warning: tokyo: the window of the last rotation is open, and ends with the next up. Collectors that still send the secret from before it are refused from then on, and lose what they push.\n",
    );
    assert.deepEqual(
      changedLines(before, textOf("tokyo")).map(({ sign, text }) => sign + text),
      [
        "-    secretVersion: 2",
        `-    previousSecretExpiresAt: ${end}`,
        "+    secretVersion: 3",
        `+    previousSecretExpiresAt: ${until("tokyo")}`,
      ],
    );
  });

  it("catches a secret that did not change because the answer with the new one was lost", async () => {
    await succeeds("lima");
    const former = fingerprint(secretOf("lima"));
    fleet.standIn.inject({
      match: { method: "PUT", path: new RegExp(`service_tokens/${tokenOf("lima").id}`) },
      lostAnswer: true,
    });
    const lost = await fleet.up();
    assert.notEqual(lost.exitCode, 0);
    assert.match(
      lost.text,
      /sites\/lima: version \d of its secret was made, and the answer with it was lost: nobody has it/,
    );
    // What the failure kept from its turn.
    await up();
    const { exitCode, stdout, stderr } = await confirm("lima", "tokyo");
    assert.equal(exitCode, 1);
    assert.match(stdout, /^tokyo {2}confirmed /m);
    assert.match(stdout, new RegExp(`^lima {3}not confirmed {2}sha256 ${former}, as before +not tried`, "m"));
    assert.match(
      stderr,
      /^error: sites\/lima\.yaml: the stack's secret did not change \(sha256 [0-9a-f]{12}\), although Cloudflare changed the token at \S+Z, after the rotation was written: the answer with the new secret was lost, or the provider kept the old one\. Nobody has the new secret, and the old one stops at \S+Z\. Make ready to put a secret in place at the site at once, then `npx sitepass rotate lima --force` and `pulumi up`\.\n$/,
    );
    await succeeds("lima", "--force");
  });

  it("cannot be confirmed where nothing was noted, unless the fingerprint before is given", async () => {
    const [, former = ""] = /"formerFingerprint": "(\w+)"/.exec(readFileSync(noteOf("tokyo"), "utf8")) ?? [];
    rmSync(noteOf("tokyo"));
    const present = fingerprint(secretOf("tokyo"));
    const unknown = await confirm("tokyo", "--json");
    assert.equal(unknown.exitCode, 1);
    assert.deepEqual(JSON.parse(unknown.stdout), {
      sites: [
        {
          site: "tokyo",
          ok: false,
          secret: "unknown",
          formerFingerprint: null,
          fingerprint: present,
          letIn: true,
          oldSecretUntil: until("tokyo"),
        },
      ],
      problems: [
        `sites/tokyo.yaml: what its secret was before is not known on this machine, so whether it changed cannot be told; it is sha256 ${present} now. Give the fingerprint that \`rotate\` printed, with --former tokyo=<fingerprint>.`,
      ],
    });
    assert.equal((await confirm("tokyo", "--former", `tokyo=${former}`)).exitCode, 0);
    assert.equal((await confirm("tokyo", "--former", `tokyo=${present}`)).exitCode, 1);
    const wrong = await confirm("tokyo", "--former", "tokyo=none", "--former", `lima=${present}`);
    assert.equal(
      wrong.stderr,
      `error: --former: is "tokyo=none", which is not a site with the 12 hexadecimal digits of a fingerprint. Write it as in tokyo=0123456789ab.
error: --former: names lima, which is not among the sites to confirm. Name that site, too.
`,
    );
  });

  it("is confirmed on the way out of a lost answer, but not while the new secret is not let in", async () => {
    await up();
    tokenOf("lima").enabled = false;
    const { exitCode, stdout, stderr } = await confirm("lima");
    tokenOf("lima").enabled = true;
    assert.equal(exitCode, 1);
    assert.match(stdout, /^lima {2}not confirmed {2}sha256 [0-9a-f]{12} -> [0-9a-f]{12} {2}no /m);
    assert.match(stderr, /^error: lima \(metrics\): /m);
    assert.equal((await confirm("lima")).exitCode, 0);
  });

  it("writes without the stack only when it is told to, and then notes nothing", async () => {
    const unreadable = ["--state", join(fleet.directory, "gone.json")];
    const before = textOf("quito");
    const refused = await sitepassOn(fleet, ["rotate", "quito", ...unreadable]);
    assert.equal(refused.exitCode, 1);
    assert.match(
      refused.stderr,
      /\nerror: --offline: would write the files without looking at the stack\. --confirm then has to be told the fingerprint before\.\n$/,
    );
    assert.equal(textOf("quito"), before);
    const offline = await sitepassOn(fleet, ["rotate", "quito", "--offline", ...unreadable]);
    assert.equal(offline.exitCode, 0, offline.stderr);
    assert.match(offline.stdout, /^quito {2}1 -> 2 {3}\S+Z \(in 7 days\) {2}unknown {5}sites\/quito\.yaml$/m);
    assert.equal(existsSync(noteOf("quito")), false);
  });
});
