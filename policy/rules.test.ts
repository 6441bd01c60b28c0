import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { PolicyResource, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import { unknownCheckingProxy } from "@pulumi/policy";
import { signals } from "../fleet/signals";
import { recordProgram } from "../test/support/recorded-declarations";
import { hostNameOf } from "./host-names";
import { policyOf } from "./rule";
import { rules } from "./rules/rules";
import { settingsFrom, type Settings } from "./settings";

/** What the SDK puts for text that a preview does not know; its constant is not exported. */
const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

interface Declared {
  readonly kind: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  /** Names of the resources that each property's value comes from. */
  readonly from?: Readonly<Record<string, readonly string[]>>;
}

const application = (name: string, uris: readonly string[], more: object = {}): Declared => ({
  kind: "ZeroTrustAccessApplication",
  name,
  props: {
    type: "self_hosted",
    domain: uris[0],
    destinations: uris.map((uri) => ({ type: "public", uri })),
    policies: [{ id: unknownText, precedence: 1 }],
    serviceAuth401Redirect: true,
    ...more,
  },
  from: "policies" in more ? {} : { policies: ["sites"] },
});

const policy = (
  name: string,
  decision: string,
  includes: readonly unknown[],
  tokens: readonly string[] = [],
) => ({
  kind: "ZeroTrustAccessPolicy",
  name,
  props: { decision, includes },
  from: { includes: tokens },
});

const token = (name: string, duration?: string): Declared => ({
  kind: "ZeroTrustAccessServiceToken",
  name,
  props: { name, ...(duration === undefined ? {} : { duration }) },
});

const record = (name: string, more: object = {}): Declared => ({
  kind: "DnsRecord",
  name: `record of ${name}`,
  props: { name, type: "CNAME", content: "tunnel.cfargotunnel.com", proxied: true, ...more },
});

const access = { required: true, teamName: "acme", audTags: [unknownText] };
const pushRule = {
  hostname: "prom.example.com",
  path: "^/api/v1/write$",
  service: "http://localhost:9090",
  originRequest: { access },
};
const ingress = (...ingresses: readonly object[]): Declared => ({
  kind: "ZeroTrustTunnelCloudflaredConfig",
  name: "ingress",
  props: { tunnelId: unknownText, config: { ingresses } },
});
const notFound = { service: "http_status:404" };

/** A sound way for pushes, without anything of sitepass' in it. */
const sound: readonly Declared[] = [
  token("tokyo", "8760h"),
  policy("sites", "non_identity", [{ serviceToken: { tokenId: unknownText } }], ["tokyo"]),
  application("write", ["prom.example.com/api/v1/write"]),
  application("rest", ["prom.example.com"], {
    policies: [{ decision: "non_identity", includes: [{ ip: { ip: "192.0.2.1/32" } }], precedence: 1 }],
  }),
  ingress(pushRule, notFound),
  record("prom.example.com"),
];

/** Somebody's dashboard in the same stack. */
const dashboard: readonly Declared[] = [
  policy("staff", "allow", [{ emailDomain: { domain: "example.com" } }]),
  {
    ...application("grafana", ["grafana.example.com"], { serviceAuth401Redirect: undefined }),
    from: { policies: ["staff"] },
  },
  application("open", ["status.example.com"], {
    policies: [{ decision: "bypass", includes: [{ everyone: {} }] }],
  }),
  record("status.example.com", { proxied: false }),
  record("prom.example.com", { type: "TXT", proxied: false }),
  token("robot of the dashboard", "forever"),
];

/** Everything that the pack says, as `<name of the rule>, <resource>: <message>`: early of the resource alone, then of the stack. */
async function said(
  declared: readonly Declared[],
  settings: Settings = settingsFrom(),
  config: Readonly<Record<string, object>> = {},
): Promise<{ readonly early: readonly string[]; readonly late: readonly string[] }> {
  const resources = declared.map(({ kind, name, props }): PolicyResource => ({
    type: `cloudflare:index/${kind.charAt(0).toLowerCase()}${kind.slice(1)}:${kind}`,
    name,
    urn: `urn:${name}`,
    // The package leaves its type out.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call
    props: unknownCheckingProxy(props),
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      additionalSecretOutputs: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
    },
    dependencies: [],
    propertyDependencies: {},
    isType: () => false,
    asType: () => undefined,
  }));
  resources.forEach((resource, index) => {
    for (const [property, names] of Object.entries(declared[index]?.from ?? {})) {
      resource.propertyDependencies[property] = resources.filter(({ name }) => names.includes(name));
    }
  });
  const early: string[] = [];
  const late: string[] = [];
  for (const rule of rules) {
    const { validateResource, validateStack } = policyOf(rule, settings);
    const common = {
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
      getConfig: <T extends object>() => (config[rule.name] ?? {}) as T,
      stackTags: new Map<string, string>(),
      notApplicable: () => {
        throw new Error("every rule looks at everything");
      },
    };
    for (const { type, name, urn, props, opts } of resources) {
      const args: ResourceValidationArgs = {
        type,
        name,
        urn,
        props,
        opts,
        isType: () => false,
        asType: () => undefined,
        ...common,
      };
      if (typeof validateResource === "function") {
        await validateResource(args, (message) => early.push(`${rule.name}, ${name}: ${message}`));
      }
    }
    const args: StackValidationArgs = { resources, ...common };
    await validateStack(args, (message, urn = "") => late.push(`${rule.name}, ${urn.slice(4)}: ${message}`));
  }
  return { early, late };
}

