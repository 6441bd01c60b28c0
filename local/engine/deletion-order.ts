import type { ResourceState } from "./state";

/** Orders resources so that each comes before what it depends on, the latest made first. */
export function dependentsFirst(resources: readonly ResourceState[]): readonly ResourceState[] {
  // A replaced resource and its successor have the same URN.
  const byUrn = new Map<string, ResourceState[]>();
  for (const resource of resources) {
    byUrn.set(resource.urn, [...(byUrn.get(resource.urn) ?? []), resource]);
  }
  const ordered: ResourceState[] = [];
  const visited = new Set<ResourceState>();
  const visit = (resource: ResourceState): void => {
    if (visited.has(resource)) {
      return;
    }
    visited.add(resource);
    for (const urn of [...resource.dependencies, resource.parent]) {
      byUrn.get(urn)?.forEach(visit);
    }
    ordered.push(resource);
  };
  resources.forEach(visit);
  return ordered.reverse();
}
