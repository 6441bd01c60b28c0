import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withRules, type AttachedPolicy } from "./access-applications";
import {
  applicationLetsIn,
  coversHost,
  destinationOf,
  policyLetsIn,
  unnamedToken,
} from "./access-evaluation";

// The cases that the stand-in's edge can judge as well are in test/scenarios/access-evaluation.test.ts.

describe("destinationOf", () => {
  it("takes a host, a host with a slash and a host with all paths for the same", () => {
    for (const uri of ["Prom.example.com", "prom.example.com/", "prom.example.com/*"]) {
      assert.deepEqual(destinationOf(uri), { host: "prom.example.com", path: "" });
    }
    assert.deepEqual(destinationOf("prom.example.com/api/"), { host: "prom.example.com", path: "/api" });
  });
});

describe("coversHost", () => {
  it("keeps a wildcard within its label, whatever the path", () => {
    const covering = (uri: string) => coversHost(destinationOf(uri), "prom.example.com");
    assert.deepEqual(["*.example.com", "prom.*.com/x", "*prom.example.com"].map(covering), [
      true,
      true,
      true,
    ]);
    assert.deepEqual(["*.com", "*.prom.example.com", "promxexample.com"].map(covering), [
      false,
      false,
      false,
    ]);
  });
});

describe("policyLetsIn", () => {
  it("knows a policy that lets in more than the tokens that it names", () => {
    const include = [{ service_token: { token_id: "tokyo" } }];
    assert.equal(policyLetsIn({ decision: "non_identity", include }, unnamedToken), "no");
    assert.equal(
      policyLetsIn({ decision: "non_identity", include: [{ any_valid_service_token: {} }] }, unnamedToken),
      "yes",
    );
  });

  it("does not take rules that are not shown, or selectors that it does not know, for a refusal", () => {
    assert.equal(policyLetsIn({ decision: "bypass", include: undefined }, "without a token"), "perhaps");
    assert.equal(
      policyLetsIn({ decision: "non_identity", include: [{ moon: {} }] }, { id: "tokyo" }),
      "perhaps",
    );
    assert.equal(policyLetsIn({ decision: "allow", include: undefined }, { id: "tokyo" }), "no");
    assert.equal(policyLetsIn({ decision: "", include: undefined }, { id: "tokyo" }), "perhaps");
    assert.equal(policyLetsIn({ decision: "", include: [{ everyone: {} }] }, { id: "tokyo" }), "perhaps");
  });

  it("knows the address that nobody has, with its prefix length and without", () => {
    for (const ip of ["192.0.2.1/32", "192.0.2.1"]) {
      assert.equal(policyLetsIn({ decision: "non_identity", include: [{ ip: { ip } }] }, unnamedToken), "no");
    }
    for (const rule of [{ ip: { ip: "192.0.2.0/24" } }, { ip: { ip: "192.0.2.1" }, moon: {} }]) {
      assert.equal(policyLetsIn({ decision: "non_identity", include: [rule] }, unnamedToken), "perhaps");
    }
  });
});

describe("withRules", () => {
  const bare: AttachedPolicy = {
    id: "policy",
    name: "",
    decision: "",
    precedence: 7,
    reusable: undefined,
    include: undefined,
    exclude: undefined,
    require: undefined,
  };
  const include = [{ service_token: { token_id: "tokyo" } }];
  const listed = { id: "policy", name: "sites", decision: "non_identity", include, exclude: [], require: [] };

  it("finds among the account's policies what an application leaves out", () => {
    const [application] = withRules([{ policies: [bare] }], [listed]);
    assert.deepEqual(application?.policies, [{ ...bare, ...listed }]);
    assert.equal(applicationLetsIn(application, { id: "tokyo" }), "yes");
  });

  it("leaves alone what an application shows, and what is listed nowhere", () => {
    const shown = { ...bare, decision: "bypass", include: [] };
    const elsewhere = { ...bare, id: "legacy" };
    assert.deepEqual(withRules([{ policies: [shown, elsewhere] }], [listed]), [
      { policies: [shown, elsewhere] },
    ]);
  });
});
