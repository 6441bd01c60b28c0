import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { CloudflareApi } from "../cloudflare/client";
import { attempt, problemsOf, problemText } from "../fleet/problem";
import { problemTexts } from "../fleet/testing/problem-texts";
import { renewSites } from "../operate/renew";
import { switchTokens } from "../operate/revoke";
import { openTestFleet } from "../operate/testing/test-fleet";
import { matchToken, matchTokenByName, readAccountTokens } from "./match-token";
import type { OpenStack } from "./open-stack";

/** A fleet whose API token is shown no service token but another team's. */
async function openHidden(t: TestContext): Promise<OpenStack> {
  const { api, stack } = await openTestFleet(t, { sites: { lima: {} } });
  const hidden: CloudflareApi = {
    ...api,
    list: async (...args) => {
      const listed = await api.list(...args);
      return listed.kind === "answered" ? { ...listed, value: [], unseen: listed.value.length } : listed;
    },
  };
  return { ...stack, cloudflareApi: () => Promise.resolve(hidden) };
}

const hidden =
  "sites/lima.yaml: its token (client ID lima.access) is not among those that the API token is shown, and the account has 1 more. Give the API token its permissions on the whole account, and not on single objects.";

describe("a site's token that Cloudflare may only not show", () => {
  it("is not called deleted, by its client ID or by its name", async (t) => {
    const stack = await openHidden(t);
    const [site] = stack.sites;
    assert.ok(site !== undefined);
    const { tokens, unseen } = await readAccountTokens(stack);
    assert.equal(unseen, 1);
    assert.deepEqual(problemTexts(matchToken(site, await stack.outputs(), tokens, unseen)), [hidden]);
    assert.deepEqual(problemTexts(matchTokenByName(site, "sitepass/prod/", tokens, unseen)), [
      hidden.replace("its token (client ID lima.access)", "a token named sitepass/prod/lima"),
    ]);
  });

  it("is not said to be shut out already, nor to be made anew", async (t) => {
    const stack = await openHidden(t);
    const { outcomes } = await switchTokens(stack, stack.sites, false);
    assert.deepEqual([...outcomes.values()].flatMap(problemsOf).map(problemText), [hidden]);
    const renewal = attempt(() => renewSites(stack, { sites: ["lima"] }, { now: new Date() }));
    assert.deepEqual(problemTexts(await renewal), [hidden]);
  });
});

describe("a site's token that is not in the account", () => {
  it("was deleted", async (t) => {
    const { stack, outputs } = await openTestFleet(t, { sites: { lima: {} } });
    const [site] = stack.sites;
    assert.ok(site !== undefined);
    assert.deepEqual(problemTexts(matchToken(site, outputs, [])), [
      "sites/lima.yaml: its token (client ID lima.access) is not in the account: it was deleted by hand, or sitepass:accountId is another account's. `pulumi up --refresh` makes a new one, with a new client ID and secret.",
    ]);
  });
});
