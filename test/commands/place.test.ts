import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import type { CommandResult } from "../support/run-here";
import { localEngine } from "../support/engines";
import { openTwoAccounts, type TwoAccounts } from "../support/two-accounts";

describe("sitepass check --place", () => {
  let fleet: TwoAccounts;

  before(async () => {
    fleet = await openTwoAccounts(localEngine, {
      berlin: "shard: eu\n",
      oslo: "shard: eu\n",
      austin: "shard: us\n",
    });
    await fleet.up();
  });

  after(() => fleet.close());

  const place = (...args: readonly string[]): Promise<CommandResult> =>
    fleet.sitepass(["check", "--place", ...args]);

  it("says how much room each account has, and which shard has most", async () => {
    fleet.putSite("dallas", "shard: us\n");
    const { exitCode, stdout, stderr } = await place("lima");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const [eu, us] = ["a".repeat(32), "b".repeat(32)];
    assert.equal(
      stdout,
      [
        `stack  shard  account                           tokens  to come  limit  room`,
        `eu     eu     ${eu}  2       0        50     48`,
        `us     us     ${us}  1       1        50     48`,
        "",
        "Most room has the shard eu: write `shard: eu` into sites/lima.yaml. Nothing was written.",
        "",
        "Next:",
        "  pulumi up --stack eu  makes its token",
        "",
      ].join("\n"),
    );
    fleet.putSite("oslo", "shard: eu\nmovingTo: us\n");
    const { shard, stacks } = JSON.parse((await place("lima", "--json")).stdout) as {
      shard: string;
      stacks: { stack: string; room: number }[];
    };
    fleet.putSite("oslo", "shard: eu\n");
    assert.deepEqual([shard, stacks.map(({ room }) => room)], ["eu", [48, 47]]);
  });

  it("goes by the other accounts where one cannot be read, and ends with 1", async () => {
    const { standIn } = fleet.eu;
    standIn.setPermissions(standIn.apiToken, []);
    const { exitCode, stdout, stderr } = await place("lima");
    standIn.setPermissions(standIn.apiToken, permissions);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error: stack eu: CLOUDFLARE_API_TOKEN: may not list the service tokens of account a{32}/,
    );
    assert.match(stdout, /^Most room has the shard us: /m);
  });

  it("refuses names that are sites already, or cannot be, and what it does not go with", async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [
        ["oslo"],
        1,
        "--place: oslo is a site already, in the shard eu. To move it, run `npx sitepass move oslo --to SHARD`.",
      ],
      [["Lima"], 1, '--place: "Lima" '],
      [["lima", "--offline"], 2, "cannot be used with option"],
      [["lima", "--stack", "eu"], 2, "cannot be used with option"],
    ];
    for (const [args, code, says] of cases) {
      const { exitCode, stderr } = await place(...args);
      assert.equal(exitCode, code, stderr);
      assert.ok(stderr.includes(says), stderr);
    }
  });
});
