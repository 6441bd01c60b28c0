import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AttachedPolicy } from "../../cloudflare/access-applications";
import type { LetsIn } from "../../cloudflare/access-evaluation";
import type { Endpoint } from "../../fleet/config";
import { problemTexts } from "../../fleet/testing/problem-texts";
import { accessTroubles, endpointAccess, timeTroubles, type GuardingApplication } from "./site-troubles";

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

function lets(applications: readonly GuardingApplication[]): LetsIn {
  const access = endpointAccess(endpoint, applications);
  assert.ok(access.ok);
  return access.value({ id: "tokyo" });
}

const japan = { geo: { country_code: "JP" } };

describe("endpointAccess", () => {
  it("knows a token by the ID that a Service Auth policy names", () => {
    assert.equal(lets([application([policy()])]), "yes");
    assert.equal(lets([application([policy({ include: [named("osaka")] })])]), "no");
    assert.equal(lets([application([policy({ include: [{ email: { email: "tokyo" } }] })])]), "no");
  });

  it("knows the policies that let everybody in", () => {
    assert.equal(lets([application([policy({ include: [{ any_valid_service_token: {} }] })])]), "yes");
    assert.equal(lets([application([policy({ include: [{ everyone: {} }] })])]), "yes");
    assert.equal(lets([application([policy({ decision: "bypass", include: [{ everyone: {} }] })])]), "yes");
    assert.equal(lets([application([policy({ decision: "bypass", include: [] })])]), "no");
  });

  it("takes a token for shut out by another decision or an exclusion, and is not sure of a further condition", () => {
    assert.equal(lets([application([policy({ decision: "allow" })])]), "no");
    assert.equal(lets([application([policy({ decision: "deny" })])]), "no");
    assert.equal(lets([application([policy({ exclude: [named("tokyo")] })])]), "no");
    assert.equal(lets([application([policy({ require: [japan] })])]), "perhaps");
    assert.equal(lets([application([])]), "no");
  });

  it("wants a token let in on each write path", () => {
    const [push, otlp] = endpoint.paths.map((path) => endpoint.hostname + path);
    assert.ok(push !== undefined && otlp !== undefined);
    assert.equal(lets([application([policy()], [push]), application([], [otlp])]), "no");
    assert.equal(lets([application([policy()], [push]), application([policy()], [`${otlp}/`])]), "yes");
    assert.deepEqual(problemTexts(endpointAccess(endpoint, [application([policy()], [push])])), [
      "loki.example.com/otlp/v1/logs: no Access application covers it, so Access asks nobody there for a token. Run `pulumi up --refresh`.",
    ]);
  });

  it("goes by the application that covers a path, be it from above or with a wildcard", () => {
    assert.equal(lets([application([policy()], ["loki.example.com"])]), "yes");
    assert.equal(
      lets([application([policy()], ["*.example.com"]), application([], ["loki.example.com"])]),
      "no",
    );
  });

  it("says when rules are shown nowhere, where they matter", () => {
    const bare = policy({ include: undefined, exclude: undefined, require: undefined });
    assert.deepEqual(problemTexts(endpointAccess(endpoint, [application([bare])])), [
      'loki.example.com/loki/api/v1/push: whom the application "push" lets in cannot be read, because it does not show its rules. Look at it in the dashboard.',
    ]);
    assert.equal(lets([application([{ ...bare, decision: "allow" }, policy()])]), "yes");
  });
});

describe("accessTroubles", () => {
  const now = new Date("2026-11-23T12:00:00Z");
  const said = (policies: readonly AttachedPolicy[], fields: Partial<Parameters<typeof accessTroubles>[0]>) =>
    accessTroubles(
      {
        site: "tokyo",
        enabledInFile: true,
        enabledAtCloudflare: true,
        expiresAt: null,
        signals: ["logs"],
        ...fields,
      },
      { id: "tokyo" },
      new Map([["logs", endpointAccess(endpoint, [application(policies)])]]),
      now,
    ).map(({ level, kind, says }) => `${level} ${kind}: ${says}`);

  it("takes what it is not sure of for good neither way", () => {
    const policies = [policy({ require: [japan] })];
    assert.deepEqual(said(policies, {}), [
      "alarm perhaps not let in: whether its token is let in for logs cannot be told from the policies",
    ]);
    assert.deepEqual(said(policies, { enabledInFile: false }), [
      "alarm still let in: is shut out in its file, and may still be able to push logs",
    ]);
  });

  it("does not say that a token can push that has expired, and that it is enabled", () => {
    assert.deepEqual(said([policy()], { enabledInFile: false, expiresAt: "2026-11-23T12:00:00Z" }), [
      "warning not disabled: is shut out in its file, and its token is enabled at Cloudflare, though it has expired",
    ]);
  });
});

const thresholds = { now: new Date("2026-11-23T12:00:00Z"), warnDays: 30, staleHours: 24 };

const said = (times: Partial<Parameters<typeof timeTroubles>[0]>) =>
  timeTroubles(
    {
      site: "tokyo",
      enabledInFile: true,
      createdAt: "2026-01-01T00:00:00Z",
      expiresAt: null,
      lastSeenAt: "2026-11-23T11:00:00Z",
      ...times,
    },
    thresholds,
  ).map(({ level, kind, says }) => `${level} ${kind}: ${says}`);

describe("timeTroubles", () => {
  it("never takes for good what Cloudflare does not tell", () => {
    assert.deepEqual(said({ expiresAt: undefined }), [
      "alarm not readable: Cloudflare does not say when its token expires",
    ]);
    assert.deepEqual(said({ lastSeenAt: undefined }), [
      "alarm not told when seen: Cloudflare does not say when it was last seen, and its token is 326 days old",
    ]);
    assert.deepEqual(said({ lastSeenAt: undefined, createdAt: undefined }), [
      "warning not told when seen: Cloudflare does not say when it was last seen, nor when it was made",
    ]);
  });

  it("waits for a young token, whether it is not seen or not told of", () => {
    assert.deepEqual(said({ lastSeenAt: undefined, createdAt: "2026-11-23T00:00:00Z" }), []);
    assert.deepEqual(said({ lastSeenAt: null, createdAt: "2026-11-23T00:00:00Z" }), []);
  });

  it("expects no sign of a site that is shut out", () => {
    assert.deepEqual(said({ enabledInFile: false, lastSeenAt: null }), []);
  });

  it("counts the last day and hour that are still good", () => {
    assert.deepEqual(said({ expiresAt: "2026-12-23T12:00:00Z" }), []);
    assert.equal(said({ expiresAt: "2026-12-23T11:59:59Z" }).length, 1);
    assert.deepEqual(said({ lastSeenAt: "2026-11-22T12:00:00Z" }), []);
    assert.equal(said({ lastSeenAt: "2026-11-22T11:59:59Z" }).length, 1);
    assert.match(said({ expiresAt: "2026-11-23T12:00:00Z" }).join(), /^alarm expired: /);
  });
});
