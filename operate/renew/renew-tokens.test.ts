import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ServiceToken } from "../../packages/cloudflare-standin/api/rows";
import { listTokens } from "../../cloudflare/service-tokens";
import { answered, type CloudflareApi } from "../../cloudflare/client";
import { openTestFleet, type TestFleet } from "../testing/test-fleet";
import { matchToken } from "../../stack/match-token";
import { renewTokens, type RenewableToken, type Renewal } from "./renew-tokens";

const now = new Date("2026-11-24T03:00:00Z");

interface Fleet extends TestFleet {
  readonly rowOf: (site: string) => ServiceToken;
  readonly renew: (api?: CloudflareApi, signal?: AbortSignal) => Promise<readonly Renewal[]>;
}

async function open(t: TestContext): Promise<Fleet> {
  const fleet = await openTestFleet(t, { sites: { berlin: {}, lima: {}, tokyo: {} } });
  const { stack, standIn, outputs } = fleet;
  const { accountId } = stack.config;
  const listed = answered(await listTokens(fleet.api, accountId), "list", "none");
  const tokens = stack.sites.flatMap((site): RenewableToken[] => {
    const { token } = matchToken(site, outputs, listed);
    return token === undefined ? [] : [{ site, token }];
  });
  assert.equal(tokens.length, 3);
  standIn.clearRequests();
  return {
    ...fleet,
    rowOf: (site) => {
      const row = [...standIn.database.serviceTokens.values()].find(({ name }) => name.endsWith(`/${site}`));
      assert.ok(row !== undefined);
      return row;
    },
    renew: (api = fleet.api, signal) =>
      renewTokens(api, tokens, { config: stack.config, concurrency: 1, now, signal }),
  };
}

const problems = (renewals: readonly Renewal[]) =>
  Object.fromEntries(renewals.map(({ site, problem }) => [site.name, problem]));

describe("renewTokens", () => {
  it("renews each with one call, and then believes the list", async (t) => {
    const { renew, standIn } = await open(t);
    const renewals = await renew();
    assert.deepEqual(
      renewals.map(({ site, before, after, problem }) => [site.name, before, after, problem]),
      ["berlin", "lima", "tokyo"].map((site) => [
        site,
        "2027-11-23T12:00:00.000Z",
        "2028-11-22T12:00:00.000Z",
        undefined,
      ]),
    );
    assert.deepEqual(
      standIn.requests.map(({ method }) => method),
      ["POST", "POST", "POST", "GET"],
    );
  });

  it("takes no answer for success: a token that lasts no longer, or is still expired, is a problem", async (t) => {
    const { renew, rowOf } = await open(t);
    Object.defineProperty(rowOf("berlin"), "expires_at", {
      get: () => "2027-11-23T12:00:00.000Z",
      set: () => undefined,
    });
    rowOf("lima").expires_at = "2024-01-01T00:00:00.000Z";
    assert.deepEqual(problems(await renew()), {
      berlin:
        "sites/berlin.yaml: Cloudflare took the renewal, and the token still expires at 2027-11-23T12:00:00.000Z. Try again; if it stays, change token.duration in the file and run `pulumi up`.",
      lima: "sites/lima.yaml: Cloudflare took the renewal, and the token is still expired since 2024-12-31T00:00:00.000Z. Change token.duration in the file, which counts it anew with the same secret, and run `pulumi up`.",
      tokyo: undefined,
    });
  });

  it("goes on after a token that fails", async (t) => {
    const { renew, standIn, rowOf } = await open(t);
    standIn.inject({ match: { method: "POST", path: new RegExp(rowOf("lima").id) }, status: 500 });
    assert.deepEqual(problems(await renew()), {
      berlin: undefined,
      lima: "sites/lima.yaml: was not renewed. Cloudflare: refused to renew the service token sitepass/prod/lima (HTTP 500, 500 injected fault). Try again; if it stays, look at cloudflarestatus.com.",
      tokyo: undefined,
    });
  });

  it("tries no further token when the account's calls are used up", async (t) => {
    const { renew, standIn, rowOf } = await open(t);
    standIn.inject({ match: { method: "POST", path: new RegExp(rowOf("lima").id) }, status: 429 });
    const { lima, ...others } = problems(await renew());
    assert.match(lima ?? "", /^sites\/lima\.yaml: was not renewed\. .*wait five minutes\.$/);
    assert.deepEqual(others, {
      berlin: undefined,
      tokyo: "sites/tokyo.yaml: was not tried. Run it again.",
    });
    assert.equal(rowOf("tokyo").expires_at, "2027-11-23T12:00:00.000Z");
  });

  it("says that it cannot tell when the tokens cannot be listed afterwards", async (t) => {
    const { renew, standIn } = await open(t);
    standIn.inject({ match: { method: "GET" }, status: 500 });
    const { berlin } = problems(await renew());
    assert.equal(
      berlin,
      "sites/berlin.yaml: Cloudflare took the renewal, and its token could not be read again afterwards. Look at it with `sitepass status berlin`.",
    );
  });

  it("names the permission when the API token may not, and renews nothing", async (t) => {
    const { renew, apiWith, rowOf } = await open(t);
    await assert.rejects(renew(apiWith(["Access: Service Tokens Read"])), {
      message:
        'CLOUDFLARE_API_TOKEN: may not renew the service token sitepass/prod/berlin (HTTP 403, 10000 Authentication error). Give it the permission "Access: Service Tokens, Edit".',
    });
    assert.equal(rowOf("berlin").expires_at, "2027-11-23T12:00:00.000Z");
  });

  it("tries nothing more once it is stopped", async (t) => {
    const { renew, standIn } = await open(t);
    const all = problems(await renew(undefined, AbortSignal.abort()));
    assert.equal(all.tokyo, "sites/tokyo.yaml: was not tried. Run it again.");
    assert.deepEqual(
      standIn.requests.map(({ method }) => method),
      ["GET"],
    );
  });
});
