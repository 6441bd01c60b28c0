import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import type { CommandResult } from "../support/run-here";
import { localEngine } from "../support/engines";
import { openTwoAccounts, type AccountStack, type TwoAccounts } from "../support/two-accounts";

describe("sitepass move", () => {
  let fleet: TwoAccounts;

  const oslo = "# Oslo\nshard: eu # the first\ncollector: alloy\n";
  const moving = "# Oslo\nshard: eu # the first\nmovingTo: us\ncollector: alloy\n";

  before(async () => {
    fleet = await openTwoAccounts(localEngine, { berlin: "shard: eu\n", oslo, austin: "shard: us\n" });
    await fleet.up();
  });

  after(() => fleet.close());

  afterEach(() => {
    fleet.putSite("oslo", oslo);
    for (const { standIn } of [fleet.eu, fleet.us]) {
      for (const token of standIn.database.serviceTokens.values()) {
        token.lastSeenAt = null;
      }
    }
  });

  const move = (...args: readonly string[]): Promise<CommandResult> => fleet.sitepass(["move", ...args]);

  const tokenOf = ({ standIn }: AccountStack) => {
    const found = [...standIn.database.serviceTokens.values()].find(({ name }) => name.endsWith("/oslo"));
    assert.ok(found !== undefined);
    return found;
  };

  const use = (account: AccountStack, minutes: number): void => {
    tokenOf(account).lastSeenAt = new Date(Date.now() + minutes * 60_000).toISOString();
  };

  /** As it is after the move began and both stacks had their `up`, which is once for all tests. */
  const putMoving = async (): Promise<void> => {
    fleet.putSite("oslo", moving);
    bothUp ??= fleet.up();
    await bothUp;
  };
  let bothUp: Promise<void> | undefined;

  it("declares a site in the second shard as well, says what is next, and twice the same", async () => {
    const { exitCode, stdout, stderr } = await move("oslo", "--to", "us");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.equal(fleet.siteText("oslo"), moving);
    const next = [
      "Next:",
      "  pulumi up --stack us                 makes a token there as well; the one in use stays",
      "  npx sitepass render oslo --stack us  and put the files in place at the site",
      "  npx sitepass verify oslo --stack us  proves that it is let in there",
      "  npx sitepass move oslo --finish      when it pushes with them",
      "",
    ].join("\n");
    assert.equal(stdout, `sites/oslo.yaml\n+ movingTo: us\n\n${next}`);
    const again = await move("oslo", "--to", "us");
    assert.deepEqual(
      [again.exitCode, again.stdout],
      [0, `sites/oslo.yaml says already that it is moving from the shard eu to the shard us.\n\n${next}`],
    );
    assert.equal(fleet.siteText("oslo"), moving);
  });

  it("refuses what makes no sense, all of it at once, and writes nothing", async () => {
    fleet.putSite("berlin", "shard: eu\n");
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [
        ["oslo", "--to", "asia"],
        1,
        '--to: is "asia", and no stack of the project is the shard asia (eu is the shard eu, us is the shard us).',
      ],
      [["oslo", "--to", "eu"], 1, "sites/oslo.yaml: is in the shard eu already. Name another shard."],
      [
        ["oslo", "--finish"],
        1,
        "sites/oslo.yaml: has no movingTo: it is in the shard eu alone. Begin a move with --to SHARD.",
      ],
      [["oslo", "berlin", "austin", "--to", "us"], 1, "sites/austin.yaml: is in the shard us already"],
      [["olso", "--to", "us"], 1, "olso: is not a site, for there is no sites/olso.yaml. Did you mean oslo?"],
      [["oslo"], 2, "none of --to, --finish and --undo is given. Give one of them."],
      [["oslo", "--finish", "--undo"], 2, "more than one of --to, --finish and --undo is given."],
      [["oslo", "--to", "us", "--unseen"], 2, "--unseen comes only with --finish or --undo."],
      [["oslo", "--to", "US"], 2, "Give a shard's name, such as eu."],
    ];
    for (const [args, code, says] of cases) {
      const { exitCode, stderr } = await move(...args);
      assert.equal(exitCode, code, stderr);
      assert.ok(stderr.includes(says), stderr);
    }
    assert.deepEqual([fleet.siteText("oslo"), fleet.siteText("berlin")], [oslo, "shard: eu\n"]);
  });

  it("undoes a move before anything was made", async () => {
    await move("oslo", "--to", "us");
    assert.equal((await move("oslo", "--undo", "--json")).exitCode, 0);
    assert.equal(fleet.siteText("oslo"), oslo);
  });

  it("names the file that is moving to a shard that no stack is, and ends such a move with --unseen", async () => {
    fleet.putSite("oslo", "shard: eu\nmovingTo: su\n");
    const { exitCode, stderr } = await move("oslo", "--undo");
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      "error: sites/oslo.yaml: movingTo is su, and no stack of the project is the shard su (eu is the shard eu, us is the shard us). Give it the shard of one of them, or make a stack whose sitepass:shard is su. To end the move without knowing whether its tokens are used, take --unseen.\n",
    );
    assert.equal((await move("oslo", "--undo", "--unseen")).exitCode, 0);
    assert.equal(fleet.siteText("oslo"), "shard: eu\n");
  });

  it("refuses to end a move before the new token was made, used, and used last", async () => {
    await move("oslo", "--to", "us");
    const refusal = async (): Promise<string> => {
      const { exitCode, stdout, stderr } = await move("oslo", "--finish");
      assert.deepEqual([exitCode, stdout], [1, ""]);
      assert.equal(fleet.siteText("oslo"), moving);
      return stderr;
    };
    assert.equal(
      await refusal(),
      "error: sites/oslo.yaml: has no service token in the shard us yet, and would be left without one. Run `pulumi up --stack us`, and put what `npx sitepass render` writes in place at the site.\n",
    );
    await putMoving();
    const inPlace =
      "Put what `npx sitepass render oslo --stack us` writes in place at the site and wait until it pushes, or take --unseen to end the move all the same.\n";
    assert.equal(
      await refusal(),
      `error: sites/oslo.yaml: its token in the shard us has not been used since it was made: its collector still has the credentials of the shard eu, which the next up there takes away. ${inPlace}`,
    );
    use(fleet.us, 1);
    use(fleet.eu, 2);
    const [eu, us] = [fleet.eu, fleet.us].map((account) => tokenOf(account).lastSeenAt);
    assert.equal(
      (await refusal()).replaceAll(".000Z", "Z"),
      `error: sites/oslo.yaml: its token in the shard eu was used at ${eu}, after the one in the shard us (${us}): something still pushes with what the next up there takes away. ${inPlace}`.replaceAll(
        ".000Z",
        "Z",
      ),
    );
    use(fleet.eu, -9);
    assert.match(
      await refusal(),
      /its token in the shard eu was used at \S+, less than 10 minutes ago: something may still push with what the next up there takes away\. Wait until it was not used for that long, or take --unseen to end the move all the same\.$/m,
    );
    const unseen = await move("oslo", "--finish", "--unseen");
    assert.deepEqual([unseen.exitCode, unseen.stderr], [0, ""]);
  });

  it("ends a move of a site that is shut out, which no token lets in", async () => {
    await putMoving();
    fleet.putSite("oslo", `${moving}token:\n  enabled: false\n`);
    assert.equal((await move("oslo", "--finish")).exitCode, 0);
  });

  it("undoes a move while the new token was not used, and not once it is", async () => {
    await putMoving();
    use(fleet.eu, 1);
    use(fleet.us, 2);
    const refused = await move("oslo", "--undo");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /its token in the shard us was used at .*, after the one in the shard eu/);
    use(fleet.us, -11);
    use(fleet.eu, 3);
    const { exitCode, stdout } = await move("oslo", "--undo");
    assert.deepEqual([exitCode, fleet.siteText("oslo")], [0, oslo]);
    assert.ok(
      stdout.endsWith("\nNext:\n  pulumi up --stack us  takes the token away that was made there\n"),
      stdout,
    );
  });

  it("says why it cannot tell whether a token is used, and changes nothing", async () => {
    await putMoving();
    const { standIn } = fleet.us;
    standIn.setPermissions(standIn.apiToken, []);
    const { exitCode, stderr, stdout } = await move("oslo", "--finish", "--json");
    standIn.setPermissions(standIn.apiToken, permissions);
    assert.equal(exitCode, 1);
    assert.match(stderr, /may not list the service tokens of account b{32}.*take --unseen\.$/m);
    assert.equal((JSON.parse(stdout) as { ok: boolean }).ok, false);
    assert.equal(fleet.siteText("oslo"), moving);
  });

  it("ends a move when the new token is in use, and takes the old one away with the next up", async () => {
    await putMoving();
    use(fleet.eu, -11);
    use(fleet.us, 2);
    const { exitCode, stdout, stderr } = await move("oslo", "--finish");
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.equal(fleet.siteText("oslo"), "# Oslo\nshard: us # the first\ncollector: alloy\n");
    assert.ok(stdout.endsWith("\nNext:\n  pulumi up --stack eu  takes the former token away\n"), stdout);
    const kept = tokenOf(fleet.us).id;
    await fleet.up();
    assert.equal(tokenOf(fleet.us).id, kept);
    assert.throws(() => tokenOf(fleet.eu));
  });
});
