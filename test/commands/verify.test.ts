import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { testPolicy } from "cloudflare-standin/testing/edge-rows";
import { listenOnLoopback } from "cloudflare-standin/loopback-server";
import { readVia } from "../../cli/via-option";
import { problemText } from "../../fleet/problem";
import { fleetProblems, type FleetVerdict } from "../../operate/verify/verdict";
import { verifySites } from "../../operate/verify/verify-sites";
import { engines } from "../support/engines";
import { openScenario, type Scenario } from "../support/scenario";
import { opensslAbsence, startSelfSigned } from "../support/self-signed";
import { change, openVerifyWorld, putIn, takeOut, type VerifyWorld } from "../support/verify-world";

const sites = {
  berlin: "signals: [metrics]\n",
  porto: "token: { enabled: false }\n",
  tokyo: "",
};

/** Every request that was made, and what is wrong with those that were not as expected. */
function counts({ endpoints, sites: verdicts }: FleetVerdict): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { kind, expected, ok } of [
    ...endpoints.flatMap(({ probes }) => probes),
    ...verdicts.flatMap(({ signals }) => signals.flatMap(({ probes }) => probes)),
  ]) {
    const key = `${kind} ${expected}${ok ? "" : ", but not so"}`;
    all[key] = (all[key] ?? 0) + 1;
  }
  return all;
}

const isNow =
  "the stored secret is not the token's any more (rotated outside of this project), the token is disabled or deleted, or no policy lets it in; this organization answers all of these alike";
const mendAlike =
  "Run `pulumi up --refresh`, which fixes everything but a rotation; if that changes nothing, `npx sitepass rotate SITE` and `pulumi up` make a new secret. Strict service token mode tells them apart; `npx sitepass check` says how to turn it on.";