/** The sound way with some resources put in place of those of the same name, and others added. */
const changed = (...changes: readonly Declared[]): readonly Declared[] => [
  ...sound.map((one) => changes.find(({ name }) => name === one.name) ?? one),
  ...changes.filter(({ name }) => !sound.some((one) => one.name === name)),
];

const nothing = { early: [], late: [] };

const allowing = { policies: [{ decision: "allow", includes: [{ email: { email: "a@example.com" } }] }] };

describe("the policy pack", () => {
  it("says nothing of a sound way for pushes, and of what has nothing to do with pushes", async () => {
    assert.deepEqual(await said(sound), nothing);
    assert.deepEqual(await said(dashboard), nothing);
    assert.deepEqual(await said([...sound, ...dashboard]), nothing);
  });

  it("says nothing of another path of a push host, and of another host of its tunnel", async () => {
    const grafana = { hostname: "grafana.example.com", service: "http://localhost:3000" };
    assert.deepEqual(
      await said([
        ...changed(ingress(pushRule, grafana, notFound)),
        application("grafana", ["prom.example.com/grafana"], {
          policies: [{ decision: "allow", includes: [{ everyone: {} }] }],
          serviceAuth401Redirect: false,
        }),
      ]),
      nothing,
    );
  });

  it("says nothing of who is refused, of services that are not known yet, and of a path that begins otherwise", async () => {
    const soon = { service: unknownText, originRequest: { access } };
    assert.deepEqual(
      await said([
        ...changed(
          application("rest", ["prom.example.com"], {
            policies: [{ decision: "deny", includes: [{ everyone: {} }] }],
          }),
          ingress(
            { ...pushRule, ...soon },
            { hostname: "grafana.example.com", service: unknownText },
            notFound,
          ),
        ),
        application("grafana", ["prom.example.com/graf*"], {
          ...allowing,
          serviceAuth401Redirect: false,
        }),
      ]),
      nothing,
    );
  });

  it("knows the write paths of every signal", () => {
    const { writePaths } = settingsFrom();
    for (const { defaultPaths } of Object.values(signals)) {
      for (const path of defaultPaths) {
        assert.ok(writePaths.includes(path), path);
      }
    }
  });

  it("knows further hosts and paths from the stack's configuration, of sitepass and of its own", async () => {
    const open = [application("in", ["in.example.com/push"], { serviceAuth401Redirect: false })];
    assert.deepEqual(await said(open), nothing);
    for (const settings of [
      settingsFrom({ metrics: { hostname: "in.example.com", paths: ["/push"] } }),
      settingsFrom(undefined, undefined, ["/push/"]),
      settingsFrom(undefined, ["IN.example.com"], ["/push"]),
    ]) {
      const { early } = await said(open, settings);
      assert.equal(early.length, 1);
      assert.match(early.join(""), /^push-answer-401, in: serviceAuth401Redirect is false/);
    }
  });

  it("knows a host by each of its spellings", () => {
    for (const [text, name] of [
      ["Prom.Example.com.", "prom.example.com"],
      ["M\u00fcnchen.example", "xn--mnchen-3ya.example"],
      ["*.Example.com", "*.example.com"],
      ["prom-*.example.com", "prom-*.example.com"],
      ["a_b.example.com", "a_b.example.com"],
      ["a b", "a b"],
      ["", ""],
    ] as const) {
      assert.equal(hostNameOf(text), name);
    }
  });

  it("knows resources by their former names too", async () => {
    const { early } = await said([
      {
        ...application("write", ["prom.example.com/api/v1/write"], { serviceAuth401Redirect: false }),
        kind: "AccessApplication",
      },
    ]);
    assert.match(early.join(), /^push-answer-401, write:/);
  });
});

