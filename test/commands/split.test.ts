import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import type { CommandResult } from "../support/run-here";
import { localEngine } from "../support/engines";
import { openTwoAccounts, type TwoAccounts } from "../support/two-accounts";

describe("sitepass split", () => {
  let fleet: TwoAccounts;

  const files = {
    berlin: "# Berlin\nshard: eu\n",
    oslo: "shard: eu\n",
    paris: "shard: eu\n",
    austin: "shard: us\n",
  };

  before(async () => {
    fleet = await openTwoAccounts(localEngine, files);
    await fleet.up();
    const path = join(fleet.directory, "Pulumi.eu.yaml");
    writeFileSync(path, `${readFileSync(path, "utf8")}  sitepass:serviceTokenLimit: 4\n`);
    // One more than the account may have: `up` would stop at it, and this is what the command is for.
    fleet.putSite("rome", "shard: eu\n");
    fleet.putSite("vienna", "shard: eu # new\n");
  });

  after(() => fleet.close());

  const split = (...args: readonly string[]): Promise<CommandResult> => fleet.sitepass(["split", ...args]);

  const texts = (): Readonly<Record<string, string>> =>
    Object.fromEntries([...Object.keys(files), "rome", "vienna"].map((name) => [name, fleet.siteText(name)]));

  it("shows a plan, and changes nothing", async () => {
    const before = texts();
    for (const { standIn } of [fleet.eu, fleet.us]) {
      standIn.clearRequests();
    }
    const { exitCode, stdout, stderr } = await split("--reserve", "2");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    const [eu, us] = ["a".repeat(32), "b".repeat(32)];
    assert.equal(
      stdout,
      [
        "stack  shard  account                           tokens  to come  limit  room  room after",
        `eu     eu     ${eu}  3       2        4      -1    2`,
        `us     us     ${us}  1       0        50     49    46`,
        "",
        "site    from  to  its file",
        "berlin  eu    us  movingTo: us",
        "rome    eu    us  shard: us",
        "vienna  eu    us  shard: us",
        "",
        "3 sites would go to another shard. Nothing was written; --write does it.",
        "",
      ].join("\n"),
    );
    assert.deepEqual(texts(), before);
    const methods = [fleet.eu, fleet.us].flatMap(({ standIn }) =>
      standIn.requests.map(({ method }) => method),
    );
    assert.deepEqual([...new Set(methods)], ["GET"]);
  });

  it("says what is missing where no account has the room", async () => {
    const { exitCode, stdout, stderr } = await split("--reserve", "48", "--json");
    assert.equal(exitCode, 1);
    const { ok, problems } = JSON.parse(stdout) as { ok: boolean; problems: readonly string[] };
    assert.equal(ok, false);
    assert.match(
      problems.join("\n"),
      /^account a{32} \(eu\): has 48 tokens too few for a reserve of 48, and no site/m,
    );
    assert.match(stderr, /^error: account a{32}/m);
  });

  it("plans nothing with an account that cannot be read", async () => {
    const { standIn } = fleet.us;
    standIn.setPermissions(standIn.apiToken, []);
    const { exitCode, stdout, stderr } = await split("--write");
    standIn.setPermissions(standIn.apiToken, permissions);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error: stack us: CLOUDFLARE_API_TOKEN: may not list/m);
    assert.match(stdout, /^No site can be moved\.$/m);
  });

  it("writes the plan, keeps comments, says what is next, and plans nothing more afterwards", async () => {
    const { exitCode, stdout, stderr } = await split("--reserve", "2", "--write");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.deepEqual(texts(), {
      ...files,
      berlin: "# Berlin\nshard: eu\nmovingTo: us\n",
      rome: "shard: us\n",
      vienna: "shard: us # new\n",
    });
    assert.ok(
      stdout.endsWith(
        [
          "",
          "3 files of 3 were written.",
          "",
          "Next:",
          "  pulumi up --stack us                   makes the tokens there",
          "  npx sitepass render berlin --stack us  and put the files in place at the sites",
          "  npx sitepass move SITE --finish        for each, when it pushes with them",
          "",
        ].join("\n"),
      ),
      stdout,
    );
    const again = await split("--reserve", "2", "--json");
    const { ok, moves } = JSON.parse(again.stdout) as { ok: boolean; moves: readonly object[] };
    assert.deepEqual([again.exitCode, ok, moves], [0, true, []]);
    await fleet.up();
  });
});
