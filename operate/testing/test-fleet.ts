import { orThrow } from "../../fleet/problem";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { Permission } from "cloudflare-standin/api/permissions";
import type { AccessPolicy } from "cloudflare-standin/api/rows";
import { startStandIn, type StandIn, type StandInOptions } from "cloudflare-standin";
import { testApplication, testPolicy, testToken } from "cloudflare-standin/testing/edge-rows";
import { planApplications, resourceTypes } from "../../provision/declared-objects";
import { parseConfig, type Config } from "../../fleet/config";
import { ownNamePrefix } from "../../fleet/names";
import { planPolicyShards } from "../../provision/policy-shards";
import { siteSchema } from "../../fleet/site-schema";
import { resolveSites, type Site } from "../../fleet/sites";
import { addressOfNobody } from "../../cloudflare/access-policies";
import { openCloudflareApi, type CloudflareApi } from "../../cloudflare/client";
import type { OpenStack } from "../../stack/open-stack";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import type { StackResource } from "../../stack/stack-resources";

/** For tests: a stack that was never opened from files, and the stand-in that its objects are in. */
export interface TestFleet {
  readonly standIn: StandIn;
  readonly stack: OpenStack;
  /** With every permission. */
  readonly api: CloudflareApi;
  readonly apiWith: (permissions: readonly Permission[]) => CloudflareApi;
  /** What the stack's state holds; tests may change it. */
  readonly outputs: RevealedOutputs;
  readonly resources: StackResource[];
}

export interface TestFleetOptions {
  /** Contents of site files by name. */
  readonly sites: Readonly<Record<string, unknown>>;
  /** Configuration beside the default one, without namespace. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly standIn?: StandInOptions;
  /** Puts into account and state what `up` would have made; default true. */
  readonly provisioned?: boolean;
}

const configuration = {
  accountId: "0123456789abcdef0123456789abcdef",
  zone: "example.com",
  endpoints: { metrics: { hostname: "prom.example.com" }, logs: { hostname: "loki.example.com" } },
  publish: { tunnel: { name: "central" } },
  teamName: "example-team",
  serviceTokenLimit: 1000,
};

/** For tests: opens a fleet, closed when the test ends. Nothing runs an engine: rows and state are written directly. */
export async function openTestFleet(t: TestContext, options: TestFleetOptions): Promise<TestFleet> {
  const standIn = await startStandIn({ limits: { serviceTokens: 1000 }, ...options.standIn });
  t.after(() => standIn.close());
  const ownPrefix = ownNamePrefix("sitepass", "prod");
  const config = configFrom({ ...configuration, ...options.configuration });
  const sites = resolveSites(
    Object.entries(options.sites)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, values]) => ({ name, file: `sites/${name}.yaml`, values: siteSchema.parse(values) })),
    config,
  );
  const outputs: RevealedOutputs = { sites: {}, endpoints: {} };
  const resources: StackResource[] = [];
  if (options.provisioned !== false) {
    provision(standIn, { config, sites, ownPrefix, outputs, resources });
  }
  const apiWith = (apiToken: string) => openCloudflareApi({ apiToken, baseUrl: standIn.baseUrl });
  return {
    standIn,
    stack: {
      directory: "/nowhere",
      stackName: "prod",
      raw: {},
      config,
      sites,
      elsewhere: [],
      ownPrefix,
      outputs: () => Promise.resolve(outputs),
      resources: () => Promise.resolve(resources),
      exportState: () => Promise.reject(new Error("a stack of no engine has nothing to export")),
      cloudflareApi: () =>
        Promise.resolve(openCloudflareApi({ apiToken: standIn.apiToken, baseUrl: standIn.baseUrl })),
    },
    api: apiWith(standIn.apiToken),
    apiWith: (permissions) => apiWith(standIn.createApiToken(permissions)),
    outputs,
    resources,
  };
}

function configFrom(values: Readonly<Record<string, unknown>>): Config {
  return orThrow(
    parseConfig(
      Object.fromEntries(
        Object.entries(values).map(([key, one]) => [
          `sitepass:${key}`,
          typeof one === "string" ? one : JSON.stringify(one),
        ]),
      ),
    ),
  );
}

interface Provisioned extends Pick<TestFleet, "outputs" | "resources"> {
  readonly config: Config;
  readonly sites: readonly Site[];
  readonly ownPrefix: string;
}

function provision({ database }: StandIn, fleet: Provisioned): void {
  const { config, sites, ownPrefix, outputs, resources } = fleet;
  const hold = (type: string, name: string, id: string) => {
    resources.push({ urn: `urn:pulumi:prod::sitepass::${type}::${name}`, type, name, id });
  };
  const tokenIds = new Map<string, string>();
  for (const { name, token } of sites) {
    const row = testToken({
      id: randomUUID(),
      client_id: `${name}.access`,
      name: ownPrefix + name,
      duration: token.duration,
      enabled: token.enabled,
      expires_at: token.duration === "forever" ? "9999-12-31T23:59:59Z" : "2027-11-23T12:00:00.000Z",
      lastSeenAt: token.enabled ? "2026-11-23T11:59:00.000Z" : null,
    });
    database.serviceTokens.set(row.id, row);
    tokenIds.set(name, row.id);
    hold(resourceTypes.token, name, row.id);
    outputs.sites[name] = {
      clientId: row.client_id,
      clientSecret: "a secret",
      expiresAt: token.duration === "forever" ? "" : row.expires_at,
      endpoints: {},
    };
  }
  const policy = (name: string, include: AccessPolicy["include"]) => {
    const row = testPolicy({ id: randomUUID(), name: ownPrefix + name, include });
    database.policies.set(row.id, row);
    hold("cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy", name, row.id);
    return row.id;
  };
  const nobody = { id: policy("nobody", [{ ip: { ip: addressOfNobody } }]), precedence: 1 };
  const policies = planPolicyShards(sites).map((shard) => ({
    ...shard,
    id: policy(
      `push ${shard.logicalName}`,
      shard.siteNames.map((site) => ({ service_token: { token_id: tokenIds.get(site) ?? "" } })),
    ),
  }));
  for (const endpoint of config.endpoints) {
    const { wholeHost, writePaths } = planApplications(endpoint, ownPrefix);
    for (const { logicalName, name, uris } of [wholeHost, writePaths]) {
      const attached =
        name === wholeHost.name ? [] : policies.filter(({ signal }) => signal === endpoint.signal);
      const row = testApplication({
        id: randomUUID(),
        name,
        domain: uris[0] ?? "",
        destinations: uris.map((uri) => ({ type: "public", uri })),
        policies: (attached.length > 0 ? attached : [nobody]).map(({ id, precedence }) => ({
          id,
          precedence,
        })),
        service_auth_401_redirect: true,
      });
      database.applications.set(row.id, row);
      hold(resourceTypes.application, logicalName, row.id);
    }
  }
}
