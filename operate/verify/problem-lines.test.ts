import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemLines, withNames } from "./problem-lines";
import type { FleetVerdict, Problem, SiteVerdict } from "./verdict";

const rotate: Problem = { says: "the secret is wrong", todo: "Run `sitepass rotate <site>`" };

const siteWith = (site: string, problems: readonly Problem[]): SiteVerdict => ({
  site,
  ok: false,
  problems: [],
  signals: [{ signal: "metrics", expected: "delivered", ok: false, probes: [], problems }],
});

const fleet = (sites: readonly SiteVerdict[]): FleetVerdict => ({ ok: false, endpoints: [], sites });

describe("problemLines", () => {
  it("says once what sites have in common, and names a site alone in what to do", () => {
    assert.deepEqual(problemLines(fleet([siteWith("tokyo", [rotate])])), [
      "tokyo (metrics): the secret is wrong. Run `sitepass rotate tokyo`.",
    ]);
    assert.deepEqual(problemLines(fleet(["berlin", "tokyo"].map((name) => siteWith(name, [rotate])))), [
      "berlin, tokyo (metrics): the secret is wrong. Run `sitepass rotate <site>`.",
    ]);
  });

  it("counts the sites when there are many", () => {
    const names = ["amsterdam", "berlin", "cairo", "delhi", "essen"];
    assert.deepEqual(problemLines(fleet(names.map((name) => siteWith(name, [rotate])))), [
      "amsterdam, berlin, cairo and 2 more (metrics): the secret is wrong. Run `sitepass rotate <site>`.",
    ]);
  });
});

describe("withNames", () => {
  it("puts each site's name into what is to be done about it", () => {
    const { sites } = withNames(fleet(["berlin", "tokyo"].map((name) => siteWith(name, [rotate]))));
    assert.deepEqual(
      sites.flatMap(({ signals }) => signals.flatMap(({ problems }) => problems.map(({ todo }) => todo))),
      ["Run `sitepass rotate berlin`", "Run `sitepass rotate tokyo`"],
    );
  });
});
