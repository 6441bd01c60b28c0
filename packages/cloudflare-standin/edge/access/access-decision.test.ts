import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyDatabase } from "../../api/database";
import type { AccessPolicy, Rule } from "../../api/rows";
import { testApplication, testPolicy, testToken } from "../../testing/edge-rows";
import { applicationFor, accessDecision, policyMatches } from "./access-decision";

/** Which of applications with one destination each protects the URL. */
function match(uris: readonly string[], host: string, path: string): string | undefined {
  const database = emptyDatabase("0".repeat(32), "team");
  for (const uri of uris) {
    database.applications.set(uri, testApplication({ id: uri, destinations: [{ type: "public", uri }] }));
  }
  return applicationFor(database, host, path)?.id;
}

function covers(uri: string, urls: readonly string[]): boolean[] {
  return urls.map((url) => {
    const [host = ""] = url.split("/", 1);
    return match([uri], host, url.slice(host.length) || "/") === uri;
  });
}

describe("applicationFor", () => {
  it("covers what the tables of app-paths.mdx say", () => {
    const tables: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["*.example.com", ["alpha.example.com", "beta.example.com"], ["example.com", "foo.bar.example.com"]],
      ["example.com", ["example.com", "example.com/alpha", "example.com/beta"], ["alpha.example.com"]],
      ["example.com/*", ["example.com", "example.com/alpha", "example.com/beta"], ["alpha.example.com"]],
      ["*.test.example.com", ["alpha.test.example.com"], ["test.example.com", "example.com"]],
      ["*test.example.com", ["test.example.com", "alphatest.example.com"], ["beta.test.example.com"]],
      [
        "example.com/alpha/*",
        ["example.com/alpha/one", "example.com/alpha/two"],
        ["example.com/alpha", "example.com"],
      ],
      [
        "example.com/foo*/bar",
        ["example.com/foo/bar", "example.com/food/bar", "example.com/food/stuff/bar"],
        ["example.com/foo"],
      ],
      [
        "example.com/alpha",
        ["example.com/alpha", "example.com/alpha/", "example.com/alpha/one"],
        ["example.com/alphabet", "example.com/ALPHA", "example.com/"],
      ],
      ["example.com/a.b", ["example.com/a.b"], ["example.com/axb"]],
    ];
    for (const [uri, covered, not] of tables) {
      assert.deepEqual(
        covers(uri, covered),
        covered.map(() => true),
        uri,
      );
      assert.deepEqual(
        covers(uri, not),
        not.map(() => false),
        uri,
      );
    }
  });

  it("takes the most specific one, wherever it stands", () => {
    const uris = ["example.com", "example.com/a/b", "*.com", "example.com/a", "example.com/a*"];
    for (const order of [uris, [...uris].reverse()]) {
      assert.equal(match(order, "example.com", "/a/b/c"), "example.com/a/b");
      assert.equal(match(order, "example.com", "/a"), "example.com/a");
      assert.equal(match(order, "example.com", "/ab"), "example.com/a*");
      assert.equal(match(order, "example.com", "/"), "example.com");
      assert.equal(match(order, "other.com", "/a"), "*.com");
      assert.equal(match(order, "example.org", "/a"), undefined);
    }
  });
});

const token = testToken();
const tokyo: Rule = { service_token: { token_id: "token" } };
const other: Rule = { service_token: { token_id: "other" } };
const everyone: Rule = { everyone: {} };

function matches(fields: Partial<AccessPolicy>, sender = true, address = "127.0.0.1"): boolean {
  return policyMatches(testPolicy(fields), { token: sender ? token : undefined, address });
}

describe("policyMatches", () => {
  it("takes include as OR, require as AND, exclude as NOT", () => {
    assert.equal(matches({ include: [] }), false);
    assert.equal(matches({ include: [other, tokyo] }), true);
    assert.equal(matches({ include: [other] }), false);
    assert.equal(matches({ include: [tokyo], require: [everyone, tokyo] }), true);
    assert.equal(matches({ include: [tokyo], require: [everyone, other] }), false);
    assert.equal(matches({ include: [everyone], exclude: [other] }), true);
    assert.equal(matches({ include: [everyone], exclude: [other, tokyo] }), false);
  });

  it("knows tokens, everyone and networks, and nothing of people", () => {
    const any: Rule = { any_valid_service_token: {} };
    assert.deepEqual([matches({ include: [any] }), matches({ include: [any] }, false)], [true, false]);
    assert.deepEqual(
      [matches({ include: [tokyo] }, false), matches({ include: [everyone] }, false)],
      [false, true],
    );
    const from = (address: string, ip: string): boolean =>
      matches({ include: [{ ip: { ip } }] }, true, address);
    assert.deepEqual(
      [
        from("10.1.2.3", "10.0.0.0/8"),
        from("11.1.2.3", "10.0.0.0/8"),
        from("10.1.2.3", "10.1.2.3"),
        from("10.1.2.4", "10.1.2.3"),
        from("::1", "::/64"),
        from("::1", "10.0.0.0/8"),
        from("10.1.2.3", "nonsense"),
      ],
      [true, false, true, false, true, false, false],
    );
    const people: Rule[] = [
      { email: { email: "a@example.com" } },
      { email_domain: { domain: "example.com" } },
      { group: { id: "g" } },
      { geo: { country_code: "JP" } },
      { certificate: {} },
      { common_name: { common_name: "tokyo.access" } },
      { ip_list: { id: "l" } },
      { login_method: { id: "m" } },
    ];
    assert.equal(matches({ include: people }), false);
  });
});

describe("accessDecision", () => {
  const verdict = (...policies: Partial<AccessPolicy>[]): unknown => {
    const database = emptyDatabase("0".repeat(32), "team");
    const links = policies.map((fields, index) => {
      const id = `policy ${index}`;
      database.policies.set(id, testPolicy({ ...fields, id }));
      return { id, precedence: policies.length - index };
    });
    const result = accessDecision(testApplication({ policies: links }), database, {
      token,
      address: "127.0.0.1",
    });
    return result.verdict === "serviceAuth" ? result.policy.id : result;
  };

  it("goes by precedence and not by place", () => {
    assert.equal(verdict({ include: [tokyo] }, { include: [everyone] }), "policy 1");
    assert.deepEqual(verdict({ include: [tokyo] }, { include: [everyone], decision: "bypass" }), {
      verdict: "bypass",
    });
    assert.equal(verdict({ include: [everyone], decision: "bypass" }, { include: [tokyo] }), "policy 1");
  });

  it("asks Service Auth before Block, and denies by default", () => {
    assert.equal(verdict({ include: [tokyo] }, { include: [everyone], decision: "deny" }), "policy 0");
    assert.deepEqual(verdict(), { verdict: "blocked", hasServiceAuth: false, hasAllow: false });
    assert.deepEqual(verdict({ include: [other] }), {
      verdict: "blocked",
      hasServiceAuth: true,
      hasAllow: false,
    });
    assert.deepEqual(verdict({ include: [everyone], decision: "allow" }), {
      verdict: "blocked",
      hasServiceAuth: false,
      hasAllow: true,
    });
  });
});
