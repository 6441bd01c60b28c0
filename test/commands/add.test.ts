import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { stringify } from "yaml";
import { sitepass } from "../support/sitepass";

const root = join(__dirname, "..", "..");

describe("sitepass add", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sitepass-add-"));
    copyFileSync(join(root, "Pulumi.yaml"), join(directory, "Pulumi.yaml"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const add = (...args: readonly string[]) =>
    sitepass(["add", "--cwd", directory, ...args], {
      // Neither is needed.
      environment: { CLOUDFLARE_API_TOKEN: undefined, PATH: "/nowhere" },
    });

  const putStack = (name: string, shard: string) => {
    const config = {
      "sitepass:accountId": "a".repeat(32),
      "sitepass:zone": "example.org",
      "sitepass:endpoints": { metrics: { hostname: `${name}.example.org` } },
      "sitepass:publish": { tunnel: { name } },
      "sitepass:shard": shard,
    };
    writeFileSync(join(directory, `Pulumi.${name}.yaml`), stringify({ config }));
  };

  it("writes the file, and says what is next", async () => {
    putStack("prod", "");
    const label = ["--label", "region=apac", "--label", "kind=rack"];
    assert.deepEqual(await add("tokyo", "--collector", "alloy", "--relay", ...label), {
      exitCode: 0,
      stdout: [
        "sites/tokyo.yaml: written.",
        "",
        "Next:",
        "  pulumi up                  makes its token",
        "  npx sitepass render tokyo  writes what the collector runs from, credentials included",
        "  npx sitepass verify tokyo  proves that pushes get through",
        "",
      ].join("\n"),
      stderr: "",
    });
    const text = readFileSync(join(directory, "sites/tokyo.yaml"), "utf8");
    assert.match(text, /^collector: alloy$/m);
    assert.match(
      text,
      /\n\n# A proxy before the collector that keeps refused pushes from being lost\. One of nginx, caddy\. Default: none\.\nrelay: nginx\n/,
    );
    assert.match(text, /^labels:\n {2}region: apac\n {2}kind: rack$/m);
    const check = await sitepass(["check", "--offline", "--cwd", directory]);
    assert.match(check.stdout, /^ok: Pulumi\.prod\.yaml and 1 site are valid$/m);
  });

  it("names the stack where there are several, and every stack of a shard", async () => {
    putStack("eu", "eu");
    putStack("eu-test", "eu");
    putStack("us", "us");
    const { exitCode, stdout } = await add("tokyo", "oslo", "--shard", "eu");
    assert.equal(exitCode, 0);
    assert.equal(
      stdout,
      [
        "sites/tokyo.yaml: written, in the shard eu.",
        "sites/oslo.yaml: written, in the shard eu.",
        "",
        "Next:",
        "  pulumi up --stack eu                                          makes their tokens",
        "  pulumi up --stack eu-test                                     makes their tokens",
        "  npx sitepass render tokyo oslo --collector NAME --stack NAME  writes what the collector runs from, credentials included",
        "  npx sitepass verify tokyo oslo --stack NAME                   proves that pushes get through",
        "",
      ].join("\n"),
    );
  });

  it("prints one JSON document when asked to, whatever comes of it", async () => {
    putStack("eu", "eu");
    putStack("us", "us");
    const added = await add("tokyo", "--shard", "us", "--signals", "metrics", "--json");
    assert.deepEqual(JSON.parse(added.stdout), {
      ok: true,
      sites: [{ name: "tokyo", file: "sites/tokyo.yaml" }],
      shard: "us",
      stacks: ["us"],
      warnings: [],
      next: [
        "pulumi up --stack us",
        "npx sitepass render tokyo --collector NAME",
        "npx sitepass verify tokyo",
      ],
    });
    const refused = await add("tokyo", "Oslo", "--json");
    assert.equal(refused.exitCode, 1);
    const { ok, problems } = JSON.parse(refused.stdout) as { ok: boolean; problems: string[] };
    assert.equal(ok, false);
    assert.deepEqual(
      problems.map((problem) => problem.replace(/[.(].*/, "")),
      [
        "tokyo: is a site already ",
        '"Oslo": is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed',
        "--shard: is not given, and the project has several shards ",
      ],
    );
    assert.equal(existsSync(join(directory, "sites/oslo.yaml")), false);
  });

  it("takes no empty name for a site", async () => {
    assert.deepEqual(await add(""), {
      exitCode: 2,
      stdout: "",
      stderr: "error: <name>: is empty. Give a value, or leave it out.\nSee `sitepass --help`.\n",
    });
  });
});
