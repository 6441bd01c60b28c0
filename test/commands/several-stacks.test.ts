import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import { parseDocument } from "yaml";
import { engines } from "../support/engines";
import { openTwoAccounts, type TwoAccounts } from "../support/two-accounts";

for (const engine of engines) {
  describe(`commands on several stacks, on ${engine.name}`, () => {
    let fleet: TwoAccounts;

    const files = {
      berlin: "shard: eu\ncollector: alloy\n",
      paris: "shard: eu\ncollector: alloy\n",
      austin: "shard: us\ncollector: alloy\n",
    };

    const putFiles = (): void => {
      for (const [name, text] of Object.entries(files)) {
        fleet.putSite(name, text);
      }
    };

    before(async () => {
      fleet = await openTwoAccounts(engine, files);
      await fleet.up();
    });

    after(() => fleet.close());

    afterEach(() => {
      putFiles();
      for (const { standIn } of [fleet.eu, fleet.us]) {
        standIn.setPermissions(standIn.apiToken, permissions);
      }
    });

    const refuseEverything = ({ standIn }: TwoAccounts["eu"]): void => {
      standIn.setPermissions(standIn.apiToken, []);
    };

    const lines = (text: string): readonly string[] => text.split("\n");

    it("declares in each account the sites of its shard alone", () => {
      const names = ({ standIn }: TwoAccounts["eu"]) =>
        [...standIn.database.serviceTokens.values()].map(({ name }) => name.split("/").at(-1)).sort();
      assert.deepEqual([names(fleet.eu), names(fleet.us)], [["berlin", "paris"], ["austin"]]);
    });

    it("show each stack under a heading, with --all-stacks and with --stack repeated", async () => {
      for (const which of [["--all-stacks"], ["--stack", "eu", "--stack", "us"]]) {
        const { exitCode, stdout, stderr } = await fleet.sitepass(["status", "--stale", "off", ...which]);
        assert.deepEqual([exitCode, stderr], [0, ""], stdout);
        const all = lines(stdout);
        const second = all.indexOf("Stack us");
        assert.deepEqual([all[0], all[second - 1]], ["Stack eu", ""]);
        assert.match(all.slice(0, second).join("\n"), /^berlin .*\nparis /m);
        assert.doesNotMatch(all.slice(0, second).join("\n"), /austin/);
        assert.match(all.slice(second).join("\n"), /^austin /m);
      }
    });

    it("print one document, in which each stack has what it prints alone", async () => {
      const { exitCode, stdout } = await fleet.sitepass(["check", "--offline", "--json", "--all-stacks"]);
      assert.equal(exitCode, 0, stdout);
      const alone = async (stack: string): Promise<object> => ({
        stack,
        ...(JSON.parse(
          (await fleet.sitepass(["check", "--offline", "--json", "--stack", stack])).stdout,
        ) as object),
      });
      assert.deepEqual(JSON.parse(stdout), { stacks: [await alone("eu"), await alone("us")] });
    });

    it("go on where one account refuses everything, and end with 1", async () => {
      refuseEverything(fleet.eu);
      const { exitCode, stdout, stderr } = await fleet.sitepass(["renew", "--all", "--all-stacks", "--json"]);
      assert.equal(exitCode, 1);
      const { stacks } = JSON.parse(stdout) as {
        stacks: {
          stack: string;
          ok?: boolean;
          problems?: string[];
          renewed?: { site: string; ok: boolean }[];
        }[];
      };
      const [eu, us] = stacks;
      assert.deepEqual([stacks.length, eu?.stack, eu?.ok, eu?.renewed], [2, "eu", false, undefined]);
      assert.match(eu?.problems?.join("\n") ?? "", /Access: Service Tokens/);
      assert.deepEqual(
        [us?.stack, us?.renewed?.map(({ site, ok }) => ({ site, ok }))],
        ["us", [{ site: "austin", ok: true }]],
      );
      assert.match(stderr, /^error: stack eu: /m);
      assert.doesNotMatch(stderr, /stack us/);
      assert.ok(stderr.endsWith("Exit code 1 is for 1 of 2 stacks: eu.\n"), stderr);
    });

    it("go on where one stack cannot be opened", async () => {
      const status = await fleet.sitepass([
        "status",
        "--json",
        "--stack",
        "nowhere",
        "--stack",
        "us",
        "--stale",
        "off",
      ]);
      assert.equal(status.exitCode, 1);
      const { stacks } = JSON.parse(status.stdout) as {
        stacks: { stack: string; ok: boolean; sites: object[] }[];
      };
      assert.deepEqual(
        stacks.map(({ stack, ok, sites }) => [stack, ok, sites.length]),
        [
          ["nowhere", false, 0],
          ["us", true, 1],
        ],
      );
    });

    it("rotate, revoke and renew on the stack that a site is in, without being told", async () => {
      const rotated = await fleet.sitepass(["rotate", "austin"]);
      assert.equal(rotated.exitCode, 0, rotated.stderr);
      assert.match(rotated.stdout, /^site {4}version/);
      assert.match(rotated.stdout, /^ {2}pulumi up --stack us +soon/m);
      assert.match(rotated.stdout, /^ {2}npx sitepass rotate --confirm austin --stack us /m);
      assert.match(fleet.siteText("austin"), /secretVersion: 2/);
      assert.equal(fleet.siteText("berlin"), files.berlin);

      const revoked = await fleet.sitepass(["revoke", "austin", "berlin", "--immediately"]);
      assert.equal(revoked.exitCode, 0, revoked.stderr);
      assert.match(
        revoked.stdout,
        /^Stack eu\nStack eu, account a{32}: [^]*\n\nStack us\nStack us, account b{32}: /,
      );
      const disabled = [fleet.eu, fleet.us].flatMap(({ standIn }) =>
        [...standIn.database.serviceTokens.values()]
          .filter(({ enabled }) => !enabled)
          .map(({ name }) => name.split("/").at(-1)),
      );
      assert.deepEqual(disabled, ["berlin", "austin"]);
      const undone = await fleet.sitepass(["revoke", "--undo", "--immediately", "austin", "berlin"]);
      assert.equal(undone.exitCode, 0, undone.stderr);

      fleet.eu.standIn.clearRequests();
      const renewed = await fleet.sitepass(["renew", "austin", "--json"]);
      assert.equal(renewed.exitCode, 0, renewed.stderr);
      assert.match(renewed.stdout, /^\{\n {2}"renewed": /);
      assert.deepEqual(fleet.eu.standIn.requests, []);
    });

    it("render and hand out a site's credentials from its stack", async () => {
      const rendered = await fleet.sitepass(["render", "austin", "berlin"]);
      assert.equal(rendered.exitCode, 0, rendered.stderr);
      const { stdout } = await fleet.sitepass(["output", "austin", "--format", "json"]);
      assert.match(stdout, /prom\.us\.example/);
    });

    it("verify every stack, and say with which one something is wrong", async () => {
      const via = await fleet.openPath();
      const all = await fleet.sitepass(["verify", "--all-stacks", "--via", via]);
      assert.deepEqual([all.exitCode, all.stderr], [0, ""], all.stdout);
      assert.match(
        all.stdout,
        /^Stack eu\n[^]*^2 sites tried: everything[^]*^Stack us\n[^]*^1 site tried: /m,
      );
      const [token] = fleet.us.standIn.database.serviceTokens.values();
      assert.ok(token !== undefined);
      token.enabled = false;
      const one = await fleet.sitepass(["verify", "--all-stacks", "--via", via]);
      token.enabled = true;
      assert.equal(one.exitCode, 1);
      assert.match(one.stdout, /^2 sites tried: everything/m);
      assert.equal(one.stderr, "Exit code 1 is for 1 of 2 stacks: us.\n");
    });

    it("end with all stacks when they are stopped, and say which were not worked on", async () => {
      const nowhere = ["--via", "http://127.0.0.1:1", "--watch", "--timeout", "60", "--interval", "1"];
      for (const json of [false, true]) {
        const stop = new AbortController();
        const { exitCode, stdout, stderr } = await fleet.sitepass(
          ["verify", "--all-stacks", ...nowhere, ...(json ? ["--json"] : [])],
          {
            signal: stop.signal,
            onText: (text) => {
              if (text.includes("Looking again")) {
                stop.abort();
              }
            },
          },
        );
        assert.equal(exitCode, 130, stderr);
        assert.ok(stderr.endsWith("Stopped before 1 stack was worked on: us.\n"), stderr);
        if (json) {
          const { stacks } = JSON.parse(stdout) as { stacks: { stack: string; ok: boolean }[] };
          assert.deepEqual(
            stacks.map(({ stack, ok }) => [stack, ok]),
            [
              ["eu", false],
              ["us", false],
            ],
          );
        } else {
          assert.doesNotMatch(stdout, /Stack us/);
        }
      }
    });

    it("write the gauges of each stack into a file of its own", async () => {
      const { directory } = fleet;
      const pattern = join(directory, "sitepass-{stack}.prom");
      const { exitCode, stderr } = await fleet.sitepass([
        "status",
        "--all-stacks",
        "--stale",
        "off",
        "--openmetrics",
        pattern,
      ]);
      assert.equal(exitCode, 0, stderr);
      for (const [stack, site] of [
        ["eu", "berlin"],
        ["us", "austin"],
      ] as const) {
        const text = readFileSync(join(directory, `sitepass-${stack}.prom`), "utf8");
        assert.match(text, new RegExp(`stack="${stack}",site="${site}"`));
      }
    });

    it("say where a named site is when the stack is said, too", async () => {
      for (const [args, says] of [
        [
          ["rotate", "austin", "--stack", "eu"],
          "austin: is in the shard us, and the stack eu is another. Name its stack, with --stack us.",
        ],
        [
          ["rotate", "austyn"],
          "austyn: is not a site, for there is no sites/austyn.yaml. Did you mean austin?",
        ],
      ] as const) {
        const { exitCode, stderr } = await fleet.sitepass(args);
        assert.deepEqual([exitCode, stderr], [1, `error: ${says}\n`]);
      }
      fleet.putSite("rome", "shard: it\n");
      const { exitCode, stderr } = await fleet.sitepass(["revoke", "rome"]);
      assert.deepEqual(
        [exitCode, stderr],
        [
          1,
          "error: sites/rome.yaml: is in the shard it, which no stack of the project is (there are the shard eu, the shard us). Correct it, or set sitepass:shard in the file of the stack that is to have it.\n",
        ],
      );
    });

    it("take PULUMI_STACK for said", async () => {
      const { exitCode, stderr } = await fleet.sitepass(["revoke", "austin"], {
        environment: { PULUMI_STACK: "eu" },
      });
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error: austin: is in the shard us, /);
      assert.equal(fleet.siteText("austin"), files.austin);
    });

    it("rotate a site that is moving where it comes from, once", async () => {
      fleet.putSite("paris", "shard: eu\nmovingTo: us\ncollector: alloy\n");
      for (const { stack } of [fleet.eu, fleet.us]) {
        assert.equal((await stack.up()).exitCode, 0);
      }
      const output = await fleet.sitepass(["output", "paris", "--format", "json"]);
      assert.equal(
        output.stderr,
        "error: paris: is moving from the shard eu to the shard us, and has other credentials in each. Say whose with --stack.\n",
      );
      const told = await fleet.sitepass(["output", "paris", "--format", "json", "--stack", "us"]);
      assert.match(told.stdout, /prom\.us\.example/);
      const arriving = await fleet.sitepass(["rotate", "paris", "--stack", "us"]);
      assert.match(arriving.stderr, /is moving here from the shard eu, and a rotation/);
      const rendered = await fleet.sitepass(["render", "--all", "--all-stacks", "--json"]);
      assert.equal(rendered.exitCode, 0, rendered.stderr);
      assert.match(rendered.stderr, /^warning: stack us: sites\/paris\.yaml: is moving here, /m);
      const rotated = await fleet.sitepass(["rotate", "--all", "--all-stacks", "--json"]);
      assert.equal(rotated.exitCode, 0, rotated.stderr);
      const { stacks } = JSON.parse(rotated.stdout) as {
        stacks: { rotated: { site: string }[]; skipped: object[] }[];
      };
      assert.deepEqual(
        stacks.map((one) => [one.rotated.map(({ site }) => site), one.skipped]),
        [
          [["berlin", "paris"], []],
          [["austin"], [{ site: "paris", reason: "moving here, and rotated where it comes from" }]],
        ],
      );
      assert.match(fleet.siteText("paris"), /secretVersion: 2/);
    });

    it("render one central host of all, and give its gate one map", async (t) => {
      const files = ["eu", "us"].map((name) => join(fleet.directory, `Pulumi.${name}.yaml`));
      const texts = files.map((path) => readFileSync(path, "utf8"));
      const identify = (...identities: readonly string[]): void => {
        for (const [index, path] of files.entries()) {
          const identity = identities[index];
          const document = parseDocument(texts[index] ?? "");
          // Not appended: `pulumi stack init` writes the state's salt behind the configuration.
          if (identity !== undefined) {
            document.setIn(["config", "sitepass:identity"], identity);
          }
          writeFileSync(path, document.toString());
        }
      };
      t.after(() => {
        identify();
      });
      identify("label", "tenant");
      const differing = await fleet.sitepass([
        "central",
        "--all-stacks",
        "--out",
        join(fleet.directory, "../none"),
      ]);
      assert.deepEqual(
        [differing.exitCode, differing.stderr],
        [
          1,
          "error: sitepass:identity: is label in stack eu and tenant in stack us, and one central host has one. Make it the same in both, or render a central host for each.\n",
        ],
      );
      identify("label", "label");
      const out = join(fleet.directory, "..", `central-${engine.name.replaceAll(/\W/g, "-")}`);
      const central = await fleet.sitepass(["central", "--all-stacks", "--out", out, "--json"]);
      assert.equal(central.exitCode, 0, central.stderr + central.stdout);
      const document = JSON.parse(central.stdout) as { written: string[]; next: string[] };
      assert.deepEqual(
        document.written.filter((path) => path.startsWith("credentials/tunnel")),
        ["credentials/tunnel-token-eu", "credentials/tunnel-token-us"],
      );
      const keys = `npx sitepass central keys --stack eu --stack us --out ${out}`;
      assert.equal(document.next[0], keys);
      assert.notEqual(
        readFileSync(join(out, "credentials/tunnel-token-eu"), "utf8"),
        readFileSync(join(out, "credentials/tunnel-token-us"), "utf8"),
      );
      const sites = readFileSync(join(out, "gate/sites.map"), "utf8");
      assert.match(sites, /^\S+@us austin\/.*\n\S+@eu berlin\/.*\n\S+@eu paris\//m);
      const map = await fleet.sitepass([
        "central",
        "map",
        "--stack",
        "us",
        "--stack",
        "eu",
        "--out",
        out,
        "--json",
      ]);
      assert.deepEqual(JSON.parse(map.stdout), { sites: 3, changed: false, gate: "not running" }, map.stderr);
      const before = await fleet.sitepass(["central", "--stack", "us", "--stack", "eu", "map", "--out", out]);
      assert.equal(before.exitCode, 0, before.stderr);
      const one = await fleet.sitepass(["central", "map", "--stack", "eu", "--out", out]);
      assert.equal(
        one.stderr,
        `error: ${out}: holds the gate of stacks eu, us, and this is stack eu. Run it with \`--stack eu --stack us\`, or name another folder with --out.\n`,
      );
    });

    it("refuse what makes no sense for several stacks as wrong usage", async () => {
      for (const [args, says] of [
        [
          ["adopt", "--all-stacks"],
          "--all-stacks does not go with `adopt`, which works on one stack. Name one with --stack.",
        ],
        [
          ["adopt", "--stack", "eu", "--stack", "us"],
          "--stack, given more than once, does not go with `adopt`, which works on one stack. Name one with --stack.",
        ],
        [
          ["status", "--all-stacks", "--stack", "eu"],
          "--all-stacks comes with --stack eu. Name stacks, or take --all-stacks, not both.",
        ],
        [
          ["status", "--all-stacks", "--state", "one.json"],
          "--state is \"one.json\", which is one stack's file. Put {stack} where the stack's name is, as in .sitepass/{stack}.json.",
        ],
        [
          ["status", "--all-stacks", "--openmetrics", "all.prom"],
          '--openmetrics is "all.prom", which every stack would overwrite. Put {stack} where the stack\'s name is, as in sitepass-{stack}.prom.',
        ],
        [
          ["verify", "--all-stacks", "--watch"],
          "--watch: would wait at the first stack that is not as expected, and never look at the others. Give --timeout, which is each stack's, or name one stack with --stack.",
        ],
      ] as const) {
        const { exitCode, stderr } = await fleet.sitepass(args);
        assert.deepEqual([exitCode, stderr], [2, `error: ${says}\nSee \`sitepass --help\`.\n`]);
      }
    });
  });
}
