import { openCloudflareApi, type CloudflareApi } from "../../cloudflare/client";
import { describe, it, type TestContext } from "node:test";
import { permissions } from "cloudflare-standin/api/permissions";
import type { AccessPolicy, ServiceToken } from "cloudflare-standin/api/rows";
import { testPolicy, testToken } from "cloudflare-standin/testing/edge-rows";
import { UserError, problemText, success } from "../../fleet/problem";
import { resourceTypes } from "../../provision/declared-objects";
import { openTestFleet, type TestFleet, type TestFleetOptions } from "../testing/test-fleet";
import { reportFleet } from "./report-fleet";
import type { FleetReport } from "./site-status";
import assert from "node:assert/strict";

const now = new Date("2026-11-23T12:00:00Z");

/** The default of the command line. */
const report = (
  { stack }: Pick<TestFleet, "stack">,
  thresholds: { warnDays?: number; staleHours?: number | undefined } = {},
): Promise<FleetReport> =>
  reportFleet(success(stack), { stackName: "prod", now, warnDays: 30, staleHours: 24, ...thresholds });

/** Each site's state and what is wrong with it, in the order of the report. */
const rows = ({ sites }: FleetReport): readonly string[] =>
  sites.flatMap(({ site, state, troubles }) =>
    troubles.length === 0
      ? [`${site} ${state}`]
      : troubles.map((trouble) => `${state}, ${trouble.level}: ${problemText(trouble)}`),
  );

const alarms = (found: FleetReport): readonly string[] => found.alarms.map(problemText);

function tokenOf({ standIn, outputs }: TestFleet, site: string): ServiceToken {
  const clientId = outputs.sites[site]?.clientId;
  const token = [...standIn.database.serviceTokens.values()].find(({ client_id }) => client_id === clientId);
  assert.ok(token !== undefined);
  return token;
}

function removeApplications({ standIn }: TestFleet, domains: readonly string[]): void {
  const { applications } = standIn.database;
  for (const { id, domain } of applications.values()) {
    if (domains.includes(domain)) {
      applications.delete(id);
    }
  }
}

/**
 * The stack has the records that are not looked for at Cloudflare then, and a tunnel.
 *
 * @returns the tunnel's ID.
 */
async function holdTunnelAndRecords({ resources, api, stack }: TestFleet): Promise<string> {
  const account_id = stack.config.accountId;
  const { id = "" } = await api.client.zeroTrust.tunnels.cloudflared.create({ account_id, name: "central" });
  for (const [type, name, objectId] of [
    [resourceTypes.tunnel, "tunnel", id],
    [resourceTypes.record, "metrics", "metrics"],
    [resourceTypes.record, "logs", "logs"],
  ] as const) {
    resources.push({ urn: `urn:${name}`, type, name, id: objectId });
  }
  return id;
}

const fleetOf = (t: TestContext, sites: TestFleetOptions["sites"]) => openTestFleet(t, { sites });

