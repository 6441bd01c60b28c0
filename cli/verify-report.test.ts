import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SiteVerdict } from "../operate/verify/verdict";
import { verdictDocument } from "./verify-report";

const verdictOf = (site: string): SiteVerdict => ({
  site,
  ok: false,
  problems: [],
  signals: [
    {
      signal: "metrics",
      expected: "delivered",
      ok: false,
      probes: [
        {
          kind: "push",
          method: "POST",
          path: "/api/v1/write",
          expected: "delivered",
          answer: { kind: "access", status: 401, text: "" },
          ok: false,
        },
      ],
      problems: [{ says: "the secret is wrong", todo: "Run `npx sitepass rotate <site>`" }],
    },
  ],
});

describe("verdictDocument", () => {
  const { sites } = verdictDocument({ ok: false, endpoints: [], sites: ["berlin", "tokyo"].map(verdictOf) });

  it("puts each site's name into what is to be done about it", () => {
    assert.deepEqual(
      sites.flatMap(({ signals }) => signals.flatMap(({ problems }) => problems.map(({ todo }) => todo))),
      ["Run `npx sitepass rotate berlin`", "Run `npx sitepass rotate tokyo`"],
    );
  });

  it("keeps the keys of a request", () => {
    assert.deepEqual(
      Object.entries(sites[0]?.signals[0]?.probes[0] ?? {}),
      Object.entries({
        kind: "push",
        method: "POST",
        path: "/api/v1/write",
        expected: "delivered",
        met: { kind: "access", status: 401, text: "" },
        ok: false,
      }),
    );
  });
});
