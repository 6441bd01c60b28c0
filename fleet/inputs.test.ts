import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readInputs } from "./inputs";

const root = mkdtempSync(join(tmpdir(), "sitepass-inputs-"));
after(() => {
  rmSync(root, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, "sites-"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const good = {
  "sitepass:accountId": "0123456789abcdef0123456789abcdef",
  "sitepass:zone": "example.com",
  "sitepass:endpoints": '{"metrics":{"hostname":"prom.example.com"}}',
  "sitepass:publish": '{"tunnel":{"name":"central"}}',
};

function assertRefused(
  raw: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
  problems: readonly string[],
): void {
  assert.throws(() => readInputs(raw, folderWith(files)), {
    name: "UserError",
    message: problems.join("\n"),
  });
}

describe("readInputs", () => {
  it("gives the configuration and the sites with its defaults", () => {
    const { config, sites } = readInputs(
      { ...good, "sitepass:tokenDuration": "24h" },
      folderWith({ "tokyo.yaml": "", "berlin.yaml": "token: { duration: 48h }" }),
    );
    assert.equal(config.accountId, "0123456789abcdef0123456789abcdef");
    assert.deepEqual(
      sites.map(({ file, signals, token }) => [file, signals, token.duration]),
      [
        ["sites/berlin.yaml", ["metrics"], "48h"],
        ["sites/tokyo.yaml", ["metrics"], "24h"],
      ],
    );
  });

  it("lets an empty folder pass only where that is allowed", () => {
    assert.deepEqual(readInputs(good, folderWith({}), "allowed").sites, []);
    assert.throws(() => readInputs(good, folderWith({})), /sites\/: holds no site/);
    assert.throws(
      () => readInputs(good, folderWith({ "tokyo.yaml": "signals: [logs]" }), "allowed"),
      /signals names logs, which has no endpoint/,
    );
  });

  it("reports the problems of configuration and sites together", () => {
    assertRefused(
      { ...good, "sitepass:accountId": "acme" },
      { "tokyo.yaml": "signals: []", "README.md": "" },
      [
        `sitepass:accountId: is "acme", which is no account ID: 32 characters 0-9 and a-f. Copy it from the dashboard's Overview page.`,
        "sites/README.md: is no .yaml, .yml or .json file. Only site files live here: rename it, or move it elsewhere.",
        "sites/tokyo.yaml: signals is [], which is empty. Name a signal, or drop the key for all of them; to shut the site out, set token.enabled to false.",
      ],
    );
  });

  it("reports a bad configuration beside good sites", () => {
    assertRefused({ ...good, "sitepass:siteLabel": "__site" }, { "tokyo.yaml": "" }, [
      'sitepass:siteLabel: is "__site", which begins with __, which Prometheus reserves. Rename it.',
    ]);
  });

  it("reports bad sites beside a good configuration", () => {
    assertRefused(good, { "tokyo.yaml": "42" }, [
      "sites/tokyo.yaml: holds only 42, not keys and values. Write it as in signals: [metrics].",
    ]);
  });

  it("reports sites that do not fit the configuration", () => {
    assertRefused(good, { "tokyo.yaml": "signals: [logs]" }, [
      "sites/tokyo.yaml: signals names logs, which has no endpoint. Add sitepass:endpoints.logs to the stack, or drop logs here.",
    ]);
  });
});
