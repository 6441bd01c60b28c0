import type { PolicyResource } from "@pulumi/policy";

/** What of a resource the rules go by: its inputs where it is declared, its outputs where the whole stack is looked at. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** To be read with valueIn, textIn and listIn, because a preview does not know all of them. */
  readonly props: unknown;
}

/** A resource among all those of its stack. */
export interface StackResource extends Resource {
  /** The resources that a property's value comes from, also where a preview does not know the value. */
  readonly sourcesOf: (property: string) => readonly StackResource[];
}

/**
 * Kinds of resources by the last part of their type. @pulumi/cloudflare 6.22.1 has the former names too, of versions before 6;
 * they take the same properties.
 */
const kinds = {
  application: ["ZeroTrustAccessApplication", "AccessApplication"],
  policy: ["ZeroTrustAccessPolicy", "AccessPolicy"],
  group: ["ZeroTrustAccessGroup", "AccessGroup"],
  token: ["ZeroTrustAccessServiceToken", "AccessServiceToken"],
  ingress: ["ZeroTrustTunnelCloudflaredConfig", "TunnelConfig"],
  record: ["DnsRecord", "Record"],
} as const satisfies Record<string, readonly string[]>;

export function isKind({ type }: Resource, kind: keyof typeof kinds): boolean {
  return type.startsWith("cloudflare:") && kinds[kind].some((name) => type.endsWith(`:${name}`));
}

/** The resources of a stack, as the policy SDK hands them over. */
export function stackResources(resources: readonly PolicyResource[]): readonly StackResource[] {
  const known = new Map<string, StackResource>();
  const own = (resource: PolicyResource): StackResource => {
    const found = known.get(resource.urn) ?? {
      type: resource.type,
      name: resource.name,
      urn: resource.urn,
      props: resource.props,
      sourcesOf: (property) => (resource.propertyDependencies[property] ?? []).map(own),
    };
    known.set(resource.urn, found);
    return found;
  };
  return resources.map(own);
}
