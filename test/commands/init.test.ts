import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startStandIn, type StandIn } from "cloudflare-standin";
import type { Permission } from "cloudflare-standin/api/permissions";
import type { CommandResult } from "../support/run-here";
import { sitepass } from "../support/sitepass";

const root = join(__dirname, "..", "..");
const account = "0123456789abcdef0123456789abcdef";
const other = "f".repeat(32);

describe("sitepass init", () => {
  let directory: string;
  let standIn: StandIn;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sitepass-init-"));
    copyFileSync(join(root, "Pulumi.yaml"), join(directory, "Pulumi.yaml"));
    copyFileSync(join(root, "operate/project/new-stack.yaml"), join(directory, "Pulumi.prod.yaml"));
    standIn = await startStandIn({ accountId: account, teamName: "acme", zones: [{ name: "example.org" }] });
  });

  afterEach(async () => {
    await standIn.close();
    rmSync(directory, { recursive: true });
  });

  const environment = (apiToken = standIn.apiToken): Record<string, string> => ({
    CLOUDFLARE_API_TOKEN: apiToken,
    CLOUDFLARE_BASE_URL: standIn.baseUrl,
  });

  const init = (...args: readonly string[]): Promise<CommandResult> =>
    sitepass(["init", "--cwd", directory, ...args], { environment: environment() });

  const offline = (...args: readonly string[]): Promise<CommandResult> =>
    sitepass(["init", "--cwd", directory, ...args], {
      environment: { CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_BASE_URL: undefined },
    });

  const text = (stack = "prod"): string => readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");

  const problems = ({ stdout }: CommandResult): readonly string[] =>
    (JSON.parse(stdout) as { problems: string[] }).problems;

  it("takes what Cloudflare shows, where that is one thing, and writes it alone", async () => {
    const before = text();
    const { exitCode, stdout, stderr } = await init("--yes", "--json");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.deepEqual(JSON.parse(stdout), {
      ok: true,
      stack: "prod",
      file: "Pulumi.prod.yaml",
      written: true,
      lookedUp: true,
      values: {
        account,
        zone: "example.org",
        metricsHost: "prom.example.org",
        logsHost: "loki.example.org",
        tunnel: "central-observability",
        team: "acme",
      },
      warnings: [],
      next: ["npx sitepass check", "pulumi stack init prod", "pulumi up"],
    });
    assert.equal(
      text(),
      before
        .replace("9a7806061c88ada191ed06f989cc3dac", account)
        .replace("zone: example.com", "zone: example.org")
        .replace("hostname: prom.example.com", "hostname: prom.example.org")
        .replace("hostname: loki.example.com", "hostname: loki.example.org")
        .replace("teamName: example-team", "teamName: acme"),
    );
    assert.ok(standIn.requests.every(({ method }) => method === "GET"));
    assert.ok(!text().includes(standIn.apiToken) && !stdout.includes(standIn.apiToken));
    const again = await init("--yes");
    assert.match(again.stdout, /^Pulumi\.prod\.yaml: says this already; nothing was written\.$/m);
  });

  it("names every value that is missing at once, with its option and what it could be", async () => {
    standIn.database.zones.clear();
    const { exitCode, stdout } = await offline("--json");
    assert.equal(exitCode, 1);
    const ask = "Give it, or run this on a terminal to be asked.";
    assert.deepEqual(problems({ exitCode, stdout, stderr: "" }), [
      `--account: is not given. ${ask}`,
      `--zone: is not given. ${ask}`,
      `--metrics-host: is not given. ${ask}`,
      `--logs-host: is not given. ${ask}`,
      "--tunnel: is not given. Give it, such as central-observability, or take --yes for what is proposed.",
    ]);
    const known = await offline(
      "--json",
      "--account",
      account,
      "--zone",
      "example.org",
      "--tunnel",
      "central",
    );
    assert.deepEqual(problems(known), [
      "--metrics-host: is not given. Give it, such as prom.example.org, or take --yes for what is proposed.",
      "--logs-host: is not given. Give it, such as loki.example.org, or take --yes for what is proposed.",
    ]);
  });

  it("works without an API token, says so, and makes a comment of the team name", async () => {
    const { exitCode, stderr } = await offline("--yes", "--account", account, "--zone", "example.org");
    assert.equal(exitCode, 0);
    assert.equal(
      stderr,
      "Nothing was looked up at Cloudflare: what was given was checked for its form alone.\n",
    );
    assert.match(text(), /^ {2}# sitepass:teamName: example-team$/m);
  });

  it("chooses no account among several, and no zone of another one", async () => {
    const zones = standIn.database.zones;
    const [zone] = [...zones.values()];
    zones.set("e".repeat(32), {
      ...(zone ?? assert.fail()),
      id: "e".repeat(32),
      name: "example.net",
      accountId: other,
    });
    assert.deepEqual(problems(await init("--yes", "--json")).slice(0, 1), [
      `--account: is not given, and there are several. Give one of ${account} (Stand-in account), ${other} (Stand-in account).`,
    ]);
    assert.deepEqual(problems(await init("--yes", "--json", "--account", account, "--zone", "example.net")), [
      `--zone: is "example.net", which belongs to account ${other}. Give that account, or a zone of ${account}.`,
    ]);
    assert.deepEqual(problems(await init("--yes", "--json", "--account", account, "--zone", "exmaple.org")), [
      `--zone: is "exmaple.org", which is not a zone that the API token is shown. Did you mean example.org? It is shown example.org.`,
    ]);
    assert.match(
      problems(await init("--yes", "--json", "--account", "e".repeat(32))).join("\n"),
      /^--account: is "e{32}", which is not an account that the API token is shown\. It is shown/,
    );
  });

  it("refuses values of the wrong form, and host names that are not directly below the zone", async () => {
    const wrong = await init(
      ...["--json", "--account", "12", "--zone", "Example", "--tunnel", "x".repeat(101), "--team", "a.b"],
      ...["--metrics-host", "a.b.example.org", "--logs-host", "loki"],
    );
    assert.deepEqual(
      problems(wrong).map((problem) => problem.replace(/[,.] .*/s, "").replace(/x+/, "x")),
      [
        '--account: is "12"',
        '--zone: is "Example"',
        '--logs-host: is "loki"',
        '--tunnel: is "x"',
        '--team: is "a.b"',
      ],
    );
    const below = await init("--json", "--yes", "--metrics-host", "a.b.example.org", "--team", "a.b");
    assert.deepEqual(problems(below), [
      `--metrics-host: is "a.b.example.org", which is more than one level below the zone example.org, and Cloudflare's Universal SSL certificate covers one. Take a name such as a-b.example.org.`,
      `--team: is "a.b", which is not a team name. Give the part before .cloudflareaccess.com alone.`,
    ]);
    assert.match(
      problems(await init("--json", "--yes", "--team", "example-team")).join(),
      /^--team: is "example-team", which is not the account's, and cloudflared would refuse every push\. Give acme\.$/,
    );
    assert.equal((await init("--yes", "--identity", "all")).exitCode, 2);
    assert.match(
      (await init("--yes", "--stack", "../x")).stderr,
      /^error: --stack: is "\.\.\/x", which is not a stack's name/,
    );
  });

  it("changes what a person has filled in only when it is told to", async () => {
    await init("--yes", "--tunnel", "mine", "--identity", "off");
    const before = text();
    assert.deepEqual(
      problems(await init("--json", "--yes", "--tunnel", "other", "--metrics-host", "m.example.org")),
      [
        '--metrics-host: is "m.example.org", and Pulumi.prod.yaml says "prom.example.org" already. Add --overwrite to change it, or leave --metrics-host out.',
        '--tunnel: is "other", and Pulumi.prod.yaml says "mine" already. Add --overwrite to change it, or leave --tunnel out.',
      ],
    );
    assert.equal(text(), before);
    assert.equal((await init("--yes", "--tunnel", "other", "--overwrite")).exitCode, 0);
    assert.equal(text(), before.replace("name: mine", "name: other"));
  });

  it("makes the file of another stack, with names that no other has", async () => {
    await init("--yes");
    const { exitCode, stdout, stderr } = await init("--yes", "--stack", "staging");
    assert.equal(exitCode, 0);
    assert.match(stdout, /^ {2}pulumi up --stack staging /m);
    assert.equal(
      stderr,
      "warning: Pulumi.staging.yaml: is the shard without a name, and so is prod: each of them makes a token for every site of it. Where that is not meant, set sitepass:shard in one of them (docs/scale.md).\n",
    );
    assert.match(text("staging"), /hostname: prom-staging\.example\.org/);
    assert.match(text("staging"), /name: central-staging/);
    assert.equal(statSync(join(directory, "Pulumi.staging.yaml")).mode & 0o600, 0o600);
  });

  it("says what the API token may not do, and goes by what is typed", async () => {
    const limited = (...held: Permission[]) => environment(standIn.createApiToken(held));
    const args = ["init", "--cwd", directory, "--yes", "--account", account, "--zone", "example.org"];
    const blind = await sitepass(args, { environment: limited() });
    assert.equal(blind.exitCode, 0, blind.stderr);
    assert.match(
      blind.stderr,
      /^warning: CLOUDFLARE_API_TOKEN: is shown no zone \(HTTP 403, 10000 Authentication error\)/m,
    );
    assert.match(blind.stderr, /^warning: sitepass:teamName: was not looked up \(HTTP 403/m);
    // As one that is owned by an account, or may see its zones alone.
    standIn.inject({ match: { path: "/accounts" }, status: 400, code: 1001, message: "not supported" });
    assert.equal((await init("--yes", "--json")).exitCode, 0);
    // The zones have told the account, whatever becomes of the list.
    standIn.inject({ match: { path: /^\/accounts$/ }, status: 501, message: "not imitated" });
    const withoutList = await init("--yes");
    assert.equal(withoutList.exitCode, 0, withoutList.stderr);
    assert.match(withoutList.stderr, /^warning: Cloudflare: refused to list the accounts \(HTTP 501/m);
    // As a server that has neither list of accounts nor organization.
    for (const path of [/^\/accounts$/, new RegExp(`^/accounts/${account}/access/organizations$`)]) {
      standIn.inject({ match: { path }, status: 404, code: 7003, message: "Could not route" });
    }
    const lean = await init("--yes", "--account", account, "--stack", "lean");
    assert.equal(lean.exitCode, 0, lean.stderr);
    assert.doesNotMatch(lean.stderr, /list the accounts/);
    assert.match(
      lean.stderr,
      /^warning: sitepass:teamName: was not looked up \(Cloudflare refused to read the Zero Trust organization of account 0123456789abcdef0123456789abcdef \(HTTP 404, 7003 Could not route\)\)\./m,
    );
    const unknown = await sitepass(["init", "--cwd", directory, "--yes"], {
      environment: environment("x".repeat(40)),
    });
    assert.equal(unknown.exitCode, 1);
    assert.match(unknown.stderr, /^error: CLOUDFLARE_API_TOKEN: is not valid/);
  });

  it("says where Zero Trust is set up, for an account that has none", async () => {
    const message = "access.api.error.not_enabled";
    const match = { path: `/accounts/${account}/access/organizations` };
    standIn.inject({ match, status: 403, code: 9999, message });
    const before = text();
    const { exitCode, stderr } = await init("--yes");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error: 0123456789abcdef0123456789abcdef: is an account without Zero Trust .* open https:\/\/one\.dash\.cloudflare\.com/,
    );
    assert.equal(text(), before);
  });

  it("refuses a folder that is no project", async () => {
    rmSync(join(directory, "Pulumi.yaml"));
    const { exitCode, stderr } = await init("--yes");
    assert.equal(exitCode, 1);
    assert.match(stderr, /Pulumi\.yaml: is not there\. Run this in the project's folder/);
  });

  describe(
    "on a terminal",
    { skip: process.platform === "linux" ? false : "util-linux's script is needed" },
    () => {
      /** Answers each question that shows up with keys; what was shown, and the exit code. */
      async function talk(
        answers: readonly (readonly [question: RegExp, keys: string])[],
        ...args: readonly string[]
      ): Promise<{ readonly shown: string; readonly exitCode: number | null }> {
        const words = [process.execPath, join(root, "bin/sitepass.cjs"), "init", "--cwd", directory, ...args];
        const child = spawn("script", ["-qec", words.map((word) => `'${word}'`).join(" "), "/dev/null"], {
          env: { ...process.env, ...environment(), TERM: "xterm", NO_COLOR: "1", CI: "" },
          stdio: ["pipe", "pipe", "inherit"],
        });
        let shown = "";
        let unread = "";
        child.stdout.on("data", (chunk: Buffer) => {
          shown += chunk.toString();
          unread += chunk.toString();
        });
        const ended = new Promise<number | null>((done) => child.on("close", done));
        for (const [question, keys] of answers) {
          for (let waited = 0; !question.test(unread); waited += 50) {
            assert.ok(
              waited < 30_000 && child.exitCode === null,
              `${String(question)} was not asked: ${shown}`,
            );
            await delay(50);
          }
          unread = "";
          child.stdin.write(keys);
        }
        const exitCode = await ended;
        return { shown, exitCode };
      }

      const enter = "\r";

      it("asks for each value, shows what changes, and writes it when told to", async () => {
        const { shown, exitCode } = await talk([
          [/The Cloudflare account/, enter],
          [/The zone/, enter],
          [/metrics are pushed to/, `${"\u007f".repeat("prom.example.org".length)}a.b.example.org${enter}`],
          [
            /more than one level below/,
            `${"\u007f".repeat("a.b.example.org".length)}push.example.org${enter}`,
          ],
          [/logs are pushed to/, enter],
          [/The name of the tunnel/, enter],
          [/Write Pulumi\.prod\.yaml\?/, enter],
        ]);
        assert.equal(exitCode, 0, shown);
        assert.match(shown, /- {3}sitepass:zone: example\.com/);
        assert.match(shown, /\+ {3}sitepass:zone: example\.org/);
        assert.match(text(), /hostname: push\.example\.org/);
        assert.match(text(), /teamName: acme/);
        assert.ok(!shown.includes(standIn.apiToken));
      });

      it("offers what is there already, and changes it as it is told", async () => {
        await init("--yes");
        const before = text();
        const { shown, exitCode } = await talk(
          [
            [/The Cloudflare account/, enter],
            [/The zone/, enter],
            [/metrics are pushed to[^]*prom\.example\.org/, enter],
            [/logs are pushed to/, enter],
            [/Write Pulumi\.prod\.yaml\?/, enter],
          ],
          "--tunnel",
          "other",
        );
        assert.equal(exitCode, 0, shown);
        assert.equal(text(), before.replace("name: central-observability", "name: other"));
      });

      it("writes nothing when it is ended or told no", async () => {
        const before = text();
        const ended = await talk([[/The Cloudflare account/, "\u0003"]]);
        assert.equal(ended.exitCode, 130, ended.shown);
        assert.match(ended.shown, /Nothing was written\./);
        const no = await talk(
          [[/Write Pulumi\.prod\.yaml\?/, "n"]],
          ...["--account", account, "--zone", "example.org", "--tunnel", "t"],
          ...["--metrics-host", "m.example.org", "--logs-host", "l.example.org"],
        );
        assert.equal(no.exitCode, 130, no.shown);
        assert.equal(text(), before);
      });

      it("asks nothing with --yes", async () => {
        const { shown, exitCode } = await talk([], "--yes");
        assert.equal(exitCode, 0, shown);
      });
    },
  );

  it("leaves a file alone that cannot be read", async () => {
    writeFileSync(join(directory, "Pulumi.prod.yaml"), "config: [\n");
    const { exitCode, stderr } = await init("--yes");
    assert.equal(exitCode, 1);
    assert.match(stderr, /Pulumi\.prod\.yaml: is not valid YAML/);
    assert.equal(text(), "config: [\n");
  });
});
