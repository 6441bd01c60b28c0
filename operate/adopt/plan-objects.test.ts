import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IngressRule } from "../../cloudflare/tunnels";
import { resourceTypes } from "../../provision/declared-objects";
import { declaredApplication } from "./adoption-plan";
import type { AccountView } from "./read-account";
import {
  accountId,
  application,
  attached,
  handmade,
  letsIn,
  notFound,
  planFor,
  policy,
  record,
  resource,
  rule,
  testConfig,
  token,
  withPrometheus,
  zoneId,
  type ToldPlan,
} from "./testing/handmade-account";

const push = policy("push");
const metricsOnly = testConfig({ endpoints: { metrics: { hostname: "prom.example.com" } } });
const publishedByAddress = (address: string) =>
  testConfig({
    endpoints: { metrics: { hostname: "prom.example.com" } },
    publish: { addresses: { metrics: address } },
  });

/** Plans for a stack with metrics alone, in an account that has nothing of Loki's. */
function planMetrics(view: AccountView, values: Parameters<typeof planFor>[1] = {}): ToldPlan {
  const isLoki = (text: string): boolean => text.startsWith("loki.");
  const { tunnelConfiguration } = view;
  return planFor(
    {
      ...view,
      applications: view.applications.filter(({ domain }) => !isLoki(domain)),
      records: view.records.filter(({ name }) => !isLoki(name)),
      tunnelConfiguration:
        tunnelConfiguration === undefined
          ? undefined
          : {
              ...tunnelConfiguration,
              rules: tunnelConfiguration.rules.filter(({ hostname }) => !isLoki(hostname)),
            },
    },
    { config: metricsOnly, ...values },
  );
}

const become = ({ adoptions }: ToldPlan): readonly string[] =>
  adoptions.map(({ object, becomes }) => `${object} > ${becomes.component.name}/${becomes.name}`);

const changesOf = ({ adoptions }: ToldPlan, name: string) =>
  adoptions.find(({ becomes }) => becomes.name === name)?.changes;

const prometheus = (values: Parameters<typeof application>[2] = {}) =>
  application("Prometheus", ["prom.example.com"], { policies: [attached(push)], ...values });

