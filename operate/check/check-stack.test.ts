import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { registerConnector } from "cloudflare-standin/api/tunnels";
import { permissions, type Permission } from "cloudflare-standin/api/permissions";
import { testApplication, testPolicy, testToken } from "cloudflare-standin/testing/edge-rows";
import type { CloudflareApi } from "../../cloudflare/client";
import { openTestFleet, type TestFleet, type TestFleetOptions } from "../testing/test-fleet";
import { testSite } from "../../fleet/testing/test-site";
import { checkAccount, checkStack, type StackCheck } from "./check-stack";
import { resourceTypes } from "../../provision/declared-objects";
import { findingText, type Finding } from "./finding";

const now = new Date("2026-11-23T12:00:00Z");

const check = ({ stack, api }: Pick<TestFleet, "stack" | "api">, readsOnly = false): Promise<StackCheck> =>
  checkAccount(stack, api, { readsOnly, now });

const said = ({ findings }: StackCheck, level: Finding["level"]): readonly string[] =>
  findings.filter((finding) => finding.level === level).map(findingText);

/** A fleet on which nothing is wrong, so that a test shows what it breaks. */
async function soundFleet(t: TestContext, options: Partial<TestFleetOptions> = {}): Promise<TestFleet> {
  const fleet = await openTestFleet(t, { sites: { lima: {}, tokyo: {} }, ...options });
  fleet.standIn.database.organization.strict_service_token_auth = true;
  fleet.standIn.clearRequests();
  return fleet;
}

const without = (...missing: readonly Permission[]): Permission[] =>
  permissions.filter((permission) => !missing.includes(permission));

const zoneOf = ({ standIn }: TestFleet): string => [...standIn.database.zones.keys()][0] ?? "";

describe("checkAccount", () => {
  it("finds nothing wrong with a sound account, and says all that it looked at", async (t) => {
    const fleet = await soundFleet(t);
    const { findings, plan } = await check(fleet);
    assert.deepEqual(
      findings.map((finding) => `${finding.topic} ${finding.level} ${findingText(finding)}`),
      [
        "API token ok the API token is active and does not expire",
        'API token ok permission "Access: Service Tokens" Edit',
        'API token ok permission "Access: Apps and Policies" Edit',
        'API token ok permission "DNS" Edit',
        'API token ok permission "Bot Management" Read',
        'API token ok permission "Cloudflare Tunnel" Edit',
        'API token ok permission "Access: Organizations, Identity Providers, and Groups" Read',
        "zone ok zone example.com is active, and in the account",
        "zone ok Bot Fight Mode is off on example.com",
        "Zero Trust ok Zero Trust is set up, and the team name is example-team",
        "Zero Trust ok strict service token mode is on",
        "service tokens ok the account has 2 service tokens, 2 of them this stack's; up makes 0 and removes 0, which leaves 2 of 1000",
        "host names ok no foreign Access application is on the push hosts",
        "host names ok no foreign DNS record stands at prom.example.com and loki.example.com",
        "tunnel ok the tunnel's name central is free",
      ],
    );
    assert.deepEqual(plan, { existing: 2, fleet: 2, toCreate: [], toRemove: [] });
  });

  it("asks for no permission that docs/first-push.md does not name", async (t) => {
    const fleet = await soundFleet(t, { configuration: { alertEmails: ["ops@example.com"] } });
    const asked = said(await check(fleet), "ok").flatMap((says) => {
      const [, name, access] = /^permission "(.*)" (Edit|Read)$/.exec(says) ?? [];
      return name === undefined || access === undefined ? [] : [`${name}, ${access}`];
    });
    const page = readFileSync(join(__dirname, "..", "..", "docs", "first-push.md"), "utf8");
    const named = [...page.matchAll(/^\| ([A-Z][^|]*, (?:Edit|Read)) +\|/gm)].map(([, name]) => name);
    // A zone is looked up in lists, which show none where the permission is missing.
    assert.deepEqual([...asked, "Zone, Read"].sort(), named.sort());
  });

  it("changes nothing, and asks for each permission to write by one refused change", async (t) => {
    const fleet = await soundFleet(t, { configuration: { alertEmails: ["ops@example.com"] } });
    const before = JSON.stringify([...fleet.standIn.database.serviceTokens.values()]);
    await check(fleet);
    const writes = fleet.standIn.requests.filter(({ method }) => method !== "GET");
    assert.deepEqual(
      writes
        .map(({ method, path, status }) => `${method} ${path.split("/").slice(3, -1).join("/")} ${status}`)
        .sort(),
      [
        "PATCH cfd_tunnel 404",
        "PATCH dns_records 404",
        "PUT access/policies 400",
        "PUT access/service_tokens 404",
        "PUT alerting/v3/policies 404",
      ],
    );
    assert.equal(JSON.stringify([...fleet.standIn.database.serviceTokens.values()]), before);
    assert.ok(fleet.standIn.requests.length <= 20, `${fleet.standIn.requests.length} requests`);
  });

  it("sends reads alone when it is told to, and says that it did not ask", async (t) => {
    const fleet = await soundFleet(t);
    const result = await check(fleet, true);
    assert.deepEqual(
      fleet.standIn.requests.filter(({ method }) => method !== "GET"),
      [],
    );
    assert.deepEqual(
      said(result, "ok").filter((says) => says.includes("not asked for")),
      [
        'permission "Access: Service Tokens" Read; Edit was not asked for',
        'permission "Access: Apps and Policies" Read; Edit was not asked for',
        'permission "DNS" Read; Edit was not asked for',
        'permission "Cloudflare Tunnel" Read; Edit was not asked for',
      ],
    );
    assert.deepEqual(said(result, "problem"), []);
  });
});

