import { orThrow } from "../../fleet/problem";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { dnsLabelProblem } from "../../fleet/names";
import { parseSite } from "../../fleet/site-files";
import { problemTexts } from "../../fleet/testing/problem-texts";
import { globTest, parseNamedSites, suggestedSiteName } from "./choose-sites";
import { siteFileText } from "./plan-site-files";

describe("suggestedSiteName", () => {
  it("keeps what a DNS label can hold, and spells out what Latin script can", () => {
    const names = ["Tokyo, rack A", "Łódź (Süd)", "Ærø--2", "İstanbul", "ﬁ①", "-x-", "東京", "東京 2"];
    assert.deepEqual(names.map(suggestedSiteName), [
      "tokyo-rack-a",
      "lodz-sud",
      "aero-2",
      "istanbul",
      "fi1",
      "x",
      "",
      "2",
    ]);
  });

  it("gives a DNS label for any name, unless it is empty or too long", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (name) => {
        const suggested = suggestedSiteName(name);
        const problem = dnsLabelProblem(suggested);
        assert.ok(problem === undefined || suggested === "" || suggested.length > 63, suggested);
        assert.equal(suggestedSiteName(suggested), suggested);
      }),
    );
  });
});

describe("siteFileText", () => {
  it("writes a file for any token name that is read as it was meant", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1, maxLength: 350 }),
        fc.boolean(),
        (name, enabled) => {
          const value = orThrow(
            parseSite(
              siteFileText({
                shard: "eu",
                description: name,
                signals: ["logs"],
                duration: "48h",
                enabled,
                previousSecretExpiresAt: "2026-12-01T00:00:00Z",
              }),
              "sites/new.yaml",
            ),
          );
          assert.deepEqual(value.token, {
            duration: "48h",
            enabled,
            secretVersion: 2,
            previousSecretExpiresAt: "2026-12-01T00:00:00Z",
          });
          assert.deepEqual([value.signals, value.shard], [["logs"], "eu"]);
          assert.ok(name.startsWith(value.description ?? "nothing"));
          assert.ok((value.description ?? "").length >= Math.min(name.length, 199));
        },
      ),
    );
  });
});

describe("globTest", () => {
  it("takes * for any text, ? for one character, and everything else for itself", () => {
    const names = ["site-a", "site-ab", "SITE-a", "site.a", "a\nb", "😀"];
    const matched = (glob: string) => names.filter(globTest(glob));
    assert.deepEqual(matched("site-*"), ["site-a", "site-ab"]);
    assert.deepEqual(matched("site-?"), ["site-a"]);
    assert.deepEqual(matched("site.a"), ["site.a"]);
    assert.deepEqual(matched("?"), ["😀"]);
    assert.deepEqual(matched("*"), names);
    assert.deepEqual(matched("[a-z]*"), []);
  });
});

describe("parseNamedSites", () => {
  it("takes the last equals sign, as token names may hold others", () => {
    assert.deepEqual(orThrow(parseNamedSites(["Tokyo=A=tokyo-a", "x=y"])), [
      { token: "Tokyo=A", site: "tokyo-a" },
      { token: "x", site: "y" },
    ]);
  });

  it("says everything that is wrong at once", () => {
    assert.deepEqual(problemTexts(parseNamedSites(["tokyo", "=tokyo", "Tokyo=Tokyo", "a=x", "b=x"])), [
      '--site: is "tokyo". Write <token\'s name or ID>=<site>, as in --site "Tokyo rack A=tokyo".',
      '--site: is "=tokyo". Write <token\'s name or ID>=<site>, as in --site "Tokyo rack A=tokyo".',
      '--site: is "Tokyo=Tokyo", and the site name "Tokyo" is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Choose another name.',
      "--site: names the site tokyo twice. A site has one token: give each token a site of its own.",
      "--site: names the site x twice. A site has one token: give each token a site of its own.",
    ]);
  });
});
