import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { format } from "prettier";
import { parse } from "yaml";
import { newSiteText } from "./new-site-text";
import { orThrow } from "./problem";
import { parseSite } from "./site-files";
import { siteSchema, type SiteFile } from "./site-schema";
import { keysAt } from "./zod-issues";

const read = (text: string): SiteFile => orThrow(parseSite(text, "sites/tokyo.yaml"));

/** Takes the mark off every line that a key stands in, or is within one. */
const withoutMarks = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.replace(/^# (?=(?: {2})?[a-zA-Z]+:(?: |$))|^# (?= {2}# )/, ""))
    .join("\n");

const written = {
  description: 'Tokyo: "rack A"',
  signals: ["metrics"],
  labels: { region: "apac", floor: "7", open: "yes", note: "# no comment: a label" },
  proxy: "http://proxy.example.net:3128",
  token: { duration: "17520h" },
  collector: "fluent-bit",
  relay: "caddy",
  shard: "7",
};

describe("newSiteText", () => {
  it("is a site with every default as it is", () => {
    assert.deepEqual(read(newSiteText({})), read(""));
    assert.equal(parse(newSiteText({})), null);
  });

  it("has every key that a site file may have, and is a valid site with the comments taken away", () => {
    const text = withoutMarks(newSiteText({}));
    const keys = parse(text) as Record<string, Record<string, unknown>>;
    const known = keysAt(siteSchema, []).filter((key) => key !== "$schema");
    assert.deepEqual(Object.keys(keys), known);
    assert.deepEqual(Object.keys(keys.token ?? {}), keysAt(siteSchema, ["token"]));
    // The one pair that does not go together: nginx cannot send through a proxy.
    for (const site of [
      read(text.replace(/^proxy: .*\n/m, "")),
      read(text.replace(/^relay: nginx$/m, "relay: caddy")),
    ]) {
      assert.equal(site.token.secretVersion, 2);
    }
    assert.match(text, /^# yaml-language-server: \$schema=\.\.\/site\.schema\.json\n/);
  });

  it("says of every key what it means, and what it is when it is left out", () => {
    const lines = newSiteText({}).split("\n");
    const isKey = (line: string | undefined) => /^# (?: {2})?[a-zA-Z]+:(?: |$)/.test(line ?? "");
    const keys = lines.flatMap((line, index) => (isKey(line) ? [index] : []));
    assert.equal(keys.length, keysAt(siteSchema, []).length - 1 + keysAt(siteSchema, ["token"]).length);
    for (const index of keys.filter((one) => lines[one] !== "# token:")) {
      const start = lines.slice(0, index).findLastIndex((line) => line === "" || isKey(line));
      const about = lines
        .slice(start + 1, index)
        .join(" ")
        .replaceAll("# ", "")
        .replace(/ +/g, " ");
      assert.match(about, /\w.* Default: [^.]+\.$/, lines[index]);
    }
  });

  it("lets what is given count, whatever it holds, and nothing else", () => {
    const text = newSiteText(written);
    assert.deepEqual(parse(text), written);
    const { token, ...others } = read(text);
    assert.deepEqual({ ...others, token: token.duration }, { ...written, token: written.token.duration });
  });

  it("is formatted as the project's files are", async () => {
    for (const text of [newSiteText({}), newSiteText(written)]) {
      assert.equal(await format(text, { parser: "yaml", printWidth: 110 }), text);
    }
  });
});
