import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ServiceToken } from "cloudflare-standin/api/rows";
import { answered, type CloudflareApi } from "../cloudflare/client";
import { listTokens, type AccountToken } from "../cloudflare/service-tokens";
import { problemText } from "../fleet/problem";
import { testSite } from "../fleet/testing/test-site";
import { matchToken } from "../stack/match-token";
import {
  renewTokens,
  selectTokens,
  type RenewableToken,
  type Renewal,
  type TokenCriteria,
  type TokenSelection,
} from "./renew";
import { openTestFleet, type TestFleet } from "./testing/test-fleet";

const now = new Date("2026-11-24T03:00:00Z");

const token = (site: string, more: Partial<AccountToken> = {}): AccountToken => ({
  id: `id of ${site}`,
  clientId: `${site}.access`,
  name: `sitepass/prod/${site}`,
  duration: "8760h",
  enabled: true,
  createdAt: undefined,
  expiresAt: "2027-06-01T00:00:00Z",
  lastSeenAt: undefined,
  ...more,
});

const listed = [
  token("berlin"),
  token("eternal", { duration: "forever", expiresAt: null }),
  token("soon", { expiresAt: "2026-12-24T00:00:00Z" }),
  token("gone", { expiresAt: "2026-01-01T00:00:00Z" }),
  token("out", { enabled: false }),
  token("unsaid", { expiresAt: undefined }),
];
const names = ["berlin", "eternal", "gone", "out", "soon", "unsaid"];
const siteOf = (name: string) => testSite(name, { enabled: name !== "out" });

function choose(some: readonly string[], input: Partial<TokenCriteria> = {}): TokenSelection {
  const outputs = {
    endpoints: {},
    sites: Object.fromEntries(
      [...names, "deleted"].map((name) => [
        name,
        { clientId: `${name}.access`, clientSecret: "s", expiresAt: "", endpoints: {} },
      ]),
    ),
  };
  return selectTokens(some.map(siteOf), { outputs, listed, named: true, within: undefined, now, ...input });
}

const chosen = ({ tokens }: TokenSelection): readonly string[] => tokens.map(({ site }) => site.name);

describe("selectTokens", () => {
  it("takes what is named, but for tokens that last forever", () => {
    const choice = choose(names);
    assert.deepEqual(chosen(choice), ["berlin", "gone", "out", "soon", "unsaid"]);
    assert.deepEqual(choice.skipped, [{ site: "eternal", reason: "lasts forever", expiresAt: null }]);
  });

  it("leaves out of the fleet what is shut out", () => {
    assert.deepEqual(chosen(choose(names, { named: false })), ["berlin", "gone", "soon", "unsaid"]);
  });

  it("takes with a time those that expire in it, have expired, or do not say", () => {
    const choice = choose(names, { within: 60 * 86_400_000 });
    assert.deepEqual(chosen(choice), ["gone", "soon", "unsaid"]);
    assert.deepEqual(
      choice.skipped.filter(({ reason }) => reason === "lasts longer").map(({ site }) => site),
      ["berlin", "out"],
    );
  });

  it("refuses tokens that are missing or ambiguous, and passes in the fleet over sites that have none yet", () => {
    const twice = [...listed, token("berlin", { id: "another" })];
    const choice = choose(["berlin", "deleted", "new"], { listed: twice });
    assert.deepEqual(choice.problems.map(problemText), [
      "sites/berlin.yaml: 2 tokens have its client ID berlin.access. Look at them in the dashboard: id of berlin, another.",
      "sites/deleted.yaml: its token (client ID deleted.access) is not in the account: it was deleted by hand, or sitepass:accountId is another account's. `pulumi up --refresh` makes a new one, with a new client ID and secret.",
      "sites/new.yaml: has no service token yet. Run `pulumi up`.",
    ]);
    const fleet = choose(["deleted", "new"], { named: false });
    assert.equal(fleet.problems.length, 1);
    assert.deepEqual(fleet.skipped, [{ site: "new", reason: "no token yet", expiresAt: null }]);
  });
});

interface Fleet extends TestFleet {
  readonly rowOf: (site: string) => ServiceToken;
  readonly renew: (api?: CloudflareApi, abort?: AbortSignal) => Promise<readonly Renewal[]>;
}

async function open(t: TestContext): Promise<Fleet> {
  const fleet = await openTestFleet(t, { sites: { berlin: {}, lima: {}, tokyo: {} } });
  const { stack, standIn, outputs } = fleet;
  const { accountId } = stack.config;
  const listing = answered(await listTokens(fleet.api, accountId), "list", "none");
  const tokens = stack.sites.flatMap((site): RenewableToken[] => {
    const token = matchToken(site, outputs, listing);
    return token.ok ? [{ site, token: token.value }] : [];
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
    renew: (api = fleet.api, abort) => renewTokens(api, tokens, { accountId, concurrency: 1, now, abort }),
  };
}

const problems = (renewals: readonly Renewal[]) =>
  Object.fromEntries(renewals.map(({ site, problem }) => [site.name, problem && problemText(problem)]));

describe("renewTokens", () => {
  it("renews each with one call, and then believes the list", async (t) => {
    const { renew, standIn } = await open(t);
    const renewals = await renew();
    assert.deepEqual(
      renewals.map(({ site, before, after, problem }) => [site.name, before, after, problem]),
      ["berlin", "lima", "tokyo"].map((site) => [
        site,
        "2027-11-23T12:00:00.000Z",
        "2028-11-22T12:00:00Z",
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
      lima: "sites/lima.yaml: Cloudflare took the renewal, and the token is still expired since 2024-12-31T00:00:00Z. Change token.duration in the file, which counts it anew with the same secret, and run `pulumi up`.",
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
      "sites/berlin.yaml: Cloudflare took the renewal, and its token could not be read again afterwards. Look at it with `npx sitepass status berlin`.",
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
