import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { UserError } from "../fleet/problem";
import { chooseStacks, type ChosenStacks, type StackChoice } from "./choose-stacks";

describe("chooseStacks", () => {
  let directory: string;
  let home: string;

  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), "sitepass-choose-")));
    home = join(directory, ".pulumi");
    mkdirSync(join(directory, "sites"));
    mkdirSync(join(home, "workspaces"), { recursive: true });
    writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\n");
    putStack("prod", "");
    putStack("eu", "eu");
    putStack("eu-test", "eu");
    putStack("us", "us");
    putSite("oslo", "");
    putSite("berlin", "shard: eu\n");
    putSite("austin", "shard: us\n");
    putSite("lima", "shard: us\nmovingTo: eu\n");
    putSite("rome", "movingTo: us\n");
    putSite("pune", "shard: asia\n");
    putSite("cork", "shard: us\nmovingTo: ue\n");
  });

  beforeEach(() => {
    select(undefined);
  });

  after(() => {
    rmSync(directory, { recursive: true });
  });

  const putStack = (name: string, shard: string): void => {
    const text = `config:\n  sitepass:zone: example.com\n${shard === "" ? "" : `  sitepass:shard: ${shard}\n`}`;
    writeFileSync(join(directory, `Pulumi.${name}.yaml`), text);
  };

  const putSite = (name: string, text: string): void => {
    writeFileSync(join(directory, "sites", `${name}.yaml`), text);
  };

  /** As `pulumi stack select` does. */
  const select = (stack: string | undefined): void => {
    const hash = createHash("sha1").update(join(directory, "Pulumi.yaml")).digest("hex");
    writeFileSync(join(home, "workspaces", `sitepass-${hash}-workspace.json`), JSON.stringify({ stack }));
  };

  const choose = (
    choice: Partial<StackChoice>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ChosenStacks> =>
    chooseStacks(
      { directory, named: [], all: false, sites: [], ...choice },
      { PULUMI_HOME: home, ...environment },
    );

  const chosen = async (...given: Parameters<typeof choose>) =>
    (await choose(...given)).stacks.map(({ reference, sites }) => [reference, ...sites].join(" "));

  const refusal = async (...given: Parameters<typeof choose>): Promise<string> => {
    const error = await choose(...given).then(
      () => assert.fail("it was chosen"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UserError);
    return error.message;
  };

  it("takes the one stack that is said, whatever sites are named, and leaves them to it", async () => {
    select("eu");
    for (const [given, environment] of [
      [{ named: ["us"] }, {}],
      [{ named: ["us", "us"] }, {}],
      [{}, { PULUMI_STACK: "us" }],
    ] as const) {
      const stacks = await choose({ ...given, sites: ["berlin"], sitesTell: "both" }, environment);
      assert.deepEqual(stacks, {
        stacks: [{ reference: "us", sites: ["berlin"] }],
        joint: false,
        bySites: false,
      });
    }
  });

  it("takes the selected stack without sites, and for a command whose sites do not tell", async () => {
    select("us");
    assert.deepEqual(await chosen({ sitesTell: "both" }), ["us"]);
    assert.deepEqual(await chosen({ sites: ["berlin"] }), ["us berlin"]);
  });

  it("takes the stacks that named sites are in, whatever is selected", async () => {
    select("eu");
    const stacks = await choose({ sites: ["oslo", "austin", "berlin"], sitesTell: "both" });
    assert.deepEqual(stacks, {
      stacks: [
        { reference: "eu", sites: ["berlin"] },
        { reference: "prod", sites: ["oslo"] },
        { reference: "us", sites: ["austin"] },
      ],
      joint: true,
      bySites: true,
    });
    const one = await choose({ sites: ["austin"], sitesTell: "both" });
    assert.deepEqual([one.joint, one.bySites], [false, true]);
  });

  it("takes both stacks of a site that is moving, or its own, or asks", async () => {
    select("eu");
    assert.deepEqual(await chosen({ sites: ["lima"], sitesTell: "both" }), ["eu lima", "us lima"]);
    assert.deepEqual(await chosen({ sites: ["lima"], sitesTell: "home" }), ["us lima"]);
    assert.deepEqual(await chosen({ sites: ["cork"], sitesTell: "both" }), ["us cork"]);
    assert.equal(
      await refusal({ sites: ["lima", "rome", "austin"], sitesTell: "told" }),
      [
        "lima: is moving from the shard us to the shard eu, and has other credentials in each. Say whose with --stack.",
        "rome: is moving from the shard without a name to the shard us, and has other credentials in each. Say whose with --stack.",
      ].join("\n"),
    );
  });

  it("asks which of several stacks of one shard is meant, unless one is selected", async () => {
    assert.equal(
      await refusal({ sites: ["berlin"], sitesTell: "both" }),
      "berlin: is in the shard eu, which eu, eu-test all are. Name the stack with --stack.",
    );
    select("eu-test");
    assert.deepEqual(await chosen({ sites: ["berlin"], sitesTell: "both" }), ["eu-test berlin"]);
  });

  it("says at once which names are not sites, and which sites are in no stack", async () => {
    assert.equal(
      await refusal({ sites: ["ostin", "berlin"], sitesTell: "both" }),
      "ostin: is not a site, for there is no sites/ostin.yaml. Did you mean austin?",
    );
    assert.match(
      await refusal({ sites: ["pune"], sitesTell: "both" }),
      /^sites\/pune\.yaml: is in the shard asia, which no stack of the project is /,
    );
  });

  it("takes all stacks, or several, each with its own of the named sites", async () => {
    assert.deepEqual(await choose({ all: true }), {
      stacks: ["eu", "eu-test", "prod", "us"].map((reference) => ({ reference, sites: [] })),
      joint: true,
      bySites: false,
    });
    assert.deepEqual(await chosen({ named: ["us", "prod"] }), ["us", "prod"]);
    assert.deepEqual(await chosen({ all: true, sites: ["oslo", "lima"], sitesTell: "both" }), [
      "eu lima",
      "eu-test lima",
      "prod oslo",
      "us lima",
    ]);
    assert.equal(
      await refusal({ named: ["us", "prod"], sites: ["oslo", "berlin"] }),
      "berlin: is in the shard eu, which none of the stacks us, prod is. Name its stack with --stack, or leave --stack out.",
    );
  });

  it("says that a named site is not in the only stack of the project", async (t) => {
    const only = realpathSync(mkdtempSync(join(tmpdir(), "sitepass-choose-")));
    t.after(() => {
      rmSync(only, { recursive: true });
    });
    mkdirSync(join(only, "sites"));
    writeFileSync(join(only, "Pulumi.yaml"), "name: sitepass\n");
    writeFileSync(join(only, "Pulumi.eu.yaml"), "config:\n  sitepass:shard: eu\n");
    writeFileSync(join(only, "sites", "austin.yaml"), "shard: us\n");
    assert.equal(
      await refusal({ directory: only, all: true, sites: ["austin"] }),
      "sites/austin.yaml: is in the shard us, which no stack of the project is (there is the shard eu). Correct it, or set sitepass:shard in the file of the stack that is to have it.",
    );
  });

  it("does not write into the same site files once for each of several stacks", async () => {
    assert.equal(
      await refusal({ all: true, once: true }),
      "--stack: eu, eu-test are all the shard eu, so that the same site files would be rotated once for each of them. Name one of them: the next `up` of each carries out what is in the files.",
    );
    assert.deepEqual(await chosen({ named: ["eu", "us"], once: true }), ["eu", "us"]);
  });

  it("takes the organization of the selected stack for the others", async () => {
    select("acme/sitepass/eu");
    assert.deepEqual(await chosen({ sites: ["austin"], sitesTell: "both" }), ["acme/sitepass/us austin"]);
    assert.equal((await chosen({ all: true }))[0], "acme/sitepass/eu");
    select("organization/sitepass/eu");
    assert.deepEqual(await chosen({ sites: ["austin"], sitesTell: "both" }), ["us austin"]);
  });
});
