import type { SignalName } from "../../fleet/signals";

/** Type tokens of what the program declares and an account can have already; a test holds them against the program. */
export const resourceTypes = {
  token: "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
  application: "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
  tunnel: "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
  ingress: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
  record: "cloudflare:index/dnsRecord:DnsRecord",
} as const;

export type ResourceType = (typeof resourceTypes)[keyof typeof resourceTypes];

/** A component of the program: a type and a logical name. */
export interface DeclaredComponent {
  readonly type: string;
  readonly name: string;
}

/** A resource of the program: its logical name is its identity, and its component is part of its URN. */
export interface DeclaredResource {
  readonly type: ResourceType;
  readonly name: string;
  readonly component: DeclaredComponent;
}

const component = (type: string, name: string): DeclaredComponent => ({
  type: `sitepass:provision:${type}`,
  name,
});

/** provision/site-passes.ts */
export const declaredToken = (site: string): DeclaredResource => ({
  type: resourceTypes.token,
  name: site,
  component: component("SitePasses", "sites"),
});

/** What an application is to become: the one on the write paths, or the one on everything else. */
export type ApplicationRole = "write-paths" | "whole-host";

/** provision/push-endpoint.ts */
export const declaredApplication = (signal: SignalName, role: ApplicationRole): DeclaredResource => ({
  type: resourceTypes.application,
  name: `${signal}-${role}`,
  component: component("PushEndpoint", signal),
});

/** provision/public-tunnel.ts */
export const declaredTunnel: DeclaredResource = {
  type: resourceTypes.tunnel,
  name: "tunnel",
  component: component("PublicTunnel", "tunnel"),
};

/** provision/public-tunnel.ts */
export const declaredIngress: DeclaredResource = {
  ...declaredTunnel,
  type: resourceTypes.ingress,
  name: "tunnel-ingress",
};

/** provision/public-records.ts */
export const declaredRecord = (signal: SignalName): DeclaredResource => ({
  type: resourceTypes.record,
  name: signal,
  component: component("PublicRecords", "dns"),
});