describe("checkStack, on shards", () => {
  it("finds the files of sites whose shard no stack of the project is, or that move to none", async (t) => {
    const { stack } = await soundFleet(t, { configuration: { shard: "eu" } });
    const directory = mkdtempSync(join(tmpdir(), "sitepass-check-"));
    t.after(() => {
      rmSync(directory, { recursive: true });
    });
    writeFileSync(join(directory, "Pulumi.yaml"), "name: sitepass\n");
    // The file of the stack that is open counts as it is open.
    writeFileSync(join(directory, "Pulumi.prod.yaml"), "");
    writeFileSync(join(directory, "Pulumi.america.yaml"), "config:\n  sitepass:shard: us\n");
    const at = (name: string, shard: string, movingTo?: string) => ({
      ...testSite(name),
      shard,
      ...(movingTo === undefined ? {} : { movingTo }),
    });
    const inFiles = (sites: readonly ReturnType<typeof at>[], elsewhere: readonly ReturnType<typeof at>[]) =>
      checkStack(
        { ok: true, value: { ...stack, directory, sites, elsewhere } },
        { offline: true, readsOnly: true, now },
      );
    const there = "(america is the shard us, prod is the shard eu)";
    assert.deepEqual(
      said(
        await inFiles(
          [at("tokyo", "eu", "usa"), at("berlin", "eu", "us")],
          [at("lima", "us"), at("oslo", ""), at("porto", "asia")],
        ),
        "problem",
      ),
      [
        `sites/oslo.yaml: says no shard, and no stack of the project is the shard without a name ${there}. Give it the shard of one of them.`,
        `sites/porto.yaml: shard is asia, and no stack of the project is the shard asia ${there}. Give it the shard of one of them, or make a stack whose sitepass:shard is asia.`,
        `sites/tokyo.yaml: movingTo is usa, and no stack of the project is the shard usa ${there}. Give it the shard of one of them, or make a stack whose sitepass:shard is usa.`,
      ],
    );
    assert.deepEqual(said(await inFiles([at("berlin", "eu")], [at("lima", "us", "eu")]), "problem"), []);
  });
});