describe("verify", () => {
  let fleet: Scenario;
  let world: VerifyWorld;

  before(async () => {
    const [engine] = engines;
    assert.ok(engine !== undefined);
    fleet = await openScenario(engine, { sites });
    const { exitCode, text } = await fleet.up();
    assert.equal(exitCode, 0, text);
    world = await openVerifyWorld(fleet);
  });
  after(() => fleet.close());

  it("finds a fleet as expected, with requests of every kind, and leaves nothing behind", async (t) => {
    const path = await world.openPath(t);
    const verdict = await world.look(path);
    assert.equal(verdict.ok, true);
    assert.deepEqual(counts(verdict), {
      "no-credentials refused": 3,
      "read refused": 5 + 3 + 5,
      "push delivered": 1 + 3,
      "push refused": 2 + 3,
      "wrong-secret refused": 1 + 2,
    });
    assert.deepEqual([path.receiver.samples, path.receiver.lines], [[], []]);
    const arrived = path.receiver.requests.map(({ method, path: at }) => `${method} ${at}`).sort();
    assert.deepEqual(arrived, [
      "POST /api/v1/write",
      "POST /api/v1/write",
      "POST /loki/api/v1/push",
      "POST /otlp/v1/logs",
    ]);
  });

  it("says that no connector serves the tunnel", async (t) => {
    const path = await world.openPath(t);
    await path.connector.close();
    const todo =
      "Start cloudflared on the central host with the stack's tunnelToken, or read in its log why it does not connect. `npx sitepass check` says whether the tunnel was deleted at Cloudflare.";
    assert.deepEqual(await world.problems(path), [
      `berlin, tokyo (metrics): POST /api/v1/write is answered with 530 from Cloudflare (error code 1033). ${todo}`,
      `tokyo (logs): POST /loki/api/v1/push and 1 more are answered with 530 from Cloudflare (error code 1033). ${todo}`,
    ]);
  });

  it("says that the service behind the tunnel does not answer", async (t) => {
    const path = await world.openPath(t);
    await path.receiver.close();
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      "berlin (metrics): POST /api/v1/write is answered with 502 from cloudflared. Start the service at http://localhost:9090, or read in cloudflared's log why it does not reach it; with a wrong teamName the log says that the assertion cannot be verified.",
    ]);
  });

  it("tells bot protection from Access, and a page from the origin", async (t) => {
    const path = await world.openPath(t);
    const said = async (kind: Parameters<typeof path.edge.interfere>[0]): Promise<readonly string[]> => {
      const stop = path.edge.interfere(kind, "prom.example.com");
      const lines = await world.problems(path, { sites: ["berlin"] });
      stop();
      return lines;
    };
    const fightMode =
      "Turn Bot Fight Mode and Under Attack mode off on the zone, or exclude prom.example.com from the rule that Security > Events names: collectors drop what is answered with 403.";
    const twice = (answer: string, todo: string) => [
      `prom.example.com (metrics): POST /api/v1/write without credentials and 3 more are answered with ${answer}. ${todo}`,
      `berlin (metrics): POST /api/v1/write and 4 more are answered with ${answer}. ${todo}`,
    ];
    assert.deepEqual(
      await said("challenge"),
      twice("403 from bot protection (cf-mitigated: challenge)", fightMode),
    );
    assert.deepEqual(await said("block"), twice("403 from bot protection (an HTML page)", fightMode));
    assert.deepEqual(
      await said("integrity"),
      twice(
        "403 from bot protection (error code 1010)",
        "Turn Browser Integrity Check off for prom.example.com with a configuration rule.",
      ),
    );
    assert.deepEqual(await said("page"), [
      'prom.example.com (metrics): POST /api/v1/write without credentials is answered with 200 and an HTML page "Hello", where Access should refuse it. Run `pulumi up --refresh`, which puts application and policies back.',
      'prom.example.com (metrics): GET / without credentials and 2 more are answered with 200 and an HTML page "Hello", where Access should refuse it. Run `pulumi up --refresh`, which puts the application on the whole host back.',
      'berlin (metrics): POST /api/v1/write is answered with 200 and an HTML page "Hello". Remove what serves this page from the host (a Worker, a waiting room, a rule, another service behind it): collectors take a page with 200 for a delivery.',
      'berlin (metrics): POST /api/v1/write with a wrong secret is answered with 200 and an HTML page "Hello", where Access should refuse it. Run `pulumi up --refresh`, which puts application and policies back.',
      'berlin (metrics): GET / and 2 more are answered with 200 and an HTML page "Hello", where Access should refuse it. Run `pulumi up --refresh`, which puts the application on the whole host back.',
    ]);
    assert.deepEqual((await said(429)).slice(1), [
      "berlin (metrics): POST /api/v1/write and 4 more are answered with 429 from Cloudflare's rate limiting (error code 429). Exclude prom.example.com from the rate limiting rule, or run again with a lower --concurrency.",
    ]);
  });

  it("says that the tunnel expects another application's assertion", async (t) => {
    const path = await world.openPath(t);
    change(t, world.application("prom.example.com/api/v1/write"), { aud: "f".repeat(64) });
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      "berlin (metrics): POST /api/v1/write is answered with 403 from cloudflared. Run `pulumi up --refresh`, which puts the audience of the application back into the tunnel's rule; if that changes nothing, http://localhost:9090 itself answers so, without a body.",
    ]);
  });

  it("says that a token has expired", async (t) => {
    const later = () => new Date("2100-01-01T00:00:00Z");
    const path = await world.openPath(t, { now: later });
    const { expiresAt = "" } = world.outputs.sites.berlin ?? {};
    assert.deepEqual(await world.problems(path, { sites: ["berlin"], now: later }), [
      `berlin (metrics): POST /api/v1/write is answered with 401 from Access: the token expired at ${expiresAt}. Run \`npx sitepass renew berlin\`.`,
    ]);
  });

  it("cannot tell a disabled token from a rotated secret without strict mode, and says so", async (t) => {
    const path = await world.openPath(t);
    change(t, world.tokenOf("berlin"), { enabled: false });
    const line = `berlin (metrics): POST /api/v1/write is answered with 401 from Access: ${isNow}. ${mendAlike.replace("SITE", "berlin")}`;
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [line]);
  });

  it("says in strict mode that a secret was rotated in the dashboard, or its token disabled", async (t) => {
    const path = await world.openPath(t);
    const { database, baseUrl, apiToken } = fleet.standIn;
    change(t, database.organization, { strict_service_token_auth: true });
    const token = world.tokenOf("tokyo");
    // As it is, to be so again.
    change(t, token, { clientSecretHash: token.clientSecretHash });
    const rotation = await fetch(
      `${baseUrl}/accounts/${database.accountId}/access/service_tokens/${token.id}/rotate`,
      { method: "POST", headers: { authorization: `Bearer ${apiToken}` } },
    );
    assert.equal(rotation.status, 200);
    const says =
      "401 from Access: the stored secret does not authenticate: the token was rotated, disabled or deleted outside of this project";
    const todo =
      "Run `pulumi up --refresh`, which enables it or creates it again; if that changes nothing, it was rotated: `npx sitepass rotate tokyo` and `pulumi up` make a new secret.";
    assert.deepEqual(await world.problems(path), [
      `tokyo (metrics): POST /api/v1/write is answered with ${says}. ${todo}`,
      `tokyo (logs): POST /loki/api/v1/push and 1 more are answered with ${says}. ${todo}`,
    ]);
  });

  it("says that a good secret is in no policy, when it is let in elsewhere or in strict mode", async (t) => {
    const path = await world.openPath(t);
    const todo = "Run `pulumi up --refresh`, which puts the policies back.";
    change(t, world.application("loki.example.com/loki/api/v1/push"), { policies: [] });
    assert.deepEqual(await world.problems(path, { sites: ["tokyo"] }), [
      `tokyo (logs): POST /loki/api/v1/push and 1 more are answered with 403 from Access: the secret is good, as it is let in elsewhere, but no policy of logs lets it in. ${todo}`,
    ]);
    change(t, world.application("prom.example.com/api/v1/write"), { policies: [] });
    change(t, fleet.standIn.database.organization, { strict_service_token_auth: true });
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      `berlin (metrics): POST /api/v1/write is answered with 403 from Access: the secret is good, but no policy of metrics lets it in. ${todo}`,
    ]);
  });

  it("says that an Allow policy redirects to the login page, and follows no redirect", async (t) => {
    const path = await world.openPath(t);
    const allow = testPolicy({ id: "allow", decision: "allow", include: [{ everyone: {} }] });
    putIn(t, fleet.standIn.database.policies, allow);
    const application = world.application("prom.example.com/api/v1/write");
    change(t, application, {
      service_auth_401_redirect: false,
      policies: [...application.policies, { id: allow.id, precedence: 99 }],
    });
    const says =
      "is answered with 302, a redirect to Access' login page. Run `pulumi up --refresh`, which leaves only Service Auth policies and answers with 401 instead of a redirect: collectors follow the redirect and take the login page for a delivery.";
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      `prom.example.com (metrics): POST /api/v1/write without credentials ${says}`,
      `berlin (metrics): POST /api/v1/write with a wrong secret ${says}`,
    ]);
    const asked = path.edge.answered.map(({ path: at }) => at);
    assert.deepEqual(
      asked.filter((at) => at.startsWith("/cdn-cgi/access/login")),
      [],
    );
  });

  it("finds a read path that is open, at Access alone and all the way", async (t) => {
    const path = await world.openPath(t);
    takeOut(t, fleet.standIn.database.applications, world.application("prom.example.com"));
    const todo =
      "where Access should refuse it. Run `pulumi up --refresh`, which puts the application on the whole host back.";
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      `prom.example.com (metrics): GET / without credentials and 2 more are answered with 404 from cloudflared, ${todo}`,
      `berlin (metrics): GET / and 2 more are answered with 404 from cloudflared, ${todo}`,
    ]);
    const tunnel = [...fleet.standIn.database.tunnels.values()][0];
    assert.ok(tunnel !== undefined);
    change(t, tunnel, {
      configuration: {
        ...tunnel.configuration,
        version: tunnel.configuration.version + 1,
        config: { ingress: [{ service: "http://localhost:9090" }] },
      },
    });
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      `prom.example.com (metrics): GET / without credentials is answered with 404 "404 page not found" from the origin, ${todo}`,
      `prom.example.com (metrics): GET /api/v1/query without credentials is answered with 200 "{}" from the origin, ${todo}`,
      `prom.example.com (metrics): GET /-/reload without credentials is answered with 405 "Method Not Allowed" from the origin, ${todo}`,
      `berlin (metrics): GET / is answered with 404 "404 page not found" from the origin, ${todo}`,
      `berlin (metrics): GET /api/v1/query is answered with 200 "{}" from the origin, ${todo}`,
      `berlin (metrics): GET /-/reload is answered with 405 "Method Not Allowed" from the origin, ${todo}`,
    ]);
  });

  it("finds that anybody is let in", async (t) => {
    const path = await world.openPath(t);
    const bypass = testPolicy({ id: "bypass", decision: "bypass", include: [{ everyone: {} }] });
    putIn(t, fleet.standIn.database.policies, bypass);
    const application = world.application("loki.example.com/loki/api/v1/push");
    change(t, application, { policies: [{ id: bypass.id, precedence: 1 }, ...application.policies] });
    const todo =
      "where Access should refuse it. Run `pulumi up --refresh`, which puts application and policies back.";
    assert.deepEqual(await world.problems(path, { sites: ["tokyo"] }), [
      `loki.example.com (logs): POST /loki/api/v1/push without credentials and 1 more are answered with 403 from cloudflared, ${todo}`,
      "tokyo (logs): POST /loki/api/v1/push and 1 more are answered with 403 from cloudflared. Run `pulumi up --refresh`, which puts the audience of the application back into the tunnel's rule; if that changes nothing, http://localhost:3100 itself answers so, without a body.",
      `tokyo (logs): POST /loki/api/v1/push with a wrong secret is answered with 403 from cloudflared, ${todo}`,
    ]);
  });

  it("finds a site that is let in for a signal that its file does not name, and one that is shut out", async (t) => {
    const path = await world.openPath(t);
    for (const domain of ["loki.example.com/loki/api/v1/push", "prom.example.com/api/v1/write"]) {
      const policies = world.policiesOf(world.application(domain));
      for (const policy of policies) {
        change(t, policy, { include: [{ any_valid_service_token: {} }] });
      }
    }
    change(t, world.tokenOf("porto"), { enabled: true });
    const disabled =
      "from the origin, though token.enabled is false. Run `pulumi up --refresh`, or `npx sitepass revoke porto --immediately` to disable the token at once.";
    const granted =
      "from the origin, though the site's signals do not name logs. Run `pulumi up --refresh`, which takes the token out of the policies.";
    assert.deepEqual(await world.problems(path), [
      `berlin (logs): POST /loki/api/v1/push is answered with 400 "snappy: corrupt input" ${granted}`,
      `berlin (logs): POST /otlp/v1/logs is answered with 200 "OK" ${granted}`,
      `porto (metrics): POST /api/v1/write is answered with 400 "snappy: corrupt input" ${disabled}`,
      `porto (logs): POST /loki/api/v1/push is answered with 400 "snappy: corrupt input" ${disabled}`,
      `porto (logs): POST /otlp/v1/logs is answered with 200 "OK" ${disabled}`,
    ]);
  });

  it("says that the DNS record is gone, or leads around Cloudflare", async (t) => {
    const address = "203.0.113.7";
    const path = await world.openPath(t, { address });
    const record = world.record("prom.example.com");
    change(t, record, { type: "A", content: address, proxied: false });
    const proxied =
      "not through Cloudflare. Run `pulumi up --refresh`, which makes the DNS record proxied again: now Access is not asked at all.";
    assert.deepEqual((await world.problems(path, { sites: ["berlin"] })).slice(-3), [
      `berlin (metrics): GET / is answered with 404 "404 page not found", ${proxied}`,
      `berlin (metrics): GET /api/v1/query is answered with 200 "{}", ${proxied}`,
      `berlin (metrics): GET /-/reload is answered with 405, ${proxied}`,
    ]);
    takeOut(t, fleet.standIn.database.dnsRecords, record);
    const back =
      "530 from Cloudflare (error code 1016), where Access should refuse it. Run `pulumi up --refresh`, which puts";
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      `prom.example.com (metrics): POST /api/v1/write without credentials is answered with ${back} application and policies back.`,
      `prom.example.com (metrics): GET / without credentials and 2 more are answered with ${back} the application on the whole host back.`,
      "berlin (metrics): POST /api/v1/write is answered with 530 from Cloudflare (error code 1016). Run `pulumi up --refresh`, which puts the DNS record back: what it leads to is not there.",
      `berlin (metrics): POST /api/v1/write with a wrong secret is answered with ${back} application and policies back.`,
      `berlin (metrics): GET / and 2 more are answered with ${back} the application on the whole host back.`,
    ]);
  });

  it("does not take a service's own refusal for one of Access", async (t) => {
    const service = await listenOnLoopback((_, response) => {
      response.writeHead(401, { "content-type": "application/json" }).end('{"error":"unauthorized"}');
    }, 0);
    t.after(() => service.close());
    const path = await world.openPath(t, { origin: service.url });
    assert.deepEqual(await world.problems(path, { sites: ["berlin"] }), [
      'berlin (metrics): POST /api/v1/write is answered with 401 "{"error":"unauthorized"}" from the origin. Let http://localhost:9090 accept pushes without credentials of its own: collectors send only those for Access, which end at Cloudflare.',
    ]);
  });

  it("waits no longer than allowed for an origin that hangs", async (t) => {
    const hanging = await listenOnLoopback(() => undefined, 0);
    t.after(() => hanging.close());
    const path = await world.openPath(t, { origin: hanging.url });
    assert.deepEqual(await world.problems(path, { sites: ["berlin"], requestTimeout: 300 }), [
      "berlin (metrics): POST /api/v1/write gets no answer in time (no answer within 0.3 s, 2 times). Check this machine's connection and try again; if other requests are answered, read in the log of http://localhost:9090 what it waits for.",
    ]);
  });

  it("says what the stack does not hold", async (t) => {
    const path = await world.openPath(t);
    const { berlin, tokyo } = world.outputs.sites;
    assert.ok(berlin !== undefined && tokyo !== undefined);
    const outputs = {
      ...world.outputs,
      sites: {
        porto: { ...tokyo, clientSecret: "" },
        tokyo: { ...berlin, clientSecret: "changed", endpoints: { metrics: "https://prom.example.com/" } },
      },
    };
    assert.deepEqual(await world.problems(path, { outputs }), [
      "berlin: has no service token yet. Run `pulumi up`.",
      "porto: its token was adopted, and the stack does not know its secret. Run `npx sitepass rotate porto` and `pulumi up`.",
      `tokyo (metrics): POST /api/v1/write is answered with 401 from Access: ${isNow}. ${mendAlike.replace("SITE", "tokyo")}`,
      "tokyo (logs): POST /loki/api/v1/push and 1 more are answered with 401 from Access: the last up did not let the site push logs. Run `pulumi up`.",
    ]);
  });

  it("tries no site on a host that answers nobody", async () => {
    const endpoints = world.stack.config.endpoints.map((endpoint) => ({
      ...endpoint,
      hostname: `${endpoint.signal}.sitepass.invalid`,
    }));
    let progress: readonly number[] = [];
    const verdict = await verifySites(world.stack.sites, {
      config: { ...world.stack.config, endpoints },
      outputs: world.outputs,
      onProgress: (done, total) => {
        progress = [done, total];
      },
    });
    const [metrics = "", logs = "", ...others] = fleetProblems(verdict).map(problemText);
    // A machine without a network has no resolver that could say that the name is none.
    const unknown =
      / without credentials and 3 more get no answer, because the name (?:is unknown \(ENOTFOUND\)\. Run `pulumi up`, which makes the record|could not be looked up \(EAI_AGAIN, 3 times\)\. Check this machine's name servers)/;
    assert.match(metrics, unknown);
    assert.match(logs, unknown);
    assert.deepEqual(others, [
      "berlin, porto, tokyo (metrics): nothing was tried, because metrics.sitepass.invalid answers nobody. Fix that first.",
      "berlin, porto, tokyo (logs): nothing was tried, because logs.sitepass.invalid answers nobody. Fix that first.",
    ]);
    // All 8 for everybody, and 7 + 3 + 10 that were spared.
    assert.deepEqual(progress, [28, 28]);
  });

  it("says that TLS fails", { skip: opensslAbsence }, async (t) => {
    const server = await startSelfSigned(t);
    const verdict = await verifySites(world.stack.sites.slice(0, 1), {
      config: world.stack.config,
      outputs: world.outputs,
      via: readVia({ via: server, onStandIn: true }),
    });
    assert.deepEqual(fleetProblems(verdict).map(problemText).slice(1, 3), [
      "loki.example.com (logs): POST /loki/api/v1/push without credentials and 3 more get no answer, because TLS failed (DEPTH_ZERO_SELF_SIGNED_CERT). Wait until Cloudflare has issued the certificate of loki.example.com (SSL/TLS > Edge Certificates); behind a proxy that opens TLS, name its authority in NODE_EXTRA_CA_CERTS.",
      "berlin (metrics): nothing was tried, because prom.example.com answers nobody. Fix that first.",
    ]);
  });
});
