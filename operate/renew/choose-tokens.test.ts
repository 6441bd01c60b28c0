import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AccountToken } from "../../cloudflare/service-tokens";
import { testSite } from "../rotate/test-sites";
import { chooseTokens, type TokenChoice, type TokenChoiceInput } from "./choose-tokens";

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

function choose(some: readonly string[], input: Partial<TokenChoiceInput> = {}): TokenChoice {
  const outputs = {
    endpoints: {},
    sites: Object.fromEntries(
      [...names, "deleted"].map((name) => [
        name,
        { clientId: `${name}.access`, clientSecret: "s", expiresAt: "", endpoints: {} },
      ]),
    ),
  };
  return chooseTokens(some.map(siteOf), { outputs, listed, named: true, within: undefined, now, ...input });
}

const chosen = ({ tokens }: TokenChoice): readonly string[] => tokens.map(({ site }) => site.name);

describe("chooseTokens", () => {
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
    assert.deepEqual(choice.problems, [
      "sites/berlin.yaml: 2 tokens have its client ID berlin.access. Look at them in the dashboard: id of berlin, another.",
      "sites/deleted.yaml: its token (client ID deleted.access) is not in the account: it was deleted by hand, or sitepass:accountId is another account's. `pulumi up --refresh` makes a new one, with a new client ID and secret.",
      "sites/new.yaml: has no service token yet. Run `pulumi up`.",
    ]);
    const fleet = choose(["deleted", "new"], { named: false });
    assert.equal(fleet.problems.length, 1);
    assert.deepEqual(fleet.skipped, [{ site: "new", reason: "no token yet", expiresAt: null }]);
  });
});
