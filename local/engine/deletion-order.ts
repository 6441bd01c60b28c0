import type { ResourceState } from "./state";

/** Orders resources so that each comes before what it depends on, the latest made first. */
export function dependentsFirst(resources: readonly ResourceState[]): readonly ResourceState[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const ordered: ResourceState[] = [];
  const visited = new Set<string>();
  const visit = (resource: ResourceState): void => {
    if (visited.has(resource.urn)) {
      return;
    }
    visited.add(resource.urn);
    for (const urn of [...resource.dependencies, resource.parent]) {
      const needed = byUrn.get(urn);
      if (needed !== undefined) {
        visit(needed);
      }
    }
    ordered.push(resource);
  };
  resources.forEach(visit);
  return ordered.reverse();
}
