import type { AccountApplication, AttachedPolicy } from "../../../cloudflare/access-applications";
import type { AccessRule, AccountPolicy } from "../../../cloudflare/access-policies";
import type { ZoneRecord } from "../../../cloudflare/dns-records";
import type { AccountToken } from "../../../cloudflare/service-tokens";
import type { IngressRule } from "../../../cloudflare/tunnels";
import { parseConfig, type Config } from "../../../fleet/config";
import { orThrow, problemText } from "../../../fleet/problem";
import type { StackResource } from "../../../stack/stack-resources";
import { planAdoption, type AdoptionPlan } from "../adopt-fleet";
import type { AdoptionRequest } from "../adoption-plan";
import type { AccountView } from "../read-account";

/** For tests: the account and zone that handmade fleets are in. */
export const accountId = "0123456789abcdef0123456789abcdef";
export const zoneId = "fedcba9876543210fedcba9876543210";

/** For tests: the configuration of a fleet with both signals, by key without the namespace. */
export const testConfiguration = {
  accountId,
  zone: "example.com",
  endpoints: { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
  publish: { tunnel: { name: "central" } },
  teamName: "example-team",
};

/** For tests: a configuration of one or both signals. */
export function testConfig(values: Readonly<Record<string, unknown>> = {}): Config {
  return orThrow(
    parseConfig(
      Object.fromEntries(
        Object.entries({ ...testConfiguration, ...values }).map(([key, one]) => [
          `sitepass:${key}`,
          typeof one === "string" ? one : JSON.stringify(one),
        ]),
      ),
    ),
  );
}

/** For tests: a token whose ID is its name with `-id`, unless another is given. */
export function token(name: string, values: Partial<AccountToken> = {}): AccountToken {
  return {
    id: `${name}-id`,
    clientId: `${name}.access`,
    name,
    duration: "8760h",
    enabled: true,
    createdAt: "2026-01-01T00:00:00Z",
    expiresAt: "2027-01-01T00:00:00Z",
    lastSeenAt: "2026-11-01T00:00:00Z",
    ...values,
  };
}

export const letsIn = (...names: readonly string[]): readonly AccessRule[] =>
  names.map((name) => ({ service_token: { token_id: `${name}-id` } }));

/** For tests: a reusable Service Auth policy. */
export function policy(name: string, values: Partial<AccountPolicy> = {}): AccountPolicy {
  return {
    id: `${name}-id`,
    name,
    decision: "non_identity",
    include: letsIn("tokyo"),
    exclude: [],
    require: [],
    ...values,
  };
}

export function attached(one: AccountPolicy, values: Partial<AttachedPolicy> = {}): AttachedPolicy {
  return { ...one, precedence: 1, reusable: true, ...values };
}

/** For tests: a self-hosted application. */
export function application(
  name: string,
  destinations: readonly string[],
  values: Partial<AccountApplication> = {},
): AccountApplication {
  return {
    id: `${name}-id`,
    name,
    type: "self_hosted",
    domain: destinations[0] ?? "",
    destinations,
    policies: [],
    aud: `${name}-aud`,
    serviceAuth401Redirect: false,
    sessionDuration: "24h",
    appLauncherVisible: true,
    tokenHeader: undefined,
    otherSettings: [],
    ...values,
  };
}

export function rule(hostname: string, service: string, values: Partial<IngressRule> = {}): IngressRule {
  return { hostname, service, path: "", originRequest: {}, ...values };
}

export function record(name: string, values: Partial<ZoneRecord> = {}): ZoneRecord {
  return {
    id: `${name}-id`,
    type: "CNAME",
    name,
    content: "central-id.cfargotunnel.com",
    proxied: true,
    ttl: 1,
    comment: "",
    ...values,
  };
}

export const notFound = rule("", "http_status:404");

/** For tests: one site, tokyo, that pushes both signals through applications on the whole hosts. */
export function handmade(values: Partial<AccountView> = {}): AccountView {
  const push = policy("push");
  return {
    zone: { id: zoneId, name: "example.com", status: "active", paused: false, accountId },
    tokens: [token("tokyo")],
    policies: [push],
    applications: [
      application("Prometheus", ["prom.example.com"], { policies: [attached(push)] }),
      application("Loki", ["loki.example.com"], { policies: [attached(push)] }),
    ],
    tunnels: [
      { id: "central-id", name: "central", configSrc: "cloudflare", status: "healthy", deletedAt: null },
    ],
    tunnelConfiguration: {
      rules: [
        rule("prom.example.com", "http://localhost:9090"),
        rule("loki.example.com", "http://localhost:3100"),
        notFound,
      ],
      originRequest: {},
      privateNetworks: false,
    },
    records: [record("prom.example.com"), record("loki.example.com")],
    ...values,
  };
}

/** For tests: with an application in place of the one on the host of metrics. */
export function withPrometheus(
  instead: readonly AccountApplication[],
  values: Partial<AccountView> = {},
): AccountView {
  const view = handmade(values);
  return { ...view, applications: [...instead, ...view.applications.filter(({ name }) => name === "Loki")] };
}

/** For tests: a resource of the stack's state. */
export function resource(type: string, name: string, id: string): StackResource {
  return { urn: `urn:pulumi:prod::sitepass::${type}::${name}`, type, name, id };
}

/** For tests: a plan, with what is refused and lost as a person is told it. */
export type ToldPlan = Omit<AdoptionPlan, "refusals" | "losses"> &
  Readonly<Record<"refusals" | "losses", readonly string[]>>;

/** For tests: plans for a stack that has nothing yet and a person who chose nothing. */
export function planFor(account: AccountView, values: Partial<AdoptionRequest> = {}): ToldPlan {
  const plan = planAdoption({
    config: testConfig(),
    ownPrefix: "sitepass/prod/",
    sites: [],
    elsewhere: [],
    account,
    resources: [],
    choices: { match: [], named: [], skip: [] },
    rotateUntil: undefined,
    now: new Date("2026-11-23T12:00:00Z"),
    ...values,
  });
  return { ...plan, refusals: plan.refusals.map(problemText), losses: plan.losses.map(problemText) };
}
