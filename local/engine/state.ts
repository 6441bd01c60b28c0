import type { Properties } from "./properties";

/** One resource that the stack has, as Pulumi's own checkpoint would keep it. */
export interface ResourceState {
  readonly urn: string;
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** False for components, which exist in the stack alone. */
  readonly custom: boolean;
  /** Cloudflare's ID; empty for components. */
  readonly id: string;
  readonly parent: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  /** URNs of what this resource needs: deleted after it. */
  readonly dependencies: readonly string[];
  readonly protect: boolean;
  readonly deletedWith: string;
}

export interface StackState {
  /** In an order in which each resource comes after what it needs. */
  readonly resources: readonly ResourceState[];
  /** Replaced resources that still have to be deleted; each has a successor of the same URN among the resources. */
  readonly condemned: readonly ResourceState[];
  readonly outputs: Properties;
}

export const emptyState: StackState = { resources: [], condemned: [], outputs: {} };

/** For messages: the type's last part and the logical name. */
export function shortName({ type, name }: Pick<ResourceState, "type" | "name">): string {
  return `${type.slice(type.lastIndexOf(":") + 1)} ${name}`;
}
