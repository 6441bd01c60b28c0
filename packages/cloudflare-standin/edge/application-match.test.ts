import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyDatabase } from "../api/database";
import { applicationFor } from "./application-match";
import { testApplication } from "./test-rows";

/** Which of applications with one destination each protects the URL. */
function match(uris: readonly string[], host: string, path: string): string | undefined {
  const database = emptyDatabase("0".repeat(32), "team");
  for (const uri of uris) {
    database.applications.set(uri, testApplication({ id: uri, destinations: [{ type: "public", uri }] }));
  }
  return applicationFor(database, host, path)?.id;
}

function covers(uri: string, urls: readonly string[]): boolean[] {
  return urls.map((url) => {
    const [host = ""] = url.split("/", 1);
    return match([uri], host, url.slice(host.length) || "/") === uri;
  });
}

describe("applicationFor", () => {
  it("covers what the tables of app-paths.mdx say", () => {
    const tables: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["*.example.com", ["alpha.example.com", "beta.example.com"], ["example.com", "foo.bar.example.com"]],
      ["example.com", ["example.com", "example.com/alpha", "example.com/beta"], ["alpha.example.com"]],
      ["example.com/*", ["example.com", "example.com/alpha", "example.com/beta"], ["alpha.example.com"]],
      ["*.test.example.com", ["alpha.test.example.com"], ["test.example.com", "example.com"]],
      ["*test.example.com", ["test.example.com", "alphatest.example.com"], ["beta.test.example.com"]],
      [
        "example.com/alpha/*",
        ["example.com/alpha/one", "example.com/alpha/two"],
        ["example.com/alpha", "example.com"],
      ],
      [
        "example.com/foo*/bar",
        ["example.com/foo/bar", "example.com/food/bar", "example.com/food/stuff/bar"],
        ["example.com/foo"],
      ],
      [
        "example.com/alpha",
        ["example.com/alpha", "example.com/alpha/", "example.com/alpha/one"],
        ["example.com/alphabet", "example.com/ALPHA", "example.com/"],
      ],
      ["example.com/a.b", ["example.com/a.b"], ["example.com/axb"]],
    ];
    for (const [uri, covered, not] of tables) {
      assert.deepEqual(
        covers(uri, covered),
        covered.map(() => true),
        uri,
      );
      assert.deepEqual(
        covers(uri, not),
        not.map(() => false),
        uri,
      );
    }
  });

  it("takes the most specific one, wherever it stands", () => {
    const uris = ["example.com", "example.com/a/b", "*.com", "example.com/a", "example.com/a*"];
    for (const order of [uris, [...uris].reverse()]) {
      assert.equal(match(order, "example.com", "/a/b/c"), "example.com/a/b");
      assert.equal(match(order, "example.com", "/a"), "example.com/a");
      assert.equal(match(order, "example.com", "/ab"), "example.com/a*");
      assert.equal(match(order, "example.com", "/"), "example.com");
      assert.equal(match(order, "other.com", "/a"), "*.com");
      assert.equal(match(order, "example.org", "/a"), undefined);
    }
  });
});