describe("reportFleet", () => {
  it("finds nothing wrong with a sound fleet, and says what is known of each site", async (t) => {
    const fleet = await fleetOf(t, {
      lima: { token: { duration: "forever" } },
      oslo: { token: { enabled: false } },
      tokyo: {
        signals: ["logs"],
        token: { secretVersion: 3, previousSecretExpiresAt: "2026-12-01T00:00:00Z" },
      },
    });
    const found = await report(fleet);
    assert.deepEqual(rows(found), ["lima provisioned", "oslo provisioned", "tokyo provisioned"]);
    assert.equal(found.readable, true);
    assert.deepEqual(found.alarms, []);
    const [lima, oslo, tokyo] = found.sites;
    assert.equal(lima?.expiresAt, null);
    assert.equal(oslo?.enabledInFile, false);
    assert.deepEqual(tokyo, {
      site: "tokyo",
      state: "provisioned",
      declared: true,
      provisioned: true,
      enabledInFile: true,
      enabledAtCloudflare: true,
      tokenId: tokenOf(fleet, "tokyo").id,
      clientId: "tokyo.access",
      createdAt: "2026-11-23T12:00:00.000Z",
      expiresAt: "2027-11-23T12:00:00.000Z",
      lastSeenAt: "2026-11-23T11:59:00.000Z",
      secretVersion: 3,
      previousSecretExpiresAt: "2026-12-01T00:00:00Z",
      signals: ["logs"],
      troubles: [],
    });
  });

  it("reads 500 sites in three calls", async (t) => {
    const sites = Object.fromEntries(
      Array.from({ length: 500 }, (_, number) => [`site-${String(number).padStart(3, "0")}`, {}]),
    );
    const fleet = await fleetOf(t, sites);
    await holdTunnelAndRecords(fleet);
    fleet.standIn.clearRequests();
    const found = await report(fleet);
    assert.equal(found.sites.length, 500);
    assert.deepEqual(
      found.sites.flatMap(({ troubles }) => troubles),
      [],
    );
    assert.equal(found.apiCalls, 3);
    assert.deepEqual(
      fleet.standIn.requests.map(({ path }) => path.split("/").at(-2)),
      ["access", "access", "cfd_tunnel"],
    );
  });

  it("does not take a tunnel that it cannot read for one that is there", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    const id = await holdTunnelAndRecords(fleet);
    fleet.standIn.inject({ match: { path: new RegExp(`${id}$`) }, status: 400, code: 1, message: "no" });
    const unread = await report(fleet);
    assert.deepEqual(alarms(unread), [
      `Cloudflare: refused to read tunnel ${id} (HTTP 400, 1 no). Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.`,
    ]);
    assert.equal(unread.readable, false);
    const { alarms: none, readable } = await report(fleet);
    assert.deepEqual([none, readable], [[], true]);
  });

  it("sounds an alarm for a tunnel that was deleted, and none where it may not look or has none any more", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    const { api, apiWith, stack } = fleet;
    const id = await holdTunnelAndRecords(fleet);
    assert.deepEqual(alarms(await report(fleet)), []);
    const { deleted_at } = await api.client.zeroTrust.tunnels.cloudflared.delete(id, {
      account_id: stack.config.accountId,
    });
    const found = await report(fleet);
    assert.deepEqual(alarms(found), [
      `sitepass:publish.tunnel.name: is "central", and the tunnel that the stack holds (ID ${id}) was deleted at Cloudflare at ${deleted_at}: every push is answered with 530. Run \`npx sitepass forget-tunnel --stack prod\`, which prints the way to another tunnel.`,
    ]);
    assert.equal(found.readable, true);
    const withoutTunnels = permissions.filter((one) => !one.startsWith("Cloudflare Tunnel"));
    const cloudflareApi = () => Promise.resolve(apiWith(withoutTunnels));
    assert.deepEqual(alarms(await report({ stack: { ...stack, cloudflareApi } })), []);
    const config = {
      ...stack.config,
      publish: { kind: "addresses" as const, addresses: new Map() },
    };
    assert.deepEqual(alarms(await report({ stack: { ...stack, config } })), []);
  });

  it("sounds one alarm where no token's last push can be told, and none where one can", async (t) => {
    const fleet = await fleetOf(t, { oslo: { token: { enabled: false } }, osaka: {}, tokyo: {} });
    await holdTunnelAndRecords(fleet);
    const untell = (site: string) => Object.assign(tokenOf(fleet, site), { created_at: "", lastSeenAt: "" });
    untell("osaka");
    assert.deepEqual(alarms(await report(fleet)), []);
    untell("tokyo");
    const blind = await report(fleet);
    assert.deepEqual(alarms(blind), [
      "Cloudflare: tells of no token when it was last seen, nor when it was made, so a site that is silent is not found. Check CLOUDFLARE_BASE_URL if it is set; or watch what arrives at the stores instead, and pass --stale off.",
    ]);
    assert.equal(blind.readable, true);
    assert.deepEqual(
      blind.sites.flatMap(({ site, troubles }) => troubles.map(({ level, kind }) => [site, level, kind])),
      [
        ["osaka", "warning", "not told when seen"],
        ["tokyo", "warning", "not told when seen"],
      ],
    );
    assert.deepEqual(alarms(await report(fleet, { staleHours: undefined })), []);
  });

  it("names what an interrupted run left on the push hosts, with its ID and what takes it in", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    const { api, standIn, stack, resources } = fleet;
    const { applications, zones, dnsRecords, tunnels } = standIn.database;
    const left = [...applications.values()].find(({ name }) => name.endsWith("push to prom.example.com"));
    resources.splice(
      resources.findIndex(({ id }) => id === left?.id),
      1,
    );
    await api.client.zeroTrust.tunnels.cloudflared.create({
      account_id: stack.config.accountId,
      name: "central",
      config_src: "cloudflare",
    });
    for (const [host, comment] of [
      ["prom", "sitepass/prod/metrics"],
      ["loki", "by hand"],
    ] as const) {
      await api.client.dns.records.create({
        zone_id: [...zones.keys()][0] ?? "",
        ...{ name: `${host}.example.com`, type: "A", content: "203.0.113.7", ttl: 1, comment },
      });
    }
    const [tunnel] = tunnels.values();
    const [record] = dnsRecords.values();
    const todo =
      "If an interrupted run left it, take it in with `npx sitepass adopt`; if another checkout uses it, take another host name.";
    assert.deepEqual(alarms(await report(fleet)), [
      `sitepass:endpoints.metrics.hostname: is "prom.example.com", and the Access application "sitepass/prod/metrics: push to prom.example.com" on prom.example.com/api/v1/write is named as this stack's, which does not hold it (ID ${left?.id}). ${todo}`,
      `sitepass:publish.tunnel.name: is "central", which a tunnel of the account has that this stack does not hold (${tunnel?.id}). If an interrupted run left it, or it is the one to use, take it in with \`npx sitepass adopt\`; if not, take another name or delete that tunnel.`,
      `sitepass:endpoints.metrics.hostname: is "prom.example.com", and its DNS record A 203.0.113.7 is named as this stack's, which does not hold it (ID ${record?.id}). ${todo}`,
    ]);
  });

  it("sounds an alarm for what expires, and none for what does so later or never", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: {}, oslo: { token: { enabled: false } }, tokyo: {} });
    const expire = (site: string, expires_at: string) => {
      tokenOf(fleet, site).expires_at = expires_at;
      const output = fleet.outputs.sites[site];
      assert.ok(output !== undefined);
      output.expiresAt = expires_at;
    };
    expire("berlin", "2026-11-20T00:00:00Z");
    expire("lima", "2026-12-22T00:00:00Z");
    expire("oslo", "2026-12-22T00:00:00Z");
    expire("tokyo", "2026-12-24T00:00:00Z");
    assert.deepEqual(rows(await report(fleet)), [
      "provisioned, alarm: berlin: its token expired 3 days ago (2026-11-20T00:00:00Z). Run `npx sitepass renew berlin`.",
      "provisioned, alarm: lima: its token expires in 28 days (2026-12-22T00:00:00Z). Run `npx sitepass renew lima`.",
      "provisioned, warning: oslo: its token expires in 28 days (2026-12-22T00:00:00Z). Run `npx sitepass renew oslo`.",
      "tokyo provisioned",
    ]);
    assert.deepEqual(rows(await report(fleet, { warnDays: 10 })).slice(1), [
      "lima provisioned",
      "oslo provisioned",
      "tokyo provisioned",
    ]);
  });

  it("sounds an alarm for what was not seen, and gives a new token as much time", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: {}, oslo: { token: { enabled: false } }, tokyo: {} });
    tokenOf(fleet, "berlin").lastSeenAt = "2026-11-22T11:00:00Z";
    Object.assign(tokenOf(fleet, "lima"), { lastSeenAt: null, created_at: "2026-11-20T12:00:00Z" });
    Object.assign(tokenOf(fleet, "tokyo"), { lastSeenAt: null, created_at: "2026-11-23T01:00:00Z" });
    assert.deepEqual(rows(await report(fleet)), [
      "provisioned, alarm: berlin: was last seen 25 hours ago (2026-11-22T11:00:00Z). Check that the collector runs, and that `npx sitepass verify berlin` passes.",
      "provisioned, alarm: lima: was never seen since its token was made 3 days ago (2026-11-20T12:00:00Z). Check that the collector runs, and that `npx sitepass verify lima` passes.",
      "oslo provisioned",
      "tokyo provisioned",
    ]);
    assert.equal(rows(await report(fleet, { staleHours: undefined }))[0], "berlin provisioned");
  });

  it("tells declared, gone, undeclared and orphaned apart, with more than one token of a name", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: {}, tokyo: {} });
    const { serviceTokens } = fleet.standIn.database;
    serviceTokens.delete(tokenOf(fleet, "berlin").id);
    serviceTokens.set(
      "twin",
      testToken({ id: "twin", client_id: "twin.access", name: "sitepass/prod/lima" }),
    );
    serviceTokens.set(
      "lost",
      testToken({ id: "lost", client_id: "lost.access", name: "sitepass/prod/porto" }),
    );
    serviceTokens.set(
      "other",
      testToken({ id: "other", client_id: "other.access", name: "sitepass/test/lima" }),
    );
    const [oslo] = (await openTestFleet(t, { sites: { oslo: {} } })).stack.sites;
    assert.ok(oslo !== undefined);
    const stack = {
      ...fleet.stack,
      sites: [...fleet.stack.sites.filter(({ name }) => name !== "tokyo"), oslo],
    };
    assert.deepEqual(rows(await report({ stack })), [
      "gone, alarm: berlin: its token was deleted at Cloudflare. Run `pulumi up --refresh`, which makes another token, and hand over the new credentials.",
      "orphan, warning: lima: its token twin is known to no file and no state. Delete what nobody uses in the dashboard: it is valid, and counts against the limit.",
      "not provisioned, warning: oslo: has a file and no token. Run `pulumi up`.",
      "orphan, warning: porto: its token lost is known to no file and no state. Delete what nobody uses in the dashboard: it is valid, and counts against the limit.",
      "not declared, warning: tokyo: has a token and no file. Bring the file back, or let `pulumi up` remove the token.",
      "lima provisioned",
    ]);
    const elsewhere = [{ name: "tokyo", file: "sites/tokyo.yaml", shard: "us" }];
    const moved = rows(await report({ stack: { ...stack, elsewhere } }));
    assert.deepEqual(
      moved.filter((row) => row.includes("tokyo")),
      [
        "not declared, warning: tokyo: has a token here, and its file is in the shard us. Put the other stack's credentials in place, and let `pulumi up` remove the token.",
      ],
    );
  });

  it("sends whoever names a site of another shard to its stack, and does not say that there is no such site", async (t) => {
    const { stack } = await fleetOf(t, { lima: {}, tokyo: {} });
    const elsewhere = [{ name: "osaka", file: "sites/osaka.yaml", shard: "us" }];
    const found = await reportFleet(success({ ...stack, elsewhere }), {
      ...{ stackName: "prod", now, warnDays: 30, staleHours: 24, sites: ["osaka", "limo"] },
    });
    assert.deepEqual(alarms(found), [
      "limo: is not a site, neither by a file in sites/ nor by a token. Did you mean lima?",
      "osaka: is in the shard us, and the stack prod is another. Correct shard in its file: no stack of the project is that one.",
    ]);
    assert.deepEqual(rows(found), []);
  });

  it("calls no token an orphan that the state holds from an up that failed before its outputs", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    const stack = {
      ...fleet.stack,
      outputs: () =>
        Promise.reject(
          new UserError([
            {
              subject: "stack prod",
              says: "its outputs are not those of this program",
              todo: "Run `pulumi up`",
            },
          ]),
        ),
    };
    const found = await report({ stack });
    assert.deepEqual(rows(found), ["tokyo provisioned"]);
    assert.deepEqual(alarms(found), [
      "stack prod: its outputs are not those of this program. Run `pulumi up`.",
    ]);
  });

  it("says of a stack that was never brought up only that", async (t) => {
    const fleet = await openTestFleet(t, { sites: { tokyo: {} }, provisioned: false });
    const stack = {
      ...fleet.stack,
      outputs: () =>
        Promise.reject(
          new UserError([{ subject: "stack prod", says: "has no outputs", todo: "Run `pulumi up`" }]),
        ),
    };
    const found = await report({ stack });
    assert.deepEqual(rows(found), [
      "not provisioned, warning: tokyo: has a file and no token. Run `pulumi up`.",
    ]);
    assert.deepEqual(found.alarms, []);
  });

  it("finds tokens that are disabled at Cloudflare, or not", async (t) => {
    const fleet = await fleetOf(t, { lima: {}, oslo: { token: { enabled: false } } });
    tokenOf(fleet, "lima").enabled = false;
    tokenOf(fleet, "oslo").enabled = true;
    assert.deepEqual(rows(await report(fleet)), [
      "provisioned, alarm: lima: its token is disabled at Cloudflare, and enabled in its file. Run `pulumi up --refresh`, or set token.enabled to false.",
      "provisioned, warning: oslo: is shut out in its file, and its token is enabled at Cloudflare, in no policy. Run `pulumi up --refresh`.",
    ]);
  });

  it("finds sites that policies do not let in, let in still, or let in for more", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: { signals: ["metrics"] }, oslo: {} });
    const policiesOf = (site: string) => {
      const { id } = tokenOf(fleet, site);
      return [...fleet.standIn.database.policies.values()].filter(({ include }) =>
        include.some((rule) => "service_token" in rule && rule.service_token.token_id === id),
      );
    };
    for (const policy of policiesOf("berlin")) {
      policy.include = [];
    }
    for (const policy of policiesOf("oslo").filter(({ name }) => name.includes("logs"))) {
      policy.include.push({ service_token: { token_id: tokenOf(fleet, "lima").id } });
    }
    const stack = {
      ...fleet.stack,
      sites: fleet.stack.sites.map((site) =>
        site.name === "oslo" ? { ...site, token: { ...site.token, enabled: false } } : site,
      ),
    };
    assert.deepEqual(rows(await report({ stack })), [
      "provisioned, alarm: berlin: no policy lets its token in for metrics and logs. Run `pulumi up --refresh`.",
      "provisioned, alarm: oslo: is shut out in its file, and can still push metrics and logs. Run `pulumi up`.",
      "provisioned, warning: lima: a policy lets it push logs, which its file does not name. Run `pulumi up --refresh`.",
    ]);
  });

  it("says once that an endpoint has no application", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: {} });
    removeApplications(fleet, ["prom.example.com/api/v1/write", "prom.example.com"]);
    const found = await report(fleet);
    assert.deepEqual(alarms(found), [
      "prom.example.com/api/v1/write: no Access application covers it, so Access asks nobody there for a token. Run `pulumi up --refresh`.",
      'sitepass:endpoints.metrics.hostname: is "prom.example.com", and its application for the whole host is not in the account: everything else than the write paths is open to anybody. Run `pulumi up --refresh`, which makes it again.',
    ]);
    assert.deepEqual(rows(found), ["berlin provisioned", "lima provisioned"]);
    assert.equal(found.readable, true);
  });

  it("goes by the application on the whole host where the one on the write paths is gone", async (t) => {
    const fleet = await fleetOf(t, { berlin: {}, lima: {} });
    removeApplications(fleet, ["prom.example.com/api/v1/write"]);
    const found = await report(fleet);
    assert.deepEqual(found.alarms, []);
    assert.deepEqual(rows(found), [
      "provisioned, alarm: berlin: no policy lets its token in for metrics. Run `pulumi up --refresh`.",
      "provisioned, alarm: lima: no policy lets its token in for metrics. Run `pulumi up --refresh`.",
    ]);
  });

  it("finds a state that has fallen behind Cloudflare, and a secret that it never had", async (t) => {
    const fleet = await fleetOf(t, { lima: {}, tokyo: {} });
    tokenOf(fleet, "lima").expires_at = "2028-11-23T12:00:00Z";
    const output = fleet.outputs.sites.tokyo;
    assert.ok(output !== undefined);
    output.clientSecret = "";
    assert.deepEqual(rows(await report(fleet)), [
      "provisioned, warning: lima: its token expires on 2028-11-23T12:00:00Z, and the stack's state says on 2027-11-23T12:00:00.000Z. Run `pulumi up --refresh`; only the stack's outputs depend on it.",
      "provisioned, warning: tokyo: its secret is not in the stack. Run `npx sitepass rotate tokyo` and `pulumi up`.",
    ]);
  });

  it("finds no other expiry of a token that lasts forever, whatever date the state still has", async (t) => {
    const fleet = await fleetOf(t, { lima: { token: { duration: "forever" } } });
    const output = fleet.outputs.sites.lima;
    assert.ok(output !== undefined);
    tokenOf(fleet, "lima").expires_at = "2026-01-01T00:00:00Z";
    output.expiresAt = "2026-01-02T00:00:00Z";
    assert.deepEqual(rows(await report(fleet)), ["lima provisioned"]);
  });
});

