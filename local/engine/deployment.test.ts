import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cloudflare } from "cloudflare";
import { startStandIn } from "cloudflare-standin";
import { Deployment, dependentsFirst, type DeploymentOptions, type Goal } from "./deployment";
import type { ResourceState } from "../../stack/state-file-reader";
import type { StackState } from "./state";

const accountId = "0123456789abcdef0123456789abcdef";
const type = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";
const urn = `urn:pulumi:prod::sitepass::${type}::tokyo`;

const token: Omit<ResourceState, "id" | "outputs"> = {
  urn,
  type,
  name: "tokyo",
  custom: true,
  parent: "",
  inputs: { accountId, name: "tokyo" },
  dependencies: [],
  protect: false,
  deletedWith: "",
  beforeDelete: [],
};

const goal: Goal = {
  ...token,
  deleteBeforeReplace: false,
  ignoreChanges: [],
  formerUrns: [],
  beforeCreate: [],
  beforeUpdate: [],
  afterUpdate: [],
};

/** A deployment from a state, on a stand-in that is closed afterwards. */
async function withDeployment(
  body: (made: {
    readonly client: Cloudflare;
    readonly tokenIds: () => string[];
    readonly deploy: (before: StackState) => {
      readonly deployment: Deployment;
      readonly newest: () => StackState;
    };
  }) => Promise<void>,
): Promise<void> {
  const standIn = await startStandIn({ accountId });
  try {
    const client = new Cloudflare({ apiToken: standIn.apiToken, baseURL: standIn.baseUrl, maxRetries: 0 });
    await body({
      client,
      tokenIds: () => [...standIn.database.serviceTokens.keys()],
      deploy: (before) => {
        let newest = before;
        const options: DeploymentOptions = {
          client,
          before,
          preview: false,
          save: (state) => {
            newest = state;
            return Promise.resolve();
          },
          onStep: () => undefined,
          onFailure: () => undefined,
          runHooks: () => Promise.resolve(),
          abort: new AbortController().signal,
        };
        return { deployment: new Deployment(options), newest: () => newest };
      },
    });
  } finally {
    await standIn.close();
  }
}

async function madeToken(client: Cloudflare): Promise<ResourceState> {
  const { id = "" } = await client.zeroTrust.access.serviceTokens.create({
    account_id: accountId,
    name: "tokyo",
  });
  return { ...token, id, outputs: {} };
}

describe("Deployment", () => {
  it("deletes a replaced resource that an earlier run left standing, and not its successor", async () => {
    await withDeployment(async ({ client, tokenIds, deploy }) => {
      const [old, successor] = [await madeToken(client), await madeToken(client)];
      const { deployment, newest } = deploy({ resources: [successor], replaced: [old], outputs: {} });
      await deployment.register(goal);
      await deployment.finish();
      assert.deepEqual(deployment.failures, []);
      assert.deepEqual(tokenIds(), [successor.id]);
      assert.deepEqual(newest(), { resources: [successor], replaced: [], outputs: {} });
    });
  });

  it("deletes both when nothing is registered any more", async () => {
    await withDeployment(async ({ client, tokenIds, deploy }) => {
      const [old, successor] = [await madeToken(client), await madeToken(client)];
      const { deployment, newest } = deploy({ resources: [successor], replaced: [old], outputs: {} });
      await deployment.finish();
      assert.deepEqual(deployment.failures, []);
      assert.deepEqual(tokenIds(), []);
      assert.deepEqual(newest(), { resources: [], replaced: [], outputs: {} });
    });
  });

  it("refuses a resource that is declared twice", async () => {
    await withDeployment(async ({ tokenIds, deploy }) => {
      const { deployment } = deploy({ resources: [], replaced: [], outputs: {} });
      await deployment.register(goal);
      await assert.rejects(deployment.register(goal));
      assert.deepEqual(deployment.failures, [
        "ZeroTrustAccessServiceToken tokyo: is declared twice. Give one of them another logical name.",
      ]);
      assert.equal(tokenIds().length, 1);
    });
  });

  it("replaces what the state protects and the program does not any more, and refuses what both protect", async () => {
    const elsewhere = { ...goal, inputs: { accountId: "fedcba9876543210fedcba9876543210", name: "tokyo" } };
    await withDeployment(async ({ client, tokenIds, deploy }) => {
      const made = { ...(await madeToken(client)), protect: true };
      const { deployment } = deploy({ resources: [made], replaced: [], outputs: {} });
      await assert.rejects(deployment.register({ ...elsewhere, protect: true }));
      assert.deepEqual(deployment.failures, [
        "ZeroTrustAccessServiceToken tokyo: is protected and would be deleted. Set sitepass:protect to false, run `up`, and try again.",
      ]);
      const another = deploy({ resources: [made], replaced: [], outputs: {} });
      // Refused by the stand-in, which has no such account: so far did the engine let it come.
      await assert.rejects(another.deployment.register(elsewhere));
      assert.match(another.deployment.failures.join(), /Cloudflare answered HTTP 403/);
      assert.deepEqual(tokenIds(), [made.id]);
    });
  });

  it("deletes nothing after a failure", async () => {
    await withDeployment(async ({ client, tokenIds, deploy }) => {
      const made = await madeToken(client);
      const { deployment } = deploy({ resources: [made], replaced: [], outputs: {} });
      await assert.rejects(
        deployment.register({ ...goal, urn: "urn:other", inputs: { accountId, name: "" } }),
      );
      await deployment.finish();
      assert.equal(deployment.failures.length, 1);
      assert.deepEqual(tokenIds(), [made.id]);
    });
  });
});

function resource(urn: string, dependencies: readonly string[], parent = ""): ResourceState {
  return {
    urn,
    dependencies,
    parent,
    type: "",
    name: urn,
    custom: true,
    id: "",
    inputs: {},
    outputs: {},
    protect: false,
    deletedWith: "",
    beforeDelete: [],
  };
}

const order = (resources: readonly ResourceState[]) => dependentsFirst(resources).map(({ urn }) => urn);

describe("dependentsFirst", () => {
  it("puts every resource before what it depends on, whatever the order they were made in", () => {
    assert.deepEqual(
      order([resource("application", ["policy"]), resource("policy", ["token"]), resource("token", [])]),
      ["application", "policy", "token"],
    );
    assert.deepEqual(
      order([resource("token", []), resource("application", ["policy"]), resource("policy", ["token"])]),
      ["application", "policy", "token"],
    );
  });

  it("puts children before their parents, and ignores what stays", () => {
    assert.deepEqual(order([resource("component", []), resource("child", ["kept"], "component")]), [
      "child",
      "component",
    ]);
  });
});