describe("what is taken over of a usual handmade fleet", () => {
  it("is its tokens, applications, tunnel, ingress rules and records, by the provider's import IDs", () => {
    const plan = planFor(handmade());
    assert.deepEqual([plan.refusals, plan.losses], [[], []]);
    assert.deepEqual(become(plan), [
      'service token "tokyo" > sites/tokyo',
      'application "Prometheus" > metrics/metrics-whole-host-prom.example.com',
      'application "Loki" > logs/logs-whole-host-loki.example.com',
      'tunnel "central" > tunnel/tunnel',
      'ingress rules of tunnel "central" > tunnel/tunnel-ingress',
      "record prom.example.com > dns/metrics",
      "record loki.example.com > dns/logs",
    ]);
    assert.deepEqual(
      plan.adoptions.map(({ importId }) => importId),
      [
        `accounts/${accountId}/tokyo-id`,
        `accounts/${accountId}/Prometheus-id`,
        `accounts/${accountId}/Loki-id`,
        `${accountId}/central-id`,
        `${accountId}/central-id`,
        `${zoneId}/prom.example.com-id`,
        `${zoneId}/loki.example.com-id`,
      ],
    );
    assert.deepEqual(changesOf(plan, "metrics-whole-host-prom.example.com"), [
      {
        property: "name",
        from: "Prometheus",
        to: "sitepass/prod/metrics: everything else on prom.example.com",
      },
      { property: "policies", from: "push", to: "the one that admits nobody" },
      { property: "sessionDuration", from: "24h", to: "30m" },
      { property: "serviceAuth401Redirect", from: "false", to: "true" },
      { property: "appLauncherVisible", from: "true", to: "false" },
    ]);
    assert.deepEqual(changesOf(plan, "metrics"), [
      { property: "comment", from: "", to: "sitepass/prod/metrics" },
    ]);
    assert.deepEqual(changesOf(plan, "tunnel"), []);
  });

  it("is said again for what an import has not brought in yet, and no more", () => {
    const resources = [
      resource(resourceTypes.token, "tokyo", "tokyo-id"),
      resource(resourceTypes.application, "metrics-whole-host", "Prometheus-id"),
      resource(resourceTypes.tunnel, "tunnel", "central-id"),
      resource(resourceTypes.record, "logs", "loki.example.com-id"),
    ];
    assert.deepEqual(become(planFor(handmade(), { resources })), [
      'application "Loki" > logs/logs-whole-host-loki.example.com',
      'ingress rules of tunnel "central" > tunnel/tunnel-ingress',
      "record prom.example.com > dns/metrics",
    ]);
  });

  it("changes nothing of an application that an interrupted run left whole", () => {
    const own = policy("sitepass/prod/push metrics 1/32");
    const left = application(
      "sitepass/prod/metrics: push to prom.example.com",
      ["prom.example.com/api/v1/write"],
      {
        policies: [attached(own)],
        sessionDuration: "30m",
        serviceAuth401Redirect: true,
        appLauncherVisible: false,
      },
    );
    const plan = planFor(handmade({ policies: [push, own], applications: [left] }));
    assert.deepEqual(changesOf(plan, "metrics-write-paths-prom.example.com"), []);
  });

  it("leaves policies over that name its tokens, and says where they still are", () => {
    const wiki = policy("wiki");
    const own = policy("sitepass/prod/push metrics 1/32");
    const other = policy("other", { include: letsIn("osaka") });
    const plan = planFor(
      handmade({
        policies: [push, wiki, own, other],
        applications: [
          ...handmade().applications,
          application("Wiki", ["wiki.example.com"], { policies: [attached(wiki)] }),
        ],
      }),
    );
    assert.deepEqual(
      plan.leftOver.map(({ says }) => says),
      [
        'policy "push": stays in the account and names 1 site token; a site cannot be removed while it does (error 12139). Delete it in the dashboard after the first `up`.',
        'policy "wiki": stays on "Wiki" and names 1 site token; a site cannot be removed while it does (error 12139). Take its token out in the dashboard before you remove a site.',
      ],
    );
  });
});

