import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemText } from "../../fleet/problem";
import type { PlaceProblem } from "./remedies";
import { fleetProblems, type SiteVerdict } from "./verdict";

const rotate: PlaceProblem = { says: "the secret is wrong", todo: "Run `npx sitepass rotate <site>`" };

const siteWith = (site: string, problems: readonly PlaceProblem[]): SiteVerdict => ({
  site,
  ok: false,
  problems: [],
  signals: [{ signal: "metrics", expected: "delivered", ok: false, probes: [], problems }],
});

const sentences = (sites: readonly SiteVerdict[]): readonly string[] =>
  fleetProblems({ ok: false, endpoints: [], sites }).map(problemText);

describe("fleetProblems", () => {
  it("says once what sites have in common, and names a site alone in what to do", () => {
    assert.deepEqual(sentences([siteWith("tokyo", [rotate])]), [
      "tokyo (metrics): the secret is wrong. Run `npx sitepass rotate tokyo`.",
    ]);
    assert.deepEqual(sentences(["berlin", "tokyo"].map((name) => siteWith(name, [rotate]))), [
      "berlin, tokyo (metrics): the secret is wrong. Run `npx sitepass rotate <site>`.",
    ]);
  });

  it("counts the sites when there are many", () => {
    const names = ["amsterdam", "berlin", "cairo", "delhi", "essen"];
    assert.deepEqual(sentences(names.map((name) => siteWith(name, [rotate]))), [
      "amsterdam, berlin, cairo and 2 more (metrics): the secret is wrong. Run `npx sitepass rotate <site>`.",
    ]);
  });
});
