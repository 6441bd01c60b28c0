import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Endpoint } from "../../fleet/config";
import type { AttachedPolicy } from "../../cloudflare/access-applications";
import type { AccountPolicy } from "../../cloudflare/access-policies";
import { readAdmissions, showsRules, type GuardingApplication } from "./admission";

const endpoint: Endpoint = {
  signal: "logs",
  hostname: "loki.example.com",
  paths: ["/loki/api/v1/push", "/otlp/v1/logs"],
  origin: "http://localhost:3100",
};

const named = (id: string) => ({ service_token: { token_id: id } });

const policy = (fields: Partial<AttachedPolicy> = {}): AttachedPolicy => ({
  id: "policy",
  name: "policy",
  decision: "non_identity",
  precedence: 1,
  reusable: true,
  include: [named("tokyo")],
  exclude: [],
  require: [],
  ...fields,
});

const application = (
  policies: readonly AttachedPolicy[],
  destinations: readonly string[] = endpoint.paths.map((path) => endpoint.hostname + path),
): GuardingApplication => ({ name: "push", destinations, policies });

function admission(applications: readonly GuardingApplication[], reusable: readonly AccountPolicy[] = []) {
  const found = readAdmissions([endpoint], applications, reusable).get("logs");
  assert.ok(found !== undefined);
  return found;
}

function lets(
  applications: readonly GuardingApplication[],
  reusable: readonly AccountPolicy[] = [],
): boolean {
  const found = admission(applications, reusable);
  assert.equal(found.kind, "known");
  return found.lets("tokyo");
}

describe("readAdmissions", () => {
  it("knows a token by the ID that a Service Auth policy names", () => {
    assert.equal(lets([application([policy()])]), true);
    assert.equal(lets([application([policy({ include: [named("osaka")] })])]), false);
    assert.equal(lets([application([policy({ include: [{ email: { email: "tokyo" } }] })])]), false);
  });

  it("knows the policies that let everybody in", () => {
    assert.equal(lets([application([policy({ include: [{ any_valid_service_token: {} }] })])]), true);
    assert.equal(lets([application([policy({ include: [{ everyone: {} }] })])]), true);
    assert.equal(lets([application([policy({ decision: "bypass", include: [] })])]), true);
  });

  it("takes a token for shut out by another decision, an exclusion, or a further condition", () => {
    assert.equal(lets([application([policy({ decision: "allow" })])]), false);
    assert.equal(lets([application([policy({ decision: "deny" })])]), false);
    assert.equal(lets([application([policy({ exclude: [named("tokyo")] })])]), false);
    assert.equal(lets([application([policy({ require: [{ geo: { country_code: "JP" } }] })])]), false);
    assert.equal(lets([application([])]), false);
  });

  it("wants a token let in on each write path", () => {
    const [push, otlp] = endpoint.paths.map((path) => endpoint.hostname + path);
    assert.ok(push !== undefined && otlp !== undefined);
    assert.equal(lets([application([policy()], [push]), application([], [otlp])]), false);
    assert.equal(lets([application([policy()], [push]), application([policy()], [`${otlp}/`])]), true);
    assert.deepEqual(admission([application([policy()], [push])]), {
      kind: "unknown",
      problem:
        "loki.example.com/otlp/v1/logs: no Access application covers it, so no token is let in there. Run `pulumi refresh` and `pulumi up`.",
    });
  });

  it("looks rules up that the application does not show, and says when they are nowhere", () => {
    const bare = policy({ include: undefined, exclude: undefined, require: undefined });
    assert.equal(showsRules([application([bare])]), false);
    assert.equal(showsRules([application([policy()])]), true);
    const reusable = { id: "policy", name: "", decision: "non_identity", exclude: [], require: [] };
    assert.equal(lets([application([bare])], [{ ...reusable, include: [named("tokyo")] }]), true);
    assert.deepEqual(admission([application([bare])]), {
      kind: "unknown",
      problem:
        'loki.example.com/loki/api/v1/push: whom the application "push" lets in cannot be read, for it shows no rules. Look at it in the dashboard.',
    });
  });
});