describe("which application becomes which", () => {
  it("takes one on the write paths for itself, beside one on the whole host", () => {
    const plan = planMetrics(
      withPrometheus([
        application("Rest", ["prom.example.com/*"]),
        application("Write", ["prom.example.com/api/v1/write"], { policies: [attached(push)] }),
      ]),
    );
    assert.deepEqual(become(plan).slice(1, 3), [
      'application "Write" > metrics/metrics-write-paths-prom.example.com',
      'application "Rest" > metrics/metrics-whole-host-prom.example.com',
    ]);
    assert.deepEqual(plan.refusals, []);
  });

  it("keeps the audience where the tunnel checks for it", () => {
    const checked = { access: { required: true, teamName: "example-team", audTag: ["Prometheus-aud"] } };
    const plan = planMetrics(
      handmade({
        tunnelConfiguration: {
          rules: [rule("prom.example.com", "http://localhost:9090", { originRequest: checked }), notFound],
          originRequest: {},
          privateNetworks: false,
        },
      }),
    );
    assert.deepEqual(
      become(plan)[1],
      'application "Prometheus" > metrics/metrics-write-paths-prom.example.com',
    );
    assert.deepEqual(
      changesOf(plan, "metrics-write-paths-prom.example.com")?.map(({ property }) => property),
      [
        "name",
        "domain",
        "destinations",
        "policies",
        "sessionDuration",
        "serviceAuth401Redirect",
        "appLauncherVisible",
      ],
    );
    assert.ok(
      plan.notes.includes(
        'application "Prometheus": becomes the one on the write paths, because the tunnel checks for its audience; `up` makes another one for the rest of prom.example.com.',
      ),
    );
  });

  it("says when the rest of a host is unguarded for a moment", () => {
    const both = application("Both", ["prom.example.com", "prom.example.com/api/v1/write"], {
      policies: [attached(push)],
    });
    const plan = planMetrics(withPrometheus([both]));
    assert.deepEqual(become(plan)[1], 'application "Both" > metrics/metrics-write-paths-prom.example.com');
    assert.ok(
      plan.notes.includes(
        'application "Both": covers the whole of prom.example.com and a write path. `up` narrows it to the write paths, and then makes another one for the rest of the host; for the moment between the two nothing guards that rest.',
      ),
    );
  });

  it("refuses one whose other hosts would lose their protection", () => {
    const shared = application("Shared", ["prom.example.com", "grafana.example.com"], {
      policies: [attached(push)],
    });
    assert.deepEqual(planMetrics(withPrometheus([shared])).refusals, [
      'application "Shared": covers grafana.example.com besides prom.example.com, and `up` would take the protection away from there. In the dashboard, first make an application of its own for each path that is used there (the more specific path decides), then take grafana.example.com out of this one, and cover the rest of that host with an application too.',
    ]);
  });

  it("refuses one of another type, and two for one place", () => {
    const ssh = application("Terminal", ["prom.example.com"], { type: "ssh", policies: [attached(push)] });
    assert.deepEqual(planMetrics(withPrometheus([ssh])).refusals, [
      'application "Terminal": covers prom.example.com, and is of the type ssh, which cannot be changed. Delete it or move it to another host in the dashboard.',
    ]);
    const two = ["/loki/api/v1/push", "/otlp/v1/logs"].map((path) =>
      application(`Loki ${path}`, [`loki.example.com${path}`], { policies: [attached(push)] }),
    );
    assert.deepEqual(planFor(handmade({ applications: two })).refusals, [
      'sitepass:endpoints.logs.hostname: is "loki.example.com", and the applications "Loki /loki/api/v1/push" and "Loki /otlp/v1/logs" share the write paths there, where the stack has one. In the dashboard, put all of the paths into one of them and delete the others.',
    ]);
  });

  it("refuses one where the stack has another already", () => {
    const endpoint = { signal: "metrics", hostname: "prom.example.com", paths: ["/api/v1/write"] } as const;
    const { type, name, formerName = "" } = declaredApplication(endpoint, "wholeHost");
    for (const its of [name, formerName]) {
      assert.deepEqual(planMetrics(handmade(), { resources: [resource(type, its, "another-id")] }).refusals, [
        'application "Prometheus": covers the whole host of prom.example.com, and the stack has another application for that (another-id). Delete it in the dashboard.',
      ]);
    }
  });

  it("says what becomes of applications on other paths and on wildcard hosts", () => {
    const people = policy("people", {
      decision: "allow",
      include: [{ email_domain: { domain: "example.com" } }],
    });
    const beside = application("Graphs", ["prom.example.com/graph"], { policies: [attached(people)] });
    const around = application("All", ["*.example.com"]);
    const byTunnel = planMetrics(withPrometheus([prometheus(), beside, around]));
    assert.deepEqual(byTunnel.losses, [
      'application "Graphs": lets people or programs in on prom.example.com/graph, and the tunnel will lead to the write paths of prom.example.com alone. Move it to another host name first.',
    ]);
    assert.ok(
      byTunnel.notes.includes(
        'application "All": covers *.example.com and stays as it is; on prom.example.com the stack\'s own, more specific applications decide from the next `up` on.',
      ),
    );
    const byAddress = planMetrics(withPrometheus([prometheus(), beside], { records: [] }), {
      config: publishedByAddress("203.0.113.10"),
    });
    assert.deepEqual(byAddress.losses, []);
    assert.ok(
      byAddress.notes.includes(
        'application "Graphs": lets people or programs in on prom.example.com/graph, past the stack\'s refusal of everything but the write paths, and stays as it is. Delete it or move it to another host name if that is not meant.',
      ),
    );
  });

  it("counts as lost a header that carries tokens, and names settings that go", () => {
    const plan = planMetrics(
      withPrometheus([prometheus({ tokenHeader: "X-Access", otherSettings: ["cors_headers", "tags"] })]),
    );
    assert.deepEqual(plan.losses, [
      'application "Prometheus": takes service tokens from the header X-Access too, and `up` drops that. Let every collector send CF-Access-Client-Id and CF-Access-Client-Secret first.',
    ]);
    assert.ok(
      plan.notes.includes(
        'application "Prometheus": has settings that the stack does not declare and `up` puts back to their defaults: cors_headers, tags.',
      ),
    );
  });
});