const stack = {
  accountId: "0123456789abcdef0123456789abcdef",
  zone: "example.com",
  endpoints: { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
  publish: { tunnel: { name: "central" } },
  teamName: "acme",
};

/** Stacks of the project's own program. */
const stacks: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["a tunnel", stack],
  ["a tunnel, with a gate", { ...stack, identity: "label", protect: true, alertEmails: ["ops@example.com"] }],
  [
    "addresses",
    { ...stack, publish: { addresses: { metrics: "203.0.113.10", logs: "central.example.net" } } },
  ],
  [
    "both signals on one kind of path of their own",
    {
      ...stack,
      endpoints: {
        metrics: { hostname: "prom.example.com", paths: ["/in/metrics", "/api/v1/write"] },
        logs: { hostname: "loki.example.com", paths: ["/in/logs"] },
      },
    },
  ],
  ["one signal", { ...stack, endpoints: { metrics: { hostname: "prom.example.com" } } }],
];

describe("the program under the policy pack", () => {
  for (const [what, configuration] of stacks) {
    it(`breaks no rule with ${what}`, async () => {
      const sites = {
        tokyo: "",
        osaka: "signals: [metrics]",
        kyoto: "token: { enabled: false, duration: 720h }",
      };
      const declarations = await recordProgram({ sites, configuration });
      const declared = declarations
        .filter(({ parent }) => parent !== "")
        .map(({ resource, inputs, after }): Declared => {
          const [kind = "", ...name] = resource.split(" ");
          const from = after.map((one) => one.split(" ").slice(1).join(" "));
          return { kind, name: name.join(" "), props: inputs, from: { policies: from, includes: from } };
        });
      assert.ok(declared.length > 10);
      assert.deepEqual(await said(declared, settingsFrom(configuration.endpoints)), nothing);
      // Were it blind, it would say nothing either.
      const without401 = declared.map((one) => ({
        ...one,
        props: { ...one.props, serviceAuth401Redirect: false },
      }));
      const { early } = await said(without401, settingsFrom(configuration.endpoints));
      const applications = declared.filter(({ kind }) => kind === "ZeroTrustAccessApplication");
      assert.equal(early.length, applications.length);
    });
  }
});

interface Broken {
  readonly what: string;
  readonly declared: readonly Declared[];
  readonly early?: readonly string[];
  readonly late?: readonly string[];
}

const loginPage =
  "Access answers a wrong or expired token with a redirect to its login page, and collectors take that page for a delivery";
const serviceAuth = 'Write "non_identity", which the dashboard calls Service Auth.';
const byId = "Include each site's token by its ID, as { serviceToken: { tokenId } }.";
const unanswered =
  "a refused push is answered with 403, or with a redirect to a login page, which collectors take for a delivery. Set serviceAuth401Redirect: true.";
const uncovered =
  "whatever else is asked of it, queries and reloads among them, reaches the store unchecked. Declare an application whose destination is prom.example.com, with a Service Auth policy that lets nobody in.";
