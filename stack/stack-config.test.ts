import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readStackConfig } from "./stack-config";

const directory = mkdtempSync(join(tmpdir(), "sitepass-config-"));
after(() => {
  rmSync(directory, { recursive: true });
});

function read(config: string) {
  writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\n");
  writeFileSync(join(directory, "Pulumi.prod.yaml"), `config:\n${config}\n`);
  return readStackConfig(directory, "prod").values;
}

describe("readStackConfig, on values that look like numbers", () => {
  const refused: readonly (readonly [string, string])[] = [
    [
      "  sitepass:accountId: 12345678901234567890123456789012",
      "sitepass:accountId is 12345678901234567890123456789012, which YAML reads as the number 1.2345678901234567e+31",
    ],
    [
      "  sitepass:zone: 00000000000000000000000000000012",
      "sitepass:zone is 00000000000000000000000000000012, which YAML reads as the number 12",
    ],
    [
      "  accountId: 1234567890123456789012345678e901",
      "sitepass:accountId is 1234567890123456789012345678e901, which YAML reads as the number Infinity",
    ],
    ["  sitepass:teamName: 0123", "sitepass:teamName is 0123, which YAML reads as the number 123"],
    [
      "  sitepass:serviceTokenLimit: 0x10",
      "sitepass:serviceTokenLimit is 0x10, which YAML reads as the number 16",
    ],
    [
      "  sitepass:endpoints:\n    metrics: { hostname: 1e3 }",
      "sitepass:endpoints.metrics.hostname is 1e3, which YAML reads as the number 1000",
    ],
    ["  cloudflare:apiToken: 1e3", "cloudflare:apiToken is 1e3, which YAML reads as the number 1000"],
  ];
  for (const [text, says] of refused) {
    it(`says how ${text.trim()} is read`, () => {
      assert.throws(() => read(text), {
        name: "UserError",
        message: `Pulumi.prod.yaml: ${says}. Put it in quotes${says.includes(" is 123456789012345678901234567890") ? "" : ", or write a number in decimal digits alone"}.`,
      });
    });
  }

  it("says that a truth value where text belongs is to be put in quotes", () => {
    assert.throws(() => read("  sitepass:teamName: True\n  sitepass:protect: true"), {
      name: "UserError",
      message:
        "Pulumi.prod.yaml: sitepass:teamName is True, which YAML reads as true or false, and is to be text. Put it in quotes.",
    });
    assert.equal(read('  sitepass:teamName: "true"')["sitepass:teamName"], "true");
  });

  it("takes what stands in quotes, numbers as they are meant, and other programs' keys", () => {
    const values = read(
      [
        '  sitepass:accountId: "12345678901234567890123456789012"',
        "  sitepass:serviceTokenLimit: 50",
        "  sitepass:protect: True",
        "  aws:maxRetries: 0x10",
      ].join("\n"),
    );
    assert.equal(values["sitepass:accountId"], "12345678901234567890123456789012");
    assert.equal(values["sitepass:serviceTokenLimit"], "50");
    assert.equal(values["sitepass:protect"], "true");
  });
});

describe("readStackConfig, on a file that cannot be read", () => {
  it("says what is wrong with its aliases, and with its syntax", () => {
    assert.throws(() => read("  sitepass:zone: *zone"), {
      name: "UserError",
      message: `${join(directory, "Pulumi.prod.yaml")}: is not valid YAML (Unresolved alias (the anchor must be set before the alias): zone). Fix it.`,
    });
    assert.throws(() => read("  sitepass:zone: [a"), {
      name: "UserError",
      message: /Pulumi\.prod\.yaml: is not valid YAML \(.+ at line 3, column 1\)\. Fix it\.$/,
    });
  });
});