describe("whom policies let in that `up` does not", () => {
  /** What is said when the application has this policy beside the sites' own. */
  function beside(values: Parameters<typeof policy>[1], inline = false) {
    const other = policy("other", values);
    const plan = planMetrics(
      withPrometheus([prometheus({ policies: [attached(push), attached(other, { reusable: !inline })] })], {
        tokens: [token("tokyo"), token("osaka")],
        policies: inline ? [push] : [push, other],
      }),
      { choices: { match: ["tokyo"], named: [], skip: [] } },
    );
    const about = (texts: readonly string[]) => texts.filter((text) => text.includes('policy "other"'));
    return { losses: about(plan.losses), notes: about(plan.notes) };
  }
  const its = 'application "Prometheus": its policy "other"';

  it("are people who log in", () => {
    assert.deepEqual(beside({ decision: "allow", include: [{ everyone: {} }] }), {
      losses: [
        `${its} lets people log in on prom.example.com, and \`up\` lets nobody in there but sites. Give people a host name of their own first.`,
      ],
      notes: [],
    });
  });

  it("is everybody, where a policy bypasses Access", () => {
    assert.deepEqual(beside({ decision: "bypass", include: [{ everyone: {} }] }).losses, [
      `${its} lets everybody in on prom.example.com without asking, and \`up\` refuses what pushes without a site's token. Give every collector a token first.`,
    ]);
  });

  it("are whom a bypass policy lets in, and nobody where its rules match nobody without a log-in", () => {
    assert.deepEqual(beside({ decision: "bypass", include: [{ ip: { ip: "192.0.2.0/24" } }] }).losses, [
      `${its} lets in by ip on prom.example.com without asking, and \`up\` refuses what pushes without a site's token. Give every collector a token first.`,
    ]);
    const people = [{ email_domain: { domain: "example.com" } }];
    assert.deepEqual(beside({ decision: "bypass", include: people }).losses, []);
    assert.deepEqual(beside({ include: people }).losses, []);
  });

  it("are not tokens that a policy names and then excludes", () => {
    assert.deepEqual(beside({ include: letsIn("osaka"), exclude: letsIn("osaka") }).losses, []);
  });

  it("cannot be told where Cloudflare does not show a policy's rules", () => {
    const hidden = attached(policy("hidden"), { include: undefined });
    const view = withPrometheus([prometheus({ policies: [attached(push), hidden] })]);
    assert.deepEqual(planMetrics(view).refusals, [
      'application "Prometheus": lets tokens in on prom.example.com that it does not name (policy "hidden"), so which of the account\'s 1 service token push cannot be seen. Choose them with --match, such as --match "site-*", or one by one with --site.',
    ]);
    assert.deepEqual(planMetrics(view, { choices: { match: ["tokyo"], named: [], skip: [] } }).losses, [
      'application "Prometheus": its policy "hidden" has rules that Cloudflare does not show, and `up` lets in by the sites\' service tokens alone. Look at it in the dashboard, and give whatever pushes by it a token first.',
    ]);
  });

  it("are tokens that become no site, and what is let in by something else", () => {
    assert.deepEqual(
      beside({
        include: [...letsIn("osaka", "gone"), { ip: { ip: "192.0.2.0/24" } }, { group: { id: "g" } }],
      }).losses,
      [
        `${its} lets in 2 service tokens that become no site ("osaka", "gone-id"), and \`up\` shuts them out. Choose them too, or make sure that nobody uses them.`,
        `${its} also lets in by ip and group, and \`up\` lets in by the sites' service tokens alone. Give whatever pushes that way a token first.`,
      ],
    );
  });

  it("are not those whom conditions or a block kept out, nor tokens under Allow; and inline policies go", () => {
    assert.deepEqual(beside({ require: [{ ip: { ip: "192.0.2.1/32" } }] }), {
      losses: [],
      notes: [
        `${its} asks for more than a token (ip), and the stack's policies do not: \`up\` drops that condition.`,
      ],
    });
    assert.deepEqual(beside({ decision: "deny", include: [{ geo: { country_code: "AQ" } }] }), {
      losses: [],
      notes: [`${its} blocks by geo, and \`up\` takes it off.`],
    });
    assert.deepEqual(beside({ decision: "allow", include: letsIn("osaka") }, true).notes, [
      `${its} names 1 service token under the decision allow, which lets no token in, so it counts as not let in.`,
      `${its} belongs to this application alone and is deleted when \`up\` takes it off.`,
    ]);
  });
});