describe("reportFleet, where something cannot be read", () => {
  it("takes no site for well without the permission to list tokens", async (t) => {
    const fleet = await fleetOf(t, { lima: {}, tokyo: {} });
    const apiToken = fleet.standIn.createApiToken(
      permissions.filter((permission) => !permission.startsWith("Access: Service Tokens")),
    );
    const stack = {
      ...fleet.stack,
      cloudflareApi: () => Promise.resolve(openCloudflareApi({ apiToken, baseUrl: fleet.standIn.baseUrl })),
    };
    const found = await report({ stack });
    assert.equal(found.readable, false);
    assert.deepEqual(alarms(found), [
      'CLOUDFLARE_API_TOKEN: may not list the account\'s service tokens (HTTP 403, 10000 Authentication error). Give it the permission "Access: Service Tokens, Read".',
    ]);
    const advice = "Fix what keeps it from being read, and look in the dashboard until then.";
    assert.deepEqual(rows(found), [
      `unknown, alarm: lima: its token cannot be read. ${advice}`,
      `unknown, alarm: tokyo: its token cannot be read. ${advice}`,
    ]);
  });

  it("goes by names without a state, and takes none of two for the site's own", async (t) => {
    const fleet = await fleetOf(t, { lima: {}, tokyo: {} });
    const { serviceTokens } = fleet.standIn.database;
    serviceTokens.set(
      "twin",
      testToken({ id: "twin", client_id: "twin.access", name: "sitepass/prod/lima" }),
    );
    serviceTokens.set(
      "lost",
      testToken({ id: "lost", client_id: "lost.access", name: "sitepass/prod/porto" }),
    );
    const problem = { subject: "pulumi", says: "is not on PATH", todo: "Install it" };
    const refuse = () => Promise.reject(new UserError([problem]));
    const found = await report({ stack: { ...fleet.stack, outputs: refuse, resources: refuse } });
    assert.deepEqual(alarms(found), ["pulumi: is not on PATH. Install it."]);
    assert.deepEqual(rows(found), [
      "unknown, alarm: lima: the account has 2 tokens of its name, and without the stack's state its own cannot be told. Fix what keeps it from being read, and look in the dashboard until then.",
      "tokyo provisioned",
    ]);
  });

  it("says that an outage is one, for the applications alone too", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    fleet.standIn.inject({ match: { path: /\/access\/apps$/ }, status: 500, message: "Internal error" });
    const found = await report(fleet);
    assert.equal(found.readable, false);
    assert.match(
      alarms(found).join(),
      /^Cloudflare: refused to list the Access applications of account .* \(HTTP 500, 500 Internal error\)\./,
    );
    assert.deepEqual(rows(found), ["tokyo provisioned"]);
  });

  it("says one thing of an API token that is not valid, as Cloudflare says it to every call", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    const stack = {
      ...fleet.stack,
      cloudflareApi: () =>
        Promise.resolve(openCloudflareApi({ apiToken: "none", baseUrl: fleet.standIn.baseUrl })),
    };
    assert.deepEqual(alarms(await report({ stack })), [
      "CLOUDFLARE_API_TOKEN: is not valid (HTTP 403, 9109 Invalid access token). Export a token that is whole, not expired and not revoked.",
    ]);
  });

  it("says one thing of an API token that has expired, though the lists speak of permissions", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    fleet.standIn.inject({ match: { path: /\/access\// }, times: 2, status: 403, code: 10000 });
    const { api } = fleet;
    const verify = () => Promise.resolve({ id: "id", status: "expired" });
    const client = Object.assign(Object.create(api.client) as typeof api.client, {
      user: { tokens: { verify } },
    });
    const stack = { ...fleet.stack, cloudflareApi: () => Promise.resolve({ ...api, client }) };
    assert.deepEqual(alarms(await report({ stack })), [
      "CLOUDFLARE_API_TOKEN: is expired. Create another one in the dashboard.",
    ]);
  });

  it("does not call a token deleted that Cloudflare may only not show", async (t) => {
    const fleet = await fleetOf(t, { lima: {}, tokyo: {} });
    const { api } = fleet;
    const hidden: CloudflareApi = {
      ...api,
      list: async (...args) => {
        const listed = await api.list(...args);
        return listed.kind === "answered" && args[0].what.includes("service tokens")
          ? { ...listed, value: listed.value.slice(1), unseen: 1 }
          : listed;
      },
    };
    const stack = { ...fleet.stack, cloudflareApi: () => Promise.resolve(hidden) };
    const found = await report({ stack });
    assert.equal(found.readable, true);
    assert.match(
      rows(found)[0] ?? "",
      /^unknown, alarm: \w+: its token is not among those that the API token is shown\. /,
    );
    assert.deepEqual(found.warnings.map(problemText), [
      "CLOUDFLARE_API_TOKEN: is shown 1 of the account's 2 service tokens, so what is said of them may be wrong. Give it its permissions on the whole account, and not on single objects.",
    ]);
  });
});

