import { openCloudflareApi } from "../cloudflare/client";
import { describe, it, type TestContext } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { problemText, UserError } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import { openTestFleet, type TestFleet } from "./testing/test-fleet";
import { switchTokens } from "./revoke";
import assert from "node:assert/strict";

interface Fleet extends TestFleet {
  readonly rowOf: (site: string) => ServiceToken;
}

async function open(t: TestContext): Promise<Fleet> {
  const fleet = await openTestFleet(t, { sites: { berlin: {}, lima: {} } });
  return {
    ...fleet,
    rowOf: (site) => {
      const rows = [...fleet.standIn.database.serviceTokens.values()];
      const row = rows.find(({ name }) => name.endsWith(`/${site}`));
      assert.ok(row !== undefined);
      return row;
    },
  };
}

async function outcomes(stack: OpenStack, enabled = false) {
  const { outcomes: all, outputsProblems } = await switchTokens(stack, stack.sites, enabled);
  return {
    ...Object.fromEntries(
      [...all].map(([site, result]) => [
        site.name,
        result.ok ? result.value : result.problems.map(problemText).join("\n"),
      ]),
    ),
    outputsProblems: outputsProblems.map(problemText),
  };
}

describe("switchTokens", () => {
  it("disables each token, changes nothing else of it, and reads it again", async (t) => {
    const { stack, standIn, rowOf } = await open(t);
    const before = { ...rowOf("lima") };
    standIn.clearRequests();
    assert.deepEqual(await outcomes(stack), {
      berlin: "changed",
      lima: "changed",
      outputsProblems: [],
    });
    assert.deepEqual(
      standIn.requests.map(({ method }) => method),
      ["GET", "PUT", "GET", "PUT", "GET"],
    );
    const { updated_at } = rowOf("lima");
    assert.deepEqual({ ...rowOf("lima") }, { ...before, enabled: false, updated_at });
    assert.deepEqual(await outcomes(stack), {
      berlin: "already",
      lima: "already",
      outputsProblems: [],
    });
    assert.deepEqual(await outcomes(stack, true), {
      berlin: "changed",
      lima: "changed",
      outputsProblems: [],
    });
    assert.equal(rowOf("lima").enabled, true);
  });

  it("does not say that a token is on where Cloudflare does not say it", async (t) => {
    const { stack, rowOf } = await open(t);
    Object.defineProperty(rowOf("lima"), "enabled", { get: () => undefined, set: () => undefined });
    assert.deepEqual(await outcomes(stack), {
      berlin: "changed",
      lima: "Cloudflare: took the order to disable the service token sitepass/prod/lima, and does not say whether it is done. Look at it in the dashboard (Zero Trust > Access controls > Service credentials), and run this again.",
      outputsProblems: [],
    });
  });

  it("goes on after a token that fails, and takes no answer for success", async (t) => {
    const { stack, standIn, rowOf } = await open(t);
    standIn.inject({ match: { method: "PUT", path: new RegExp(rowOf("berlin").id) }, status: 500 });
    Object.defineProperty(rowOf("lima"), "enabled", { get: () => true, set: () => undefined });
    assert.deepEqual(await outcomes(stack), {
      berlin:
        "Cloudflare: refused to disable the service token sitepass/prod/berlin (HTTP 500, 500 injected fault). Try again; if it stays, look at cloudflarestatus.com.",
      lima: "Cloudflare: took the order to disable the service token sitepass/prod/lima, and does not show it as done. Look at it in the dashboard (Zero Trust > Access controls > Service credentials), and run this again.",
      outputsProblems: [],
    });
  });

  it("finds tokens by name when the stack cannot be read, unless there are several", async (t) => {
    const { stack, standIn, rowOf } = await open(t);
    const unreadable: OpenStack = {
      ...stack,
      outputs: () =>
        Promise.reject(new UserError({ subject: "pulumi", says: "is not on PATH", todo: "Install it" })),
    };
    const leftover = { ...rowOf("lima"), id: "leftover", client_id: "leftover.access" };
    standIn.database.serviceTokens.set(leftover.id, leftover);
    assert.deepEqual(await outcomes(unreadable), {
      berlin: "changed",
      lima: `sites/lima.yaml: 2 tokens are named sitepass/prod/lima, and only the stack's outputs tell which is the site's. Disable the right one in the dashboard: ${rowOf("lima").id} (client ID lima.access), leftover (client ID leftover.access).`,
      outputsProblems: ["pulumi: is not on PATH. Install it."],
    });
    assert.equal(rowOf("berlin").enabled, false);
    standIn.database.serviceTokens.clear();
    assert.equal(
      Reflect.get(await outcomes(unreadable), "berlin"),
      "sites/berlin.yaml: no token of the account is named sitepass/prod/berlin. Check sitepass:accountId, and --stack.",
    );
  });

  it("says of every site what keeps it from asking Cloudflare", async (t) => {
    const { stack, standIn } = await open(t);
    const apiToken = standIn.createApiToken(["Access: Service Tokens Read"]);
    const api = openCloudflareApi({ apiToken, baseUrl: standIn.baseUrl });
    const may =
      'CLOUDFLARE_API_TOKEN: may not disable the service token sitepass/prod/berlin (HTTP 403, 10000 Authentication error). Give it the permission "Access: Service Tokens, Edit".';
    const reading = await outcomes({ ...stack, cloudflareApi: () => Promise.resolve(api) });
    assert.deepEqual(reading, {
      berlin: may,
      lima: may.replace("berlin", "lima"),
      outputsProblems: [],
    });
    const none = await outcomes({
      ...stack,
      cloudflareApi: () =>
        Promise.reject(
          new UserError({ subject: "CLOUDFLARE_API_TOKEN", says: "is not set", todo: "Set it" }),
        ),
    });
    assert.deepEqual(none, {
      berlin: "CLOUDFLARE_API_TOKEN: is not set. Set it.",
      lima: "CLOUDFLARE_API_TOKEN: is not set. Set it.",
      outputsProblems: [],
    });
  });
});