describe("the tunnel", () => {
  const ingress = (...rules: IngressRule[]) => ({
    rules: [...rules, notFound],
    originRequest: {},
    privateNetworks: false,
  });
  const usual = rule("prom.example.com", "http://localhost:9090");

  it("loses no route of others in silence", () => {
    const plan = planMetrics(
      handmade({
        tunnelConfiguration: {
          rules: [
            rule("grafana.example.com", "http://localhost:3000"),
            rule("prom.example.com", "http://localhost:9093", { path: "^/alerts" }),
            usual,
            rule("*.example.com", "http://localhost:80"),
            rule("", "http://localhost:8080"),
          ],
          originRequest: { noTLSVerify: true, connectTimeout: 0 },
          privateNetworks: true,
        },
      }),
    );
    assert.deepEqual(plan.losses, [
      'tunnel "central": leads grafana.example.com to http://localhost:3000, and `up` replaces its rules by those of this stack. Move that to a tunnel of its own first.',
      'tunnel "central": leads prom.example.com^/alerts to http://localhost:9093, and `up` leaves nothing of that host but its write paths. Move it to another host name first.',
      'tunnel "central": leads *.example.com to http://localhost:80, and `up` replaces its rules by those of this stack. Move that to a tunnel of its own first.',
      'tunnel "central": leads every other host name to http://localhost:8080, and `up` replaces its rules by those of this stack. Move that to a tunnel of its own first.',
      'tunnel "central": serves private networks too (warp-routing), and `up` writes a configuration without that. Move them to a tunnel of their own first.',
      'tunnel "central": has settings for all of its rules (noTLSVerify), and `up` drops them. Make sure that the origins work without them.',
    ]);
  });

  it("is told from where the configuration leads elsewhere", () => {
    const plan = planMetrics(
      handmade({
        tunnelConfiguration: ingress(
          rule("prom.example.com", "https://10.0.0.5:9090", {
            originRequest: { noTLSVerify: true, httpHostHeader: "" },
          }),
        ),
      }),
    );
    assert.deepEqual(plan.losses, [
      "sitepass:endpoints.metrics.origin: is http://localhost:9090, and the tunnel leads prom.example.com to https://10.0.0.5:9090 today. Set it to that, or pushes go elsewhere from the next `up` on.",
      'tunnel "central": its rule for prom.example.com has the settings noTLSVerify, and `up` drops them. Make sure that http://localhost:9090 works without them.',
    ]);
  });

  it("is refused where `up` would have to make another", () => {
    const local = {
      id: "central-id",
      name: "central",
      configSrc: "local",
      status: "healthy",
      deletedAt: null,
    };
    assert.deepEqual(planFor(handmade({ tunnels: [local], tunnelConfiguration: undefined })).refusals, [
      'tunnel "central": takes its ingress rules from a file on its host, and `up` would delete it and make another, for which every connector needs a new token. Migrate it in the dashboard first (Networks > Tunnels), or set sitepass:publish.tunnel.name to a new name.',
    ]);
  });

  it("is looked for where the hosts lead, when none has the configured name", () => {
    const other = { ...handmade().tunnels[0], id: "central-id", name: "monitoring" };
    const view = handmade({
      tunnels: [{ configSrc: "cloudflare", status: undefined, deletedAt: null, ...other }],
      tunnelConfiguration: undefined,
    });
    assert.deepEqual(planMetrics(view).refusals, [
      'sitepass:publish.tunnel.name: is "central", which no tunnel of the account has, and the tunnel "monitoring" serves prom.example.com. Set it to that name, or `up` makes a new tunnel without a connector.',
    ]);
  });

  it("is refused where the stack has another already", () => {
    assert.deepEqual(
      planFor(handmade(), { resources: [resource(resourceTypes.tunnel, "tunnel", "another-id")] }).refusals,
      [
        'tunnel "central": has the configured name, and the stack has another tunnel already (another-id). Give sitepass:publish.tunnel.name the name of that one.',
      ],
    );
  });
});

