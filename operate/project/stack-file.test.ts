import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { attempt, orThrow } from "../../fleet/problem";
import { problemTexts } from "../../fleet/testing/problem-texts";
import { readStackFile, withStackValues, type StackFile } from "./stack-file";

const root = join(__dirname, "..", "..");

const values = {
  account: "0".repeat(32),
  zone: "example.org",
  metricsHost: "prom.example.org",
  logsHost: "loki.example.org",
  tunnel: "central",
  team: "acme",
} as const;

describe("a stack's file", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sitepass-stack-"));
    writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\nruntime: nodejs\n");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const read = (text?: string): StackFile => {
    if (text !== undefined) {
      writeFileSync(join(directory, "Pulumi.prod.yaml"), text);
    }
    return readStackFile(directory, "prod");
  };

  const edited = (text: string, wanted: object = values): string =>
    orThrow(withStackValues(read(text), wanted));

  it("begins as the one that a checkout comes with, which counts as not filled in", (t) => {
    const shipped = readFileSync(join(root, "Pulumi.prod.yaml"), "utf8");
    const fresh = readFileSync(join(__dirname, "new-stack.yaml"), "utf8");
    if (!shipped.includes("accountId: 9a7806061c88ada191ed06f989cc3dac")) {
      t.skip("Pulumi.prod.yaml is filled in");
      return;
    }
    // When this fails: bring the two back together.
    const withoutFirst = (text: string) => text.slice(text.indexOf("\n"));
    assert.equal(withoutFirst(fresh), withoutFirst(shipped));
    assert.deepEqual(read(shipped).filledIn, {});
    assert.deepEqual([read().before, read().filledIn], [shipped, {}]);
  });

  it("keeps comments, order and every other key", () => {
    const before = [
      "encryptionsalt: v1:abc=:v1:def",
      "secretsprovider: passphrase",
      "config:",
      "  aws:region: eu-central-1 # not ours",
      "  cloudflare:apiToken:",
      "    secure: v1:secret",
      "  # The account.",
      '  sitepass:accountId: "9a7806061c88ada191ed06f989cc3dac" # by hand',
      "  sitepass:endpoints: { metrics: { hostname: old.example.org, paths: [/api/v1/write] } }",
      "  sitepass:alertEmails:",
      "    - ops@example.com # us",
      "  # the end",
      "",
    ].join("\n");
    assert.equal(
      edited(before),
      before
        .replace("9a7806061c88ada191ed06f989cc3dac", "0".repeat(32))
        .replace("old.example.org", "prom.example.org")
        .replace("[/api/v1/write] }", "[/api/v1/write] }, logs: { hostname: loki.example.org }")
        .replace(
          "# us\n",
          "# us\n  sitepass:zone: example.org\n  sitepass:publish: { tunnel: { name: central } }\n  sitepass:teamName: acme\n",
        ),
    );
    const windows = before.replaceAll("\n", "\r\n");
    assert.equal(edited(windows), edited(before).replaceAll("\n", "\r\n"));
  });

  it("keeps what says how secrets are encrypted in the file of a stack that pulumi has just made", () => {
    const text = edited("encryptionsalt: v1:abc=:v1:def\n");
    assert.match(text, /^encryptionsalt: v1:abc=:v1:def\n\n# The plain values of a stack\./);
    assert.match(text, /^ {2}sitepass:zone: example\.org$/m);
  });

  it("is left alone where it is not UTF-8, of which a comment would be lost", async () => {
    const text = Buffer.from("config:\n  # caf\u00e9\n  sitepass:zone: old.example\n", "latin1");
    writeFileSync(join(directory, "Pulumi.prod.yaml"), text);
    assert.match(
      problemTexts(await attempt(() => read())).join("\n"),
      /^Pulumi.prod.yaml: is not UTF-8, .*\. Save it as UTF-8\.$/,
    );
    assert.deepEqual(readFileSync(join(directory, "Pulumi.prod.yaml")), text);
  });

  it("says what to write by hand where config stands there and holds nothing", () => {
    assert.match(
      problemTexts(withStackValues(read("config:\n# mine\n"), values)).join("\n"),
      /^Pulumi.prod.yaml: is written in a way that cannot be changed .* By hand, set sitepass:accountId to 0+,/,
    );
  });

  it("puts an ID in quotes that YAML takes for a number, and reads what stands there without a value", () => {
    const account = `1${"2".repeat(31)}`;
    const text = edited("config:\n  sitepass:accountId:\n  sitepass:zone: example.org\n", { account });
    assert.equal(text, `config:\n  sitepass:accountId: "${account}"\n  sitepass:zone: example.org\n`);
  });

  it("makes a comment of the example of a team name where none is known", () => {
    const { account, zone, metricsHost, logsHost, tunnel } = values;
    const others = { account, zone, metricsHost, logsHost, tunnel };
    const fresh = readFileSync(join(__dirname, "new-stack.yaml"), "utf8");
    assert.match(edited(fresh, others), /^ {2}# sitepass:teamName: example-team$/m);
    assert.match(edited("config:\n  sitepass:teamName: mine\n", others), /^ {2}sitepass:teamName: mine$/m);
  });

  it("leaves what it cannot change alone to a person, and says what is encrypted", async () => {
    const alias = "config:\n  sitepass:zone: &zone example.net\n  aws:zone: *zone\n";
    assert.match(
      problemTexts(withStackValues(read(alias), values)).join(),
      /By hand, set sitepass:accountId to 0{32}/,
    );
    assert.deepEqual(
      problemTexts(await attempt(() => read("config:\n  sitepass:accountId:\n    secure: v1:x\n"))),
      [
        "sitepass:accountId: is encrypted in Pulumi.prod.yaml, and this can neither read nor change it. Write it in plain text with `pulumi config set`: it is no secret.",
      ],
    );
  });
});