describe("reportFleet, on what was done by hand to the stack's applications", () => {
  const applicationOf = ({ standIn }: TestFleet, domain: string) => {
    const found = [...standIn.database.applications.values()].find((one) => one.domain === domain);
    assert.ok(found !== undefined);
    return found;
  };
  const its = 'sitepass:endpoints.metrics.hostname: is "prom.example.com", and its application';
  const push = "sitepass/prod/metrics: push to prom.example.com";
  const rest = "sitepass/prod/metrics: everything else on prom.example.com";
  const detach = "Detach it in the dashboard, or run `pulumi up --refresh`.";
  const more = "which this stack did not attach: it lets in more than the tokens of sites";

  const attached: readonly (readonly [string, Partial<AccessPolicy>, string, string?])[] = [
    ["an address range", { include: [{ ip: { ip: "203.0.113.0/24" } }] }, `${more}. ${detach}`],
    ["a country", { include: [{ geo: { country_code: "PT" } }] }, `${more}. ${detach}`],
    ["a group", { include: [{ group: { id: "group" } }] }, `${more}. ${detach}`],
    ["a foreign token", { include: [{ service_token: { token_id: "other" } }] }, `${more}. ${detach}`],
    [
      "a site's token alone",
      { include: [{ service_token: { token_id: "tokyo" } }] },
      "which this stack did not attach: it names tokens of sites. Run `pulumi up --refresh`, and do not detach it before: it may be what lets them in.",
    ],
    [
      "a block",
      { decision: "deny", include: [{ everyone: {} }] },
      `which this stack did not attach: its decision is deny. ${detach}`,
    ],
    [
      "the stack's own name",
      { name: "sitepass/prod/nobody", include: [{ ip: { ip: "0.0.0.0/0" } }] },
      "into which somebody put a rule by ip: whoever that is may push. Run `pulumi up --refresh`.",
      "sitepass/prod/nobody",
    ],
  ];
  for (const [what, fields, says, name = "by hand"] of attached) {
    it(`finds ${what} in a policy that somebody attached`, async (t) => {
      const fleet = await fleetOf(t, { tokyo: {} });
      const { policies, serviceTokens } = fleet.standIn.database;
      serviceTokens.set("other", testToken({ id: "other", client_id: "other.access", name: "grafana" }));
      const include = JSON.parse(
        JSON.stringify(fields.include ?? []).replace('"tokyo"', JSON.stringify(tokenOf(fleet, "tokyo").id)),
      ) as AccessPolicy["include"];
      policies.set("hand", testPolicy({ id: "hand", name: "by hand", ...fields, include }));
      applicationOf(fleet, "prom.example.com/api/v1/write").policies.push({ id: "hand", precedence: 500 });
      assert.deepEqual(alarms(await report(fleet)), [`${its} "${push}" has the policy "${name}", ${says}`]);
    });
  }

  it("finds what somebody put into the stack's own policies", async (t) => {
    const fleet = await fleetOf(t, { tokyo: { signals: ["metrics"] } });
    const policy = [...fleet.standIn.database.policies.values()].find(({ name }) => name.includes("push"));
    assert.ok(policy !== undefined);
    const says = async (change: Partial<AccessPolicy>): Promise<readonly string[]> => {
      const before = { ...policy };
      Object.assign(policy, change);
      const found = alarms(await report(fleet));
      Object.assign(policy, before);
      return found.map((alarm) =>
        alarm.replace(`${its} "${push}" has the policy "${policy.name}", `, "").replace(/\. Run .*$/, ""),
      );
    };
    const { include } = policy;
    assert.deepEqual(await says({ include: [...include, { geo: { country_code: "PT" } }] }), [
      "into which somebody put a rule by geo: whoever that is may push",
    ]);
    assert.deepEqual(await says({ include: [...include, { service_token: { token_id: "gone" } }] }), [
      'into which somebody put the token "gone", which is no site\'s: whoever that is may push',
    ]);
    assert.deepEqual(await says({ require: [{ ip: { ip: "203.0.113.0/24" } }] }), [
      "to which somebody added a condition by ip: sites that do not meet it are refused",
    ]);
    assert.deepEqual(await says({ decision: "bypass" }), ["whose decision somebody changed to bypass"]);
    assert.deepEqual(await says({}), []);
  });

  it("takes the policy that lets nobody in for the stack's, and one of its push policies on the whole host not", async (t) => {
    const fleet = await fleetOf(t, { tokyo: { signals: ["metrics"] } });
    const { policies } = fleet.standIn.database;
    const policy = [...policies.values()].find(({ name }) => name.includes("push"));
    assert.ok(policy !== undefined);
    const whole = applicationOf(fleet, "prom.example.com");
    assert.deepEqual(
      whole.policies.map(({ id }) => policies.get(id)?.name),
      ["sitepass/prod/nobody"],
    );
    assert.deepEqual(alarms(await report(fleet)), []);
    whole.policies.push({ id: policy.id, precedence: 2 });
    assert.deepEqual(alarms(await report(fleet)), [
      `${its} "${rest}" has the policy "${policy.name}", which belongs to the write paths: sites may read and manage with it. Run \`pulumi up --refresh\`.`,
    ]);
  });

  it("misses the application on the whole host, by the state or else by the other one", async (t) => {
    const fleet = await fleetOf(t, { tokyo: {} });
    removeApplications(fleet, ["prom.example.com"]);
    const missing = `sitepass:endpoints.metrics.hostname: is "prom.example.com", and its application for the whole host is not in the account: everything else than the write paths is open to anybody. Run \`pulumi up --refresh\`, which makes it again.`;
    fleet.resources.push({ urn: "urn", type: "application", name: "metrics-whole-host", id: "gone" });
    assert.deepEqual(alarms(await report(fleet)), [missing]);
    const refuse = () =>
      Promise.reject(new UserError([{ subject: "pulumi", says: "is not on PATH", todo: "Install it" }]));
    assert.deepEqual(alarms(await report({ stack: { ...fleet.stack, resources: refuse } })), [
      "pulumi: is not on PATH. Install it.",
      missing,
    ]);
  });
});