describe("a fleet that pushes one of the stack's signals", () => {
  const [prometheus] = handmade().applications;
  assert.ok(prometheus !== undefined);
  const withRules = (...rules: readonly ReturnType<typeof rule>[]) =>
    planFor(
      handmade({
        applications: [prometheus],
        records: [record("prom.example.com")],
        tunnelConfiguration: { rules: [...rules], originRequest: {}, privateNetworks: false },
      }),
    );

  it("loses nothing on the host that it does not have", () => {
    const plan = withRules(rule("prom.example.com", "http://localhost:9090"), notFound);
    assert.deepEqual([plan.losses, plan.refusals], [[], []]);
    assert.ok(plan.notes.includes('tunnel "central": has no rule of its own for loki.example.com today.'));
  });

  it("loses nothing there by a rule for many host names either", () => {
    const all = rule("*.example.com", "http://localhost:9090");
    const { losses } = withRules(rule("prom.example.com", "http://localhost:9090"), all, notFound);
    assert.ok(!losses.some((loss) => loss.includes("sitepass:endpoints.logs.origin")), losses.join());
  });

  it("is not advised what the configuration then refuses", () => {
    assert.deepEqual(withRules(rule("prom.example.com", "https://10.0.0.5:9090/"), notFound).losses, [
      "sitepass:endpoints.metrics.origin: is http://localhost:9090, and the tunnel leads prom.example.com to https://10.0.0.5:9090 today. Set it to that, or pushes go elsewhere from the next `up` on.",
    ]);
    assert.deepEqual(withRules(rule("prom.example.com", "unix:/run/prometheus.sock"), notFound).losses, [
      "sitepass:endpoints.metrics.origin: is http://localhost:9090, and the tunnel leads prom.example.com to unix:/run/prometheus.sock today. Set it to that, or pushes go elsewhere from the next `up` on.",
    ]);
    assert.deepEqual(withRules(rule("prom.example.com", "unix+tls:/run/prometheus.sock"), notFound).losses, [
      "sitepass:endpoints.metrics.origin: is http://localhost:9090, and the tunnel leads prom.example.com to unix+tls:/run/prometheus.sock today. Let the service listen there too, because the stack's tunnel leads to http and https addresses and to sockets alone.",
    ]);
  });
});