describe("checkAccount, on the API token", () => {
  it("names every permission that a token for reading lacks, and what would fail without it", async (t) => {
    const fleet = await soundFleet(t, { configuration: { alertEmails: ["ops@example.com"] } });
    const api = fleet.apiWith(permissions.filter((permission) => permission.endsWith("Read")));
    const refusal = "(HTTP 403, 10000 Authentication error)";
    const readingOnly = (name: string, stopsAt: string) =>
      `CLOUDFLARE_API_TOKEN: has the permission "${name}" for reading only ${refusal}: previews pass, and up stops at ${stopsAt}. Raise it to Edit.`;
    const result = await check({ ...fleet, api });
    assert.deepEqual(said(result, "problem"), [
      readingOnly("Access: Service Tokens", "service tokens"),
      readingOnly("Access: Apps and Policies", "applications and policies"),
      readingOnly("DNS", "records"),
      readingOnly("Cloudflare Tunnel", "the tunnel and its token"),
      readingOnly("Notifications", "alerts to sitepass:alertEmails"),
    ]);
  });

  it("looks on when a permission is missing altogether", async (t) => {
    const fleet = await soundFleet(t);
    const result = await check({
      ...fleet,
      api: fleet.apiWith(
        without("Access: Service Tokens Read", "Access: Service Tokens Write", "DNS Read", "DNS Write"),
      ),
    });
    const lacks = (name: string, needed: string, scope: string) =>
      `CLOUDFLARE_API_TOKEN: lacks the permission "${name}" Edit (HTTP 403, 10000 Authentication error), which ${needed} need. Add it to the API token, for the ${scope}.`;
    assert.deepEqual(said(result, "problem"), [
      lacks("Access: Service Tokens", "service tokens", "account"),
      lacks("DNS", "records", "zone"),
    ]);
    assert.equal(result.plan, undefined);
    assert.ok(said(result, "ok").includes("strict service token mode is on"));
    assert.ok(!said(result, "ok").some((says) => says.includes("no foreign DNS record")));
  });

  it("only warns where nothing but a check needs the permission", async (t) => {
    const fleet = await soundFleet(t);
    const groups = "Access: Organizations, Identity Providers, and Groups";
    const api = fleet.apiWith(
      without(`${groups} Read`, `${groups} Write`, "Bot Management Read", "Bot Management Write"),
    );
    const result = await check({ ...fleet, api });
    assert.deepEqual(said(result, "problem"), []);
    assert.deepEqual(said(result, "warning"), [
      'CLOUDFLARE_API_TOKEN: lacks the permission "Bot Management" Read (HTTP 403, 10000 Authentication error), so Bot Fight Mode on example.com, which stops collectors, was not checked. Add it to the API token, for the zone, or look in the dashboard.',
      'CLOUDFLARE_API_TOKEN: lacks the permission "Access: Organizations, Identity Providers, and Groups" Read (HTTP 403, 10000 Authentication error), so the team name and strict service token mode were not checked. Add it to the API token, for the account, or look in the dashboard.',
    ]);
  });

  it("needs the organization where the team name is looked up in it", async (t) => {
    const fleet = await soundFleet(t, { configuration: { teamName: "" } });
    const groups = "Access: Organizations, Identity Providers, and Groups";
    const result = await check({
      ...fleet,
      api: fleet.apiWith(without(`${groups} Read`, `${groups} Write`)),
    });
    assert.deepEqual(said(result, "problem"), [
      `CLOUDFLARE_API_TOKEN: lacks the permission "${groups}" Read (HTTP 403, 10000 Authentication error), which stacks without sitepass:teamName need. Add it to the API token, for the account.`,
    ]);
  });

  it("goes on where only the question about the API token itself is refused", async (t) => {
    for (const [status, code, message, reason] of [
      [
        404,
        7003,
        "Could not route",
        "Cloudflare refused to verify the API token (HTTP 404, 7003 Could not route)",
      ],
      [403, 10000, "Authentication error", "HTTP 403, 10000 Authentication error"],
    ] as const) {
      const fleet = await soundFleet(t);
      for (const path of ["/user/tokens/verify", `/accounts/${fleet.stack.config.accountId}/tokens/verify`]) {
        fleet.standIn.inject({ match: { path }, status, code, message });
      }
      const result = await check(fleet);
      assert.deepEqual(said(result, "warning"), [
        `CLOUDFLARE_API_TOKEN: is taken, and until when cannot be told (${reason}). Look at it in the dashboard.`,
      ]);
      assert.deepEqual(said(result, "problem"), []);
      assert.equal(said(result, "ok").length, 14);
      const lists = fleet.standIn.requests.filter(
        ({ method, path }) => method === "GET" && path.endsWith("/service_tokens"),
      );
      assert.equal(lists.length, 1);
    }
  });

  it("takes what Cloudflare does not have for no problem, where `up` needs it as little", async (t) => {
    const fleet = await soundFleet(t, { configuration: { teamName: "example-team" } });
    const { accountId } = fleet.stack.config;
    for (const path of [
      `/accounts/${accountId}/access/organizations`,
      `/zones/${zoneOf(fleet)}/bot_management`,
    ]) {
      fleet.standIn.inject({ match: { path }, status: 404, code: 7003, message: "Could not route" });
    }
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), []);
    assert.deepEqual(said(result, "warning"), [
      `Cloudflare: refused to read the bot protection of zone ${zoneOf(fleet)} (HTTP 404, 7003 Could not route), so Bot Fight Mode on example.com, which stops collectors, was not checked. Check sitepass:accountId.`,
      `Cloudflare: refused to read the Zero Trust organization of account ${accountId} (HTTP 404, 7003 Could not route), so the team name and strict service token mode were not checked. Check sitepass:accountId.`,
    ]);
  });

  it("says one thing of a token that is not valid, and asks nothing else", async (t) => {
    const fleet = await soundFleet(t);
    for (const path of ["/user/tokens/verify", "/accounts/"]) {
      fleet.standIn.inject({ match: { path }, status: 401, code: 1000, message: "Invalid API Token" });
    }
    const result = await check(fleet);
    assert.deepEqual(result.findings.map(findingText), [
      "CLOUDFLARE_API_TOKEN: is not valid (HTTP 401, 1000 Invalid API Token). Export a token that is whole, not expired and not revoked. Nothing else at Cloudflare was looked at.",
    ]);
    assert.equal(fleet.standIn.requests.length, 2);
  });

  it("says one thing of a token that may not be used from here", async (t) => {
    const fleet = await soundFleet(t);
    const location = "Cannot use the access token from location: 203.0.113.7";
    fleet.standIn.inject({ match: {}, times: 100, status: 403, code: 9109, message: location });
    const result = await check(fleet);
    assert.deepEqual(result.findings.map(findingText), [
      `CLOUDFLARE_API_TOKEN: may not be used from the address 203.0.113.7 (HTTP 403, 9109 ${location}). Add that address to the API token's client IP address filter in the dashboard, or run this where the filter allows it. Nothing else at Cloudflare was looked at.`,
    ]);
  });

  it("does not call a plan's refusal of a check a missing permission, nor a problem", async (t) => {
    const fleet = await soundFleet(t);
    fleet.standIn.inject({
      match: { path: /bot_management/ },
      status: 403,
      code: 10010,
      message: "not_entitled",
    });
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), []);
    assert.match(
      said(result, "warning").join(),
      /^Cloudflare: refused to read the bot protection of zone \w+ \(HTTP 403, 10010 not_entitled\), so Bot Fight Mode on example\.com, which stops collectors, was not checked\. Do what these words/,
    );
  });

  it("warns of other credentials, which Pulumi's provider would send", async (t) => {
    const fleet = await soundFleet(t);
    const stack = { ...fleet.stack, raw: { "cloudflare:email": "ops@example.com" } };
    assert.deepEqual(said(await check({ ...fleet, stack }), "warning"), [
      "cloudflare:email: is set, and Pulumi's provider sends it beside the API token, which nothing here does. Unset it.",
    ]);
  });

  it("says that the API token is shown a part of the account alone", async (t) => {
    const fleet = await soundFleet(t);
    const api: CloudflareApi = {
      ...fleet.api,
      list: async (...args) => {
        const listed = await fleet.api.list(...args);
        return listed.kind === "answered" && args[0].what.includes("service tokens")
          ? { ...listed, unseen: 8 }
          : listed;
      },
    };
    const result = await check({ ...fleet, api });
    assert.deepEqual(said(result, "warning"), [
      "CLOUDFLARE_API_TOKEN: is shown 2 of the account's 10 service tokens, so what is said of them may be wrong. Give it its permissions on the whole account, and not on single objects.",
    ]);
    assert.ok(
      said(result, "ok").includes(
        "the account has 10 service tokens, 2 of them this stack's; up makes 0 and removes 0, which leaves 10 of 1000",
      ),
    );
  });

  it("takes a token that belongs to the account", async (t) => {
    const fleet = await soundFleet(t);
    fleet.standIn.inject({ match: { path: "/user/tokens/verify" }, status: 401, code: 1000 });
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), []);
    assert.equal(said(result, "ok")[0], "the API token is active and does not expire");
  });

  it("says what kept it from asking, once", async (t) => {
    const fleet = await soundFleet(t);
    await fleet.standIn.close();
    const { findings } = await check(fleet);
    assert.equal(findings.length, 1);
    assert.match(
      findings.map(findingText).join(),
      /cannot be reached \(connect ECONNREFUSED .*\)\. Check the network, and CLOUDFLARE_BASE_URL if it is set\. Nothing else at Cloudflare was looked at\.$/,
    );
  });
});