const unchecked =
  "should its application be deleted or loosened, everybody could write to the store. Give the rule itself originRequest: { access: { required: true, teamName, audTags: [the application's aud] } }.";
const theRule = "push-ingress-checked, ingress: ingress rule 1 (prom.example.com) to http://localhost:9090";
const without = (name: string): readonly Declared[] => sound.filter((one) => one.name !== name);
const pushRuleWith = (given: object): Declared =>
  ingress({ ...pushRule, originRequest: { access: given } }, notFound);

const broken: readonly Broken[] = [
  {
    what: "an Allow policy on the beginning of a write path",
    declared: changed(application("start", ["prom.example.com/api/v1/wri*"], allowing)),
    late: [
      `push-only-service-auth, start: its policy 1 has the decision "allow": ${loginPage}. ${serviceAuth}`,
    ],
  },
  {
    what: "an Allow policy on the same host, written otherwise",
    declared: changed(application("again", ["HTTPS://Prom.Example.com.:443/"], allowing)),
    late: [
      `push-only-service-auth, again: its policy 1 has the decision "allow": ${loginPage}. ${serviceAuth}`,
    ],
  },
  {
    what: "one half of all addresses, and a country",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], {
        policies: [
          {
            decision: "non_identity",
            includes: [
              { ip: { ip: "128.0.0.0/1" } },
              { ip: { ip: "2000::/3" } },
              { geo: { countryCode: "JP" } },
            ],
          },
        ],
      }),
    ),
    early: [
      `push-only-named-tokens, write: its policy 1 includes the network 128.0.0.0/1: a large part of the internet may write to the store, without a token. ${byId}`,
      `push-only-named-tokens, write: its policy 1 includes the network 2000::/3: a large part of the internet may write to the store, without a token. ${byId}`,
      `push-only-named-tokens, write: its policy 1 includes a country: whoever is there may write to the store, without a token. ${byId}`,
    ],
  },
  {
    what: "everyone, by way of a group",
    declared: changed(policy("sites", "non_identity", [{ group: { id: unknownText } }], ["people"]), {
      kind: "ZeroTrustAccessGroup",
      name: "people",
      props: { includes: [{ everyone: {} }] },
    }),
    late: [
      `push-only-named-tokens, write: its group people includes everyone: whoever knows the host name may write to the store, without a token. ${byId}`,
    ],
  },
  {
    what: "an application on every folder of the host, and none on the whole",
    declared: changed(application("rest", ["prom.example.com/*/more"])),
    late: [
      `push-hosts-covered, record of prom.example.com: prom.example.com has Access applications on paths alone: ${uncovered}`,
    ],
  },
  {
    what: "another host that leads to the same store, written otherwise",
    declared: changed(
      ingress(pushRule, { hostname: "queries.example.com", service: "HTTP://127.0.0.1:9090/" }, notFound),
    ),
    early: [
      `push-ingress-checked, ingress: ingress rule 2 (queries.example.com) to HTTP://127.0.0.1:9090/ has no originRequest.access of its own, and cloudflared ignores the one at the top level: ${unchecked}`,
    ],
  },
  ...["+87600h", "87600.h", "87600h1ns"].map((duration) => ({
    what: `a token for longer than the bounds, as ${duration}`,
    declared: changed(token("tokyo", duration)),
    late: [
      `push-token-duration, tokyo: its duration is ${duration}: should it leak unnoticed, whoever has it pushes until then. Write between 168h and 17520h, or set maximumHours for this rule.`,
    ],
  })),
  {
    what: "a dashboard in the application that pushes come through",
    declared: changed(application("write", ["prom.example.com/api/v1/write", "grafana.example.com"])),
    late: [
      "push-tokens-for-pushes-alone, write: it covers grafana.example.com, which nobody pushes to, beside a push host, and lets in the token tokyo, which sites push with: a credential that leaks at a site opens that too. Give grafana.example.com an application and a token of its own, or name it in sitepass-policy:hosts.",
    ],
  },
  {
    what: "an Allow policy of the application's own",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], {
        policies: [{ decision: "allow", includes: [{ email: { email: "a@example.com" } }] }],
      }),
    ),
    early: [
      `push-only-service-auth, write: its policy 1 has the decision "allow": ${loginPage}. ${serviceAuth}`,
    ],
  },
  {
    what: "a reusable Allow policy, whose ID is not known yet",
    declared: changed(policy("sites", "allow", [{ serviceToken: { tokenId: unknownText } }], ["tokyo"])),
    late: [
      `push-only-service-auth, write: its policy sites has the decision "allow": ${loginPage}. ${serviceAuth}`,
    ],
  },
  {
    what: "a Bypass policy on the whole host",
    declared: changed(
      application("rest", ["prom.example.com/*"], {
        policies: [{ decision: "bypass", includes: [{ ip: { ip: "10.0.0.0/8" } }] }],
      }),
    ),
    late: [
      `push-only-service-auth, rest: its policy 1 has the decision "bypass": Access lets everything through unchecked and unlogged, with or without a token. ${serviceAuth}`,
    ],
  },
  {
    what: "preflight requests that are let through",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], { optionsPreflightBypass: true }),
    ),
    early: [
      "push-only-service-auth, write: optionsPreflightBypass is true: Access lets every OPTIONS request through to the store unchecked. Leave it out; collectors send no such requests.",
    ],
  },
  {
    what: "everyone",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], {
        policies: [{ decision: "non_identity", includes: [{ everyone: {} }] }],
      }),
    ),
    early: [
      `push-only-named-tokens, write: its policy 1 includes everyone: whoever knows the host name may write to the store, without a token. ${byId}`,
    ],
  },
  {
    what: "every valid service token in a reusable policy",
    declared: changed(policy("sites", "non_identity", [{ anyValidServiceToken: {} }])),
    late: [
      `push-only-named-tokens, write: its policy sites includes anyValidServiceToken: every token of the account may push, other teams' too. ${byId}`,
    ],
  },
  {
    what: "every address",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], {
        policies: [{ decision: "non_identity", includes: [{ ip: { ip: "0.0.0.0/0" } }] }],
      }),
    ),
    early: [
      `push-only-named-tokens, write: its policy 1 includes the network 0.0.0.0/0: every address may write to the store, without a token. ${byId}`,
    ],
  },
  {
    what: "no 401 on the write paths",
    declared: changed(
      application("write", ["prom.example.com/api/v1/write"], { serviceAuth401Redirect: false }),
    ),
    early: [`push-answer-401, write: serviceAuth401Redirect is false: ${unanswered}`],
  },
  {
    what: "no 401 on the whole host, which only the stack shows to be a push host",
    declared: changed(application("rest", ["prom.example.com"], { serviceAuth401Redirect: undefined })),
    late: [`push-answer-401, rest: serviceAuth401Redirect is missing: ${unanswered}`],
  },
  {
    what: "no application on the whole host",
    declared: without("rest"),
    late: [
      `push-hosts-covered, record of prom.example.com: prom.example.com has Access applications on paths alone: ${uncovered}`,
    ],
  },
  {
    what: "no application at all",
    declared: without("rest").filter(({ name }) => name !== "write"),
    late: [
      `push-hosts-covered, record of prom.example.com: prom.example.com has no Access application: ${uncovered}`,
    ],
  },
  {
    what: "a record that is not proxied",
    declared: changed(record("prom.example.com", { proxied: false })),
    late: [
      "push-records-proxied, record of prom.example.com: proxied is false on a record of prom.example.com: pushes go around Access, with their token, to whatever answers there. Set proxied: true.",
    ],
  },
  {
    what: "a record by its short name that does not say",
    declared: [
      ...without("record of prom.example.com"),
      record("prom", { type: "A", content: "203.0.113.10", proxied: undefined }),
    ],
    late: [
      "push-records-proxied, record of prom: proxied is missing on a record of prom.example.com: pushes go around Access, with their token, to whatever answers there. Set proxied: true.",
    ],
  },
  {
    what: "a rule without access",
    declared: changed(ingress({ ...pushRule, originRequest: undefined }, notFound)),
    early: [
      `${theRule} has no originRequest.access of its own, and cloudflared ignores the one at the top level: ${unchecked}`,
    ],
  },
  {
    what: "a rule whose access is not required",
    declared: changed(pushRuleWith({ ...access, required: false })),
    early: [`${theRule} has originRequest.access with required false: ${unchecked}`],
  },
  {
    what: "a rule whose access names no team",
    declared: changed(pushRuleWith({ ...access, teamName: "" })),
    early: [`${theRule} has originRequest.access without a teamName: ${unchecked}`],
  },
  {
    what: "a rule whose access names no audience",
    declared: changed(pushRuleWith({ ...access, audTags: [] })),
    early: [
      `${theRule} has originRequest.access without audTags, and would take the assertion of any application: ${unchecked}`,
    ],
  },
  {
    what: "another host that leads to the same store",
    declared: changed(
      ingress(pushRule, { hostname: "queries.example.com", service: "http://localhost:9090" }, notFound),
    ),
    early: [
      `push-ingress-checked, ingress: ingress rule 2 (queries.example.com) to http://localhost:9090 has no originRequest.access of its own, and cloudflared ignores the one at the top level: ${unchecked}`,
    ],
  },
  {
    what: "a last rule that leads to a service",
    declared: changed(ingress(pushRule, { service: "http://localhost:3000", originRequest: { access } })),
    early: [
      `push-ingress-ends-with-404, ingress: its last rule is for every host name and leads to http://localhost:3000: what no other rule names, another path of a push host among it, goes there. End the list with { service: "http_status:404" } alone.`,
    ],
  },
  {
    what: "a token for ever",
    declared: changed(token("tokyo", "forever")),
    late: [
      "push-token-duration, tokyo: its duration is forever: should it leak unnoticed, whoever has it pushes for good. Write at most 17520h and let `sitepass renew` keep it, or set allowForever for this rule.",
    ],
  },
  {
    what: "a token for longer than the bounds",
    declared: changed(token("tokyo", "87600h")),
    late: [
      "push-token-duration, tokyo: its duration is 87600h: should it leak unnoticed, whoever has it pushes until then. Write between 168h and 17520h, or set maximumHours for this rule.",
    ],
  },
  {
    what: "a token for a day",
    declared: changed(token("tokyo", "23h60m")),
    late: [
      "push-token-duration, tokyo: its duration is 23h60m: it ends before a person has read that it does, and the site's pushes are refused from then on. Write between 168h and 17520h, or set minimumHours for this rule.",
    ],
  },
  {
    what: "a site's token that opens a dashboard too",
    declared: [
      ...sound,
      { ...application("grafana", ["grafana.example.com"]), from: { policies: ["sites"] } },
    ],
    late: [
      "push-tokens-for-pushes-alone, grafana: it lets in the token tokyo, which sites push with: a credential that leaks at a site opens this too. Give it a token of its own.",
    ],
  },
];

describe("what the policy pack stops", () => {
  for (const { what, declared, early = [], late = [] } of broken) {
    it(what, async () => {
      assert.deepEqual(await said(declared), { early, late });
    });
  }

  it("goes by other bounds where they are set", async () => {
    const config = { "push-token-duration": { allowForever: true, maximumHours: 100_000, minimumHours: 1 } };
    for (const duration of ["forever", "87600h", "24h"]) {
      assert.deepEqual(await said(changed(token("tokyo", duration)), settingsFrom(), config), nothing);
    }
  });

  it("has a test for every rule, each named in the guide", () => {
    const tried = new Set(
      broken.flatMap(({ early = [], late = [] }) => [...early, ...late]).map((text) => text.split(",")[0]),
    );
    assert.deepEqual([...tried].sort(), rules.map(({ name }) => name).sort());
    const guide = readFileSync(join(__dirname, "..", "docs", "policy-pack.md"), "utf8");
    for (const { name } of rules) {
      assert.ok(guide.includes(`\`${name}\``), name);
    }
  });
});
