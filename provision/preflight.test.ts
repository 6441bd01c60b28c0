import { problemText } from "../fleet/problem";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import type { Config } from "../fleet/config";
import { comparePlan, preflight, type HeldTokens, type PreflightReport } from "./preflight";
import type { Site } from "../fleet/sites";

const ownPrefix = "sitepass/prod/";

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `site-${String(index + 1).padStart(2, "0")}`);

const asTexts = ({ problems, warnings }: PreflightReport) => ({
  problems: problems.map(problemText),
  warnings: warnings.map(problemText),
});

interface Situation {
  /** Whole names of the account's tokens. */
  readonly tokens: readonly string[];
  readonly sites: readonly string[];
  readonly limit?: number;
  readonly allowRemovals?: number;
  /** Shards of sites of other shards, by name. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

function compare({ tokens, sites, limit = 50, allowRemovals = 0, elsewhere = {} }: Situation) {
  return asTexts(
    comparePlan(
      tokens.map((name, index) => ({ id: `id-${index}`, name })),
      { serviceTokenLimit: limit, allowRemovals },
      sites.map((name) => ({ name })),
      ownPrefix,
      {
        elsewhere: Object.entries(elsewhere).map(([name, shard]) => ({
          name,
          file: `sites/${name}.yaml`,
          shard,
        })),
      },
    ),
  );
}

const own = (names: readonly string[]) => names.map((name) => ownPrefix + name);

/** A fleet of which only the first sites still have a file. */
const shrink = (before: number, after: number, allowRemovals = 0) =>
  compare({ tokens: own(numbered(before)), sites: numbered(after), allowRemovals });

const waysOut =
  "Delete tokens that nobody uses, have Cloudflare raise the limit (Enterprise) and set sitepass:serviceTokenLimit to it, or put the other sites into another shard, a stack on a second account (docs/scale.md).";

const nothing = { problems: [], warnings: [] };

describe("comparePlan, on the limit", () => {
  it("passes a fleet that reaches the limit exactly", () => {
    assert.deepEqual(compare({ tokens: own(["oslo"]), sites: ["oslo", "lima", "tokyo"], limit: 3 }), nothing);
  });

  it("refuses one token more than the limit and names the sites that need one", () => {
    assert.deepEqual(
      compare({ tokens: own(["oslo", "porto"]), sites: ["oslo", "porto", "lima", "tokyo"], limit: 3 }),
      {
        problems: [
          `sitepass:serviceTokenLimit: is 3, and the account has 2 service tokens and needs 2 more (lima, tokyo), 4 in all. ${waysOut}`,
        ],
        warnings: [],
      },
    );
  });

  it("names five sites and counts the others", () => {
    assert.deepEqual(compare({ tokens: ["a", "b"], sites: numbered(5), limit: 6 }).problems, [
      `sitepass:serviceTokenLimit: is 6, and the account has 2 service tokens and needs 5 more (site-01, site-02, site-03, site-04, site-05), 7 in all. ${waysOut}`,
    ]);
    assert.deepEqual(compare({ tokens: ["a", "b"], sites: numbered(8), limit: 9 }).problems, [
      `sitepass:serviceTokenLimit: is 9, and the account has 2 service tokens and needs 8 more (site-01, site-02, site-03, site-04, site-05 and 3 more), 10 in all. ${waysOut}`,
    ]);
  });

  it("passes an account above the limit that needs no further token", () => {
    assert.deepEqual(compare({ tokens: own(numbered(4)), sites: numbered(4), limit: 3 }), nothing);
  });

  it("counts the tokens of other stacks and projects, and takes none of them for its own", () => {
    const others = [
      "sitepass/dev/tokyo",
      "sitepass/prod-eu/tokyo",
      "other/prod/tokyo",
      "tokyo",
      "sitepass/prod",
    ];
    assert.deepEqual(compare({ tokens: others, sites: ["tokyo"], limit: 5 }), {
      problems: [
        `sitepass:serviceTokenLimit: is 5, and the account has 5 service tokens and needs 1 more (tokyo), 6 in all. ${waysOut}`,
      ],
      warnings: [],
    });
  });

  it("counts a renamed site twice, because its old token goes last", () => {
    assert.deepEqual(
      compare({ tokens: own(["oslo", "lima"]), sites: ["oslo", "lima-2"], limit: 2 }).problems,
      [
        `sitepass:serviceTokenLimit: is 2, and the account has 2 service tokens and needs 1 more (lima-2), 3 in all. ${waysOut}`,
      ],
    );
  });
});

describe("comparePlan, on the brake", () => {
  it("lets all but the last of nine sites go", () => {
    assert.deepEqual(shrink(9, 1), nothing);
    assert.deepEqual(shrink(9, 0).problems, [
      "sitepass:allowRemovals: is 0, and 9 of 9 sites would lose their service tokens (site-01, site-02, site-03, site-04, site-05 and 4 more), which is more than the 8 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.",
    ]);
  });

  it("lets three of ten sites go and stops at four", () => {
    assert.deepEqual(shrink(10, 7), nothing);
    assert.deepEqual(shrink(10, 6).problems, [
      "sitepass:allowRemovals: is 0, and 4 of 10 sites would lose their service tokens (site-07, site-08, site-09, site-10), which is more than the 3 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.",
    ]);
  });

  it("lets six of twenty sites go and stops at seven", () => {
    assert.deepEqual(shrink(20, 14), nothing);
    assert.deepEqual(shrink(20, 13).problems, [
      "sitepass:allowRemovals: is 0, and 7 of 20 sites would lose their service tokens (site-14, site-15, site-16, site-17, site-18 and 2 more), which is more than the 6 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.",
    ]);
  });

  it("lets as many more go as allowRemovals says", () => {
    assert.deepEqual(shrink(10, 5, 2), nothing);
    assert.deepEqual(shrink(10, 4, 2).problems, [
      "sitepass:allowRemovals: is 2, and 6 of 10 sites would lose their service tokens (site-05, site-06, site-07, site-08, site-09 and 1 more), which is more than the 5 that may go in one up. Bring their files back, or, if they are to go, set it to 3 for this up.",
    ]);
    assert.deepEqual(shrink(3, 0, 1), nothing);
  });

  it("asks for a number that then lets the removal pass", () => {
    assert.deepEqual(shrink(20, 0, 14), nothing);
    assert.deepEqual(shrink(20, 0, 13).problems, [
      "sitepass:allowRemovals: is 13, and 20 of 20 sites would lose their service tokens (site-01, site-02, site-03, site-04, site-05 and 15 more), which is more than the 19 that may go in one up. Bring their files back, or, if they are to go, set it to 14 for this up.",
    ]);
  });

  it("sees sites that come as no replacement for sites that go", () => {
    assert.deepEqual(compare({ tokens: own(["oslo", "lima"]), sites: ["tokyo", "porto"] }).problems, [
      "sitepass:allowRemovals: is 0, and 2 of 2 sites would lose their service tokens (lima, oslo), which is more than the 1 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.",
    ]);
  });

  it("never counts the tokens of other stacks and projects as sites that go", () => {
    const others = ["sitepass/dev/a", "sitepass/prod-eu/b", "other/prod/c", "d"];
    assert.deepEqual(compare({ tokens: others, sites: [] }), nothing);
  });

  it("does not brake the first up of a stack", () => {
    assert.deepEqual(compare({ tokens: [], sites: numbered(40) }), nothing);
  });
});

describe("comparePlan, on sites that go to another shard", () => {
  it("says what becomes of pushes, and not that files were renamed", () => {
    const elsewhere = { "site-2": "us", "site-3": "" };
    assert.deepEqual(compare({ tokens: own(["site-1", "site-2"]), sites: ["site-1", "site-4"], elsewhere }), {
      problems: [],
      warnings: [
        "sites/: site-2 is in the shard us now, and this up deletes what lets it in here: what is still pushed with this stack's credentials is refused from then on, and most collectors lose what is refused. Put the other stack's credentials in place first. Until then leave shard in the file as it was, and name the other shard as movingTo: both stacks have a token then (docs/scale.md).",
      ],
    });
    assert.deepEqual(
      compare({ tokens: own(["site-1"]), sites: ["site-1"], elsewhere }),
      nothing,
      "sites that were never here",
    );
  });

  it("brakes as for any others, and says where they are", () => {
    const elsewhere = Object.fromEntries(numbered(12).map((name) => [name, "us"]));
    assert.deepEqual(compare({ tokens: own(numbered(12)), sites: numbered(2), elsewhere }).problems, [
      "sitepass:allowRemovals: is 0, and 10 of 12 sites would lose their service tokens (site-03, site-04, site-05, site-06, site-07 and 5 more), which is more than the 3 that may go in one up. site-03, site-04, site-05, site-06, site-07 and 5 more are in the shard us now. Bring what their files said of their shard back, or, if they are to go, set it to 7 for this up.",
    ]);
    assert.deepEqual(compare({ tokens: own(["a", "b"]), sites: ["c"], elsewhere: { b: "" } }).problems, [
      "sitepass:allowRemovals: is 0, and 2 of 2 sites would lose their service tokens (a, b), which is more than the 1 that may go in one up. b is in the shard without a name now. Bring their files and what their files said of their shard back, or, if they are to go, set it to 1 for this up.",
    ]);
  });
});

describe("comparePlan, on duplicates", () => {
  it("warns of tokens of one name and counts them once as a site", () => {
    assert.deepEqual(
      compare({ tokens: own(["oslo", "lima", "oslo", "oslo", "lima"]), sites: ["lima", "oslo"] }),
      {
        problems: [],
        warnings: [
          "sites/oslo: the account has 3 service tokens named sitepass/prod/oslo. All but the one in `pulumi stack output sites` are left over from interrupted runs and count against the limit: delete them in the dashboard.",
          "sites/lima: the account has 2 service tokens named sitepass/prod/lima. All but the one in `pulumi stack output sites` are left over from interrupted runs and count against the limit: delete them in the dashboard.",
        ],
      },
    );
  });

  it("says nothing of other stacks' duplicates", () => {
    assert.deepEqual(compare({ tokens: ["sitepass/dev/oslo", "sitepass/dev/oslo"], sites: [] }), nothing);
  });
});

describe("comparePlan, on everything at once", () => {
  it("reports the limit, then the brake, and warns of duplicates", () => {
    assert.deepEqual(compare({ tokens: own(["oslo", "oslo", "porto"]), sites: ["lima"], limit: 3 }), {
      problems: [
        `sitepass:serviceTokenLimit: is 3, and the account has 3 service tokens and needs 1 more (lima), 4 in all. ${waysOut}`,
        "sitepass:allowRemovals: is 0, and 2 of 2 sites would lose their service tokens (oslo, porto), which is more than the 1 that may go in one up. Bring their files back, or, if they are to go, set it to 1 for this up.",
      ],
      warnings: [
        "sites/: lima is new, and oslo, porto are gone. If a file was renamed, that is another site with another token: what is pushed with the former one is refused from this up on, and most collectors lose what is refused. To keep the token and its secret, give the file its former name back, and put the new name into its description.",
        "sites/oslo: the account has 2 service tokens named sitepass/prod/oslo. All but the one in `pulumi stack output sites` are left over from interrupted runs and count against the limit: delete them in the dashboard.",
      ],
    });
  });
});

describe("preflight", () => {
  const config: Config = {
    accountId: "acme",
    zone: { name: "example.com" },
    endpoints: [],
    publish: { kind: "tunnel", name: "central" },
    teamName: "",
    tokenDuration: "8760h",
    siteLabel: "provider",
    tenant: "",
    identity: "off",
    central: {
      limits: { requestsPerSecond: 50, bytesPerSecond: 4_000_000 },
      retentionDays: { metrics: 90, logs: 31 },
      stores: {},
    },
    serviceTokenLimit: 2,
    shard: "",
    alertEmails: [],
    protect: false,
    preflight: true,
    allowRemovals: 0,
  };

  const site: Site = {
    name: "tokyo",
    file: "sites/tokyo.yaml",
    description: undefined,
    signals: ["metrics"],
    labels: {},
    token: { duration: "8760h", enabled: true, secretVersion: 1, previousSecretExpiresAt: undefined },
    collector: undefined,
    shard: "",
  };

  /** Looks at an account of which one server gives the same answer to everything. */
  async function reportOn(status: number, answer: object, held?: HeldTokens) {
    const server = createServer((_, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    try {
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const baseUrl = `http://127.0.0.1:${address.port}`;
      const credentials = { apiToken: "cf-secret", baseUrl };
      const readHeld = () => Promise.resolve(held);
      return asTexts(
        await preflight(credentials, { config, sites: [site], elsewhere: [] }, ownPrefix, readHeld),
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const refusal = { success: false, errors: [{ code: 10000, message: "Authentication error" }] };

  it("compares what the account lists", async () => {
    const result = [
      { id: "id-0", name: "oslo" },
      { id: "id-1", name: "lima" },
    ];
    assert.deepEqual(
      await reportOn(200, { success: true, result, result_info: { page: 1, per_page: 1000 } }),
      {
        problems: [
          `sitepass:serviceTokenLimit: is 2, and the account has 2 service tokens and needs 1 more (tokyo), 3 in all. ${waysOut}`,
        ],
        warnings: [],
      },
    );
  });

  it("takes what the stack holds for its own, whatever it is called, and names what it does not hold", async () => {
    const result = [
      { id: "id-0", name: "sitepass/before-the-rename/tokyo" },
      { id: "id-1", name: "sitepass/prod/tokyo" },
    ];
    assert.deepEqual(
      await reportOn(200, { success: true, result, result_info: {} }, new Map([["id-0", "tokyo"]])),
      nothing,
    );
    result.push({ id: "id-2", name: "sitepass/prod/oslo" });
    assert.deepEqual(
      await reportOn(200, { success: true, result, result_info: {} }, new Map([["id-0", "tokyo"]])),
      {
        problems: [],
        warnings: ["tokyo id-1", "oslo id-2"].map((text) => {
          const [site, id] = text.split(" ");
          return `sites/${site}: the account has a service token named sitepass/prod/${site} that the stack does not hold (${id}). If no other checkout uses it, it is left over from an interrupted run and counts against the limit: delete it in the dashboard.`;
        }),
      },
    );
  });

  it("warns, and stops nothing, when the API token may not list", async () => {
    assert.deepEqual(await reportOn(403, refusal), {
      problems: [],
      warnings: [
        'CLOUDFLARE_API_TOKEN: may not list the account\'s service tokens (HTTP 403, 10000 Authentication error), so their number was not checked. Give it the permission "Access: Service Tokens" Edit on the account, or set sitepass:preflight to false.',
      ],
    });
  });

  it("stops when the listing fails", async () => {
    assert.deepEqual(await reportOn(401, refusal), {
      problems: [
        "Cloudflare: refused to list the service tokens of account acme (HTTP 401, 10000 Authentication error). Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.",
      ],
      warnings: [],
    });
  });
});

describe("comparePlan, on a site that is gone while another is new", () => {
  it("says what a rename does to pushes, and how to keep the token", () => {
    const tokens = ["sitepass/prod/lima", "sitepass/prod/tokyo"].map((name, id) => ({
      id: String(id),
      name,
    }));
    const { problems, warnings } = comparePlan(
      tokens,
      { serviceTokenLimit: 50, allowRemovals: 0 },
      [{ name: "lima" }, { name: "tokyo-b" }],
      "sitepass/prod/",
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(warnings.map(problemText), [
      "sites/: tokyo-b is new, and tokyo is gone. If a file was renamed, that is another site with another token: what is pushed with the former one is refused from this up on, and most collectors lose what is refused. To keep the token and its secret, give the file its former name back, and put the new name into its description.",
    ]);
  });
});