describe("checkAccount, on what is in the account", () => {
  it("says once that Zero Trust is not set up, though every call of Access meets it", async (t) => {
    const fleet = await soundFleet(t);
    fleet.standIn.inject({
      match: { path: /\/access\// },
      times: 100,
      status: 403,
      code: 9999,
      message: "access.api.error.not_enabled",
    });
    assert.deepEqual(said(await check(fleet), "problem"), [
      "sitepass:accountId: is an account without Zero Trust (HTTP 403, 9999 access.api.error.not_enabled). Set Zero Trust up once in the dashboard, with a team name and a plan.",
    ]);
  });

  it("counts the tokens that the next up would make and remove", async (t) => {
    const fleet = await soundFleet(t, { configuration: { serviceTokenLimit: 2 } });
    fleet.standIn.database.serviceTokens.set("other", testToken({ id: "other", name: "another team's" }));
    const gone = testToken({ id: "gone", name: "sitepass/prod/gone" });
    fleet.standIn.database.serviceTokens.set("gone", gone);
    fleet.resources.push({ urn: "urn", type: resourceTypes.token, name: "gone", id: "gone" });
    const [first] = fleet.standIn.database.serviceTokens.keys();
    fleet.standIn.database.serviceTokens.delete(first ?? "");
    const result = await check(fleet);
    assert.deepEqual(result.plan, { existing: 3, fleet: 2, toCreate: ["lima"], toRemove: ["gone"] });
    assert.match(
      said(result, "problem").join(),
      /^sitepass:serviceTokenLimit: is 2, and the account has 3 service tokens and needs 1 more/,
    );
  });

  it("finds host names that other applications cover", async (t) => {
    const fleet = await soundFleet(t, { provisioned: false });
    const { applications, policies } = fleet.standIn.database;
    policies.set(
      "open",
      testPolicy({ id: "open", name: "staff", decision: "allow", include: [{ everyone: {} }] }),
    );
    const put = (id: string, uri: string, open = false) =>
      applications.set(
        id,
        testApplication({
          id,
          name: id,
          domain: uri,
          destinations: [{ type: "public", uri }],
          policies: open ? [{ id: "open", precedence: 1 }] : [],
        }),
      );
    put("write", "prom.example.com/api/v1/write/");
    put("status", "prom.example.com/status", true);
    put("old", "prom.example.com/old");
    put("everything", "*.example.com", true);
    put("wild", "*.example.com/api/*");
    put("elsewhere", "grafana.example.com", true);
    const result = await check(fleet);
    const prom = 'sitepass:endpoints.metrics.hostname: is "prom.example.com", and the Access application';
    const loki = 'sitepass:endpoints.logs.hostname: is "loki.example.com", and the Access application';
    const past = "there, past this stack's refusal of everything but the write paths";
    const unsure =
      "there, and Cloudflare does not document that this stack's own applications come before it";
    assert.deepEqual(said(result, "problem"), [
      `${prom} "write" already covers prom.example.com/api/v1/write. Delete it or move it to another host, take another host name, or bring it into the stack with \`npx sitepass adopt\`.`,
      `${prom} "status" covers prom.example.com/status ${past}, with the decision "allow". Move it to another host, or take another host name.`,
    ]);
    assert.deepEqual(said(result, "warning"), [
      `${prom} "old" covers prom.example.com/old ${past}. Move it to another host, if that is not meant.`,
      `${prom} "wild" covers *.example.com/api/* ${unsure}. Move it to another host, if that is not meant.`,
      `${loki} "wild" covers *.example.com/api/* ${unsure}. Move it to another host, if that is not meant.`,
    ]);
  });

  it("goes by whom the policies of other applications let in, not by their decisions alone", async (t) => {
    const fleet = await soundFleet(t, { provisioned: false });
    const { applications, policies } = fleet.standIn.database;
    const put = (path: string, fields: Parameters<typeof testPolicy>[0]) => {
      policies.set(path, testPolicy({ id: path, name: path, ...fields }));
      applications.set(
        path,
        testApplication({
          id: path,
          name: path,
          destinations: [{ type: "public", uri: `prom.example.com/${path}` }],
          policies: [{ id: path, precedence: 1 }],
        }),
      );
    };
    const office = { ip: { ip: "203.0.113.0/24" } };
    put("any-token", { include: [{ any_valid_service_token: {} }] });
    put("office", { decision: "bypass", include: [office] });
    put("nobody", { decision: "bypass", include: [{ email: { email: "a@example.com" } }] });
    put("named", { include: [{ service_token: { token_id: "other" } }] });
    put("untold", { include: [{ any_valid_service_token: {} }] });
    Object.assign(policies.get("untold") ?? {}, { decision: "" });
    const covers = (path: string) =>
      `sitepass:endpoints.metrics.hostname: is "prom.example.com", and the Access application "${path}" covers prom.example.com/${path} there, past this stack's refusal of everything but the write paths`;
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), [
      `${covers("any-token")}, with the decision "non_identity" for more than the tokens that it names. Move it to another host, or take another host name.`,
      `${covers("office")}, with the decision "bypass". Move it to another host, or take another host name.`,
      `${covers("untold")}, with a decision that Cloudflare does not say. Move it to another host, or take another host name.`,
    ]);
    assert.deepEqual(
      said(result, "warning"),
      ["nobody", "named"].map((path) => `${covers(path)}. Move it to another host, if that is not meant.`),
    );
  });

  it("finds what was done to its own applications", async (t) => {
    const fleet = await soundFleet(t);
    const { applications, policies } = fleet.standIn.database;
    policies.set("staff", testPolicy({ id: "staff", name: "staff", decision: "allow" }));
    policies.set("all", testPolicy({ id: "all", name: "all", include: [{ any_valid_service_token: {} }] }));
    const push = [...applications.values()].find(({ name }) => name.endsWith("push to prom.example.com"));
    assert.ok(push !== undefined);
    policies.set(
      "office",
      testPolicy({
        id: "office",
        name: "office",
        decision: "bypass",
        include: [{ ip: { ip: "203.0.113.0/24" } }],
      }),
    );
    push.policies.push(
      { id: "staff", precedence: 200 },
      { id: "all", precedence: 201 },
      { id: "office", precedence: 202 },
    );
    push.service_auth_401_redirect = false;
    const its =
      'sitepass:endpoints.metrics.hostname: is "prom.example.com", and its application "sitepass/prod/metrics: push to prom.example.com"';
    assert.deepEqual(said(await check(fleet), "problem"), [
      `${its} has the policy "staff", which this stack did not attach: its decision is allow, so a wrong token is answered with a login page, which collectors take for a delivery. Detach it in the dashboard, or run \`pulumi up --refresh\`.`,
      `${its} has the policy "all", which this stack did not attach: it lets in more than the tokens of sites. Detach it in the dashboard, or run \`pulumi up --refresh\`.`,
      `${its} has the policy "office", which this stack did not attach: its decision is bypass, so whoever its rules match may push. Detach it in the dashboard, or run \`pulumi up --refresh\`.`,
      `${its} answers a wrong token with a redirect, which collectors follow and take for a delivery. Run \`pulumi up --refresh\`.`,
    ]);
  });

  it("does not say how an application refuses that does not say it itself", async (t) => {
    const fleet = await soundFleet(t);
    const push = [...fleet.standIn.database.applications.values()].find(({ name }) =>
      name.endsWith("push to prom.example.com"),
    );
    assert.ok(push !== undefined);
    Reflect.deleteProperty(push, "service_auth_401_redirect");
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), []);
    assert.deepEqual(said(result, "warning"), [
      'sitepass:endpoints.metrics.hostname: is "prom.example.com", and whether its application "sitepass/prod/metrics: push to prom.example.com" answers a wrong token with 401 or with a redirect cannot be told. Run `npx sitepass verify`, which tries it.',
    ]);
  });

  it("finds foreign rules in its own policies, and its applications that are gone", async (t) => {
    const fleet = await soundFleet(t);
    const { applications, policies, serviceTokens } = fleet.standIn.database;
    serviceTokens.set("other", testToken({ id: "other", client_id: "other.access", name: "grafana" }));
    const policy = [...policies.values()].find(({ name }) => name.includes("push metrics"));
    assert.ok(policy !== undefined);
    policy.include.push({ service_token: { token_id: "other" } }, { geo: { country_code: "PT" } });
    for (const [id, { name }] of applications) {
      if (name.endsWith("everything else on prom.example.com") || name.endsWith("loki.example.com")) {
        applications.delete(id);
      }
    }
    for (const name of ["metrics-whole-host", "metrics-write-paths", "logs-whole-host", "logs-write-paths"]) {
      fleet.resources.push({ urn: "urn", type: "application", name, id: name });
    }
    const todo = "Run `pulumi up --refresh`";
    const missing = (signal: string, host: string, of: string, so: string) =>
      `sitepass:endpoints.${signal}.hostname: is "${host}", and its application for ${of} is not in the account: ${so}. ${todo}, which makes it again.`;
    const open = "everything else than the write paths is open to anybody";
    assert.deepEqual(said(await check(fleet), "problem"), [
      missing("metrics", "prom.example.com", "the whole host", open),
      `sitepass:endpoints.metrics.hostname: is "prom.example.com", and its application "sitepass/prod/metrics: push to prom.example.com" has the policy "${policy.name}", into which somebody put the token "grafana", which is no site's, and a rule by geo: whoever that is may push. ${todo}.`,
      missing("logs", "loki.example.com", "the whole host", open),
      missing("logs", "loki.example.com", "the write paths", "no token is let in for pushes"),
    ]);
  });

  it("knows adopted objects by their IDs in the state", async (t) => {
    const fleet = await soundFleet(t, { provisioned: false });
    fleet.standIn.database.applications.set(
      "adopted",
      testApplication({
        id: "adopted",
        name: "Prometheus",
        destinations: [{ type: "public", uri: "prom.example.com" }],
      }),
    );
    assert.equal(said(await check(fleet), "problem").length, 1);
    fleet.resources.push({ urn: "urn", type: "application", name: "metrics-whole-host", id: "adopted" });
    assert.deepEqual(said(await check(fleet), "problem"), []);
  });

  it("finds DNS records at the host names that are not this stack's, and one that is not proxied", async (t) => {
    const fleet = await soundFleet(t);
    const put = (
      name: string,
      fields: { type: "A" | "AAAA"; content: string; comment?: string; proxied?: boolean },
    ) => fleet.api.client.dns.records.create({ zone_id: zoneOf(fleet), ttl: 1, name, ...fields });
    await put("prom.example.com", { type: "A", content: "203.0.113.7" });
    await put("prom.example.com", { type: "AAAA", content: "2001:db8::7", comment: "old box" });
    await put("loki.example.com", { type: "A", content: "203.0.113.8", comment: "sitepass/prod/logs" });
    const own = [...fleet.standIn.database.dnsRecords.values()].find(
      ({ name }) => name === "loki.example.com",
    );
    fleet.resources.push({ urn: "urn", type: resourceTypes.record, name: "logs", id: own?.id ?? "" });
    const prom =
      'sitepass:endpoints.metrics.hostname: is "prom.example.com", which already has the DNS record';
    const ways =
      "not of this stack. Delete it, take another host name, or bring it into the stack with `npx sitepass adopt`.";
    assert.deepEqual(said(await check(fleet), "problem"), [
      `${prom} A 203.0.113.7 (with no comment), ${ways}`,
      `${prom} AAAA 2001:db8::7 (with the comment "old box"), ${ways}`,
      'sitepass:endpoints.logs.hostname: is "loki.example.com", and its DNS record is not proxied: pushes go around Access. Turn the proxy on in the dashboard, or run `pulumi up --refresh`.',
    ]);
  });

  it("finds what the stack holds, and the account has no longer", async (t) => {
    const fleet = await soundFleet(t);
    fleet.resources.push(
      {
        urn: "urn",
        type: resourceTypes.application,
        name: "logs-whole-host-old.example.com",
        id: "gone-application",
      },
      { urn: "urn", type: resourceTypes.record, name: "logs", id: "gone-record" },
      { urn: "urn", type: resourceTypes.tunnel, name: "tunnel", id: "gone-tunnel" },
    );
    const todo = "If it was deleted by hand, run `pulumi up --refresh`.";
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), [
      `application logs-whole-host-old.example.com: is not in the account any more, and the stack holds it (ID gone-application). ${todo}`,
      'sitepass:publish.tunnel.name: is "central", and the tunnel that the stack holds (ID gone-tunnel) is not in the account any more: every push is answered with 530. Run `npx sitepass forget-tunnel --stack prod`, which prints the way to another tunnel.',
    ]);
    assert.deepEqual(said(result, "warning"), [
      `sitepass:endpoints.logs.hostname: is "loki.example.com", and the DNS record that the stack holds (ID gone-record) is not there. If the host name was changed, run \`pulumi up\`. ${todo}`,
    ]);
  });

  it("tells a tunnel that was deleted from one that has another name, and from one that cannot be read", async (t) => {
    const fleet = await soundFleet(t);
    const { cloudflared } = fleet.api.client.zeroTrust.tunnels;
    const account_id = fleet.stack.config.accountId;
    const { id = "" } = await cloudflared.create({ account_id, name: "before", config_src: "cloudflare" });
    fleet.resources.push({ urn: "urn", type: resourceTypes.tunnel, name: "tunnel", id });
    const about = `sitepass:publish.tunnel.name: is "central", and the tunnel that the stack holds (ID ${id})`;
    const renamed = await check(fleet);
    assert.deepEqual(said(renamed, "problem"), []);
    assert.deepEqual(said(renamed, "warning"), [
      `${about} is called "before". Run \`pulumi up\`, which renames it.`,
    ]);
    fleet.standIn.inject({ match: { path: new RegExp(`${id}$`) }, status: 400, code: 1, message: "no" });
    const unread = await check(fleet);
    assert.deepEqual(said(unread, "problem"), []);
    assert.deepEqual(said(unread, "warning"), [
      `${about} cannot be read: Cloudflare refused to read tunnel ${id} (HTTP 400, 1 no). Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.`,
    ]);
    const { deleted_at } = await cloudflared.delete(id, { account_id });
    const deleted = await check(fleet);
    assert.deepEqual(said(deleted, "problem"), [
      `${about} was deleted at Cloudflare at ${deleted_at}: every push is answered with 530. Run \`npx sitepass forget-tunnel --stack prod\`, which prints the way to another tunnel.`,
    ]);
    assert.deepEqual(said(deleted, "warning"), []);
  });

  it("names policies and notification policies that an interrupted run left", async (t) => {
    const fleet = await soundFleet(t, { configuration: { alertEmails: ["ops@example.com"] } });
    const { policies } = fleet.standIn.database;
    policies.set("left", testPolicy({ id: "left", name: "sitepass/prod/push metrics 3/32" }));
    policies.set("other", testPolicy({ id: "other", name: "staff" }));
    const { id } = await fleet.api.client.alerting.policies.create({
      account_id: fleet.stack.config.accountId,
      name: "sitepass/prod/tunnel health",
      alert_type: "tunnel_health_event",
      enabled: true,
      mechanisms: { email: [{ id: "ops@example.com" }] },
    });
    const todo = "If no other checkout uses it, an interrupted run left it: delete it in the dashboard";
    assert.deepEqual(
      said(await check(fleet), "warning").filter((says) => says.includes("policy")),
      [
        `Access policy "sitepass/prod/push metrics 3/32": is named as this stack's, which does not hold it (ID left). ${todo}. Cloudflare deletes no token that it names.`,
        `notification policy "sitepass/prod/tunnel health": is named as this stack's, which does not hold it (ID ${id}). ${todo}.`,
      ],
    );
  });

  it("tells what is named as this stack's, and not in it, from what the stack holds", async (t) => {
    const fleet = await soundFleet(t);
    const { applications, serviceTokens, dnsRecords } = fleet.standIn.database;
    await fleet.api.client.dns.records.create({
      zone_id: zoneOf(fleet),
      ...{
        ttl: 1,
        name: "loki.example.com",
        type: "A",
        content: "203.0.113.8",
        comment: "sitepass/prod/logs",
      },
    });
    const left = [...applications.values()].find(({ name }) => name.endsWith("push to prom.example.com"));
    const forgotten = fleet.resources.findIndex(({ id }) => id === left?.id);
    fleet.resources.splice(forgotten, 1);
    serviceTokens.set("second", testToken({ id: "second", name: "sitepass/prod/tokyo" }));
    const [record] = dnsRecords.values();
    const result = await check(fleet);
    const todo =
      "If an interrupted run left it, take it in with `npx sitepass adopt`; if another checkout uses it, take another host name.";
    assert.deepEqual(said(result, "problem"), [
      `sitepass:endpoints.metrics.hostname: is "prom.example.com", and the Access application "sitepass/prod/metrics: push to prom.example.com" on prom.example.com/api/v1/write is named as this stack's, which does not hold it (ID ${left?.id}). ${todo}`,
      `sitepass:endpoints.logs.hostname: is "loki.example.com", and its DNS record A 203.0.113.8 is named as this stack's, which does not hold it (ID ${record?.id}). ${todo}`,
    ]);
    assert.deepEqual(said(result, "warning"), [
      "sites/tokyo: the account has a service token named sitepass/prod/tokyo that the stack does not hold (second). If no other checkout uses it, it is left over from an interrupted run and counts against the limit: delete it in the dashboard.",
    ]);
    assert.ok(
      said(result, "ok").includes(
        "the account has 3 service tokens, 2 of them this stack's; up makes 0 and removes 0, which leaves 3 of 1000",
      ),
    );
  });

  it("tells this stack's tunnel from another of its name", async (t) => {
    const fleet = await soundFleet(t);
    const { id = "" } = await fleet.api.client.zeroTrust.tunnels.cloudflared.create({
      account_id: fleet.stack.config.accountId,
      name: "central",
      config_src: "cloudflare",
    });
    assert.deepEqual(said(await check(fleet), "problem"), [
      `sitepass:publish.tunnel.name: is "central", which a tunnel of the account has that this stack does not hold (${id}). If an interrupted run left it, or it is the one to use, take it in with \`npx sitepass adopt\`; if not, take another name or delete that tunnel.`,
    ]);
    fleet.resources.push({ urn: "urn", type: "tunnel", name: "tunnel", id });
    const result = await check(fleet);
    assert.deepEqual(said(result, "problem"), []);
    assert.ok(said(result, "ok").includes("the tunnel central is this stack's, and inactive"));
    const now = new Date();
    const connector = {
      id: "connector",
      version: "2026.10.0",
      arch: "linux_amd64",
      config_version: 1,
      features: [],
      run_at: now.toISOString(),
      conns: [],
    };
    registerConnector(fleet.standIn.database, id, connector, now);
    assert.ok(
      said(await check(fleet), "ok").includes(
        "the tunnel central is this stack's, and healthy with 1 connector",
      ),
    );
  });

  it("says strict mode is off, and the one call that turns it on, without the API token in it", async (t) => {
    const fleet = await soundFleet(t);
    fleet.standIn.database.organization.strict_service_token_auth = false;
    const [warning = "", ...others] = said(await check(fleet), "warning");
    assert.deepEqual(others, []);
    assert.match(warning, /^Zero Trust: strict service token mode is off: /);
    assert.ok(
      warning.endsWith(
        `: \`printf 'Authorization: Bearer %s' "$CLOUDFLARE_API_TOKEN" | curl -X PATCH -H @- --json '{"strict_service_token_auth":true}' ${fleet.standIn.baseUrl}/accounts/${fleet.stack.config.accountId}/access/organizations\`.`,
      ),
    );
    assert.ok(!warning.includes(fleet.standIn.apiToken));
  });

  it("says that Bot Fight Mode is on", async (t) => {
    const fleet = await soundFleet(t);
    const zone = fleet.standIn.database.zones.get(zoneOf(fleet));
    assert.ok(zone !== undefined);
    zone.fight_mode = true;
    assert.deepEqual(said(await check(fleet), "problem"), [
      "zone example.com: Bot Fight Mode is on, which stops collectors before Access sees them. Turn it off in the dashboard's security settings, or take a zone of its own for the push hosts.",
    ]);
  });

  it("says that a zone is none of those that the API token sees", async (t) => {
    const fleet = await soundFleet(t, {
      configuration: {
        zone: "example.net",
        endpoints: { metrics: { hostname: "prom.example.net" } },
      },
    });
    assert.deepEqual(said(await check(fleet), "problem"), [
      'sitepass:zone: is "example.net", and Cloudflare shows the API token no such zone. Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it.',
    ]);
  });
});