describe("an account that is shown in part", () => {
  it("may hold what is lost", () => {
    const says = {
      subject: "CLOUDFLARE_API_TOKEN",
      says: "is shown 1 of the account's 3 service tokens",
      todo: "Change it",
    };
    assert.deepEqual(planFor(handmade({ unseen: [says] })).losses, [
      "CLOUDFLARE_API_TOKEN: is shown 1 of the account's 3 service tokens. Change it.",
    ]);
  });
});

describe("the DNS records", () => {
  const lossesWith = (records: readonly ReturnType<typeof record>[], config = metricsOnly) =>
    planMetrics(handmade({ records }), { config }).losses;

  it("are taken over with what changes: where they lead, and whether through the proxy", () => {
    assert.deepEqual(
      lossesWith([record("prom.example.com", { content: "old.example.net", proxied: false })]),
      [
        "record prom.example.com: leads to old.example.net today, and to central-id.cfargotunnel.com after `up`. Make sure that pushes are served there.",
        "record prom.example.com: is not proxied, so pushes go around Access today. `up` turns the proxy on, and then refuses what pushes without a site's token. Give every collector one first.",
      ],
    );
    assert.deepEqual(lossesWith([record("prom.example.com", { type: "A", content: "203.0.113.10" })]), [
      "record prom.example.com: is A 203.0.113.10, and `up` deletes it before it makes a CNAME; whoever asks in between may not find the name for as long as the zone's negative TTL says. Collectors that retry lose nothing.",
    ]);
  });

  it("are refused where several would have to become one CNAME, or the name is delegated", () => {
    const a = record("prom.example.com", { id: "a", type: "A", content: "203.0.113.10" });
    const aaaa = record("prom.example.com", { id: "aaaa", type: "AAAA", content: "2001:db8::1" });
    const text = record("prom.example.com", { id: "txt", type: "TXT", content: "hello" });
    assert.deepEqual(planMetrics(handmade({ records: [a, aaaa, text] })).refusals, [
      "record prom.example.com: there are 2 (A 203.0.113.10, AAAA 2001:db8::1), and the stack has one CNAME. Delete all but one in the dashboard, or publish by address.",
    ]);
    const ns = record("prom.example.com", { type: "NS", content: "ns.example.net" });
    assert.deepEqual(planMetrics(handmade({ records: [ns] })).refusals, [
      "record prom.example.com: is delegated to other name servers (NS ns.example.net). Take another host name, or delete the NS records.",
    ]);
  });

  it("are taken over by address where that is how the hosts are published, the nearest one of several", () => {
    const config = publishedByAddress("203.0.113.10");
    const records = ["203.0.113.9", "203.0.113.10"].map((content) =>
      record("prom.example.com", { id: content, type: "A", content }),
    );
    const plan = planMetrics(handmade({ records }), { config });
    assert.deepEqual(
      plan.adoptions
        .filter(({ becomes }) => becomes.type === resourceTypes.record)
        .map(({ importId }) => importId),
      [`${zoneId}/203.0.113.10`],
    );
    assert.deepEqual(plan.losses, [
      "record prom.example.com: A 203.0.113.9 stays beside the one that the stack has, and takes a part of the pushes. Delete it in the dashboard.",
    ]);
  });

  it("are refused where the stack has another already", () => {
    assert.deepEqual(
      planMetrics(handmade(), {
        resources: [resource(resourceTypes.record, "metrics", "another-id")],
      }).refusals,
      [
        "record prom.example.com: does not belong to the stack, which has another one for metrics (another-id). Delete it in the dashboard.",
      ],
    );
  });

  it("are not needed: what is not there is made by `up`, and hosts that nothing guards are named", () => {
    const plan = planMetrics(handmade({ records: [], applications: [], policies: [] }), {
      choices: { match: ["tokyo"], named: [], skip: [] },
    });
    assert.deepEqual(plan.refusals, []);
    assert.ok(
      plan.notes.includes(
        'sitepass:endpoints.metrics.hostname: is "prom.example.com", which no Access application covers: whatever pushes there without a token today is refused after `up`.',
      ),
    );
  });
});
