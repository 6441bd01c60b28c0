import { attempt, problemText, type Result } from "../fleet/problem";
import type { OpenStack } from "../stack/open-stack";
import type { StackResource } from "../stack/stack-resources";

/**
 * The IDs of what the stack's state says is its own in Cloudflare, or why it cannot be asked: before the first `up` there
 * may be no CLI, no log-in and no stack.
 */
export type StackObjects =
  | { readonly kind: "known"; readonly ids: ReadonlySet<string> }
  | { readonly kind: "unknown"; readonly reason: string };

/** Tells this stack's objects from others: by the state, and by the names that it gives, where an answer was lost. */
export interface Ownership {
  readonly objects: StackObjects;
  /** Logical names of what the state holds, such as `metrics-whole-host`; none where it cannot be asked. */
  readonly names: ReadonlySet<string>;
  readonly ownPrefix: string;
}

/** @param mark the object's name, or a DNS record's comment. */
export function isOwn(
  { objects, ownPrefix }: Pick<Ownership, "objects" | "ownPrefix">,
  id: string,
  mark: string,
): boolean {
  return (objects.kind === "known" && objects.ids.has(id)) || mark.startsWith(ownPrefix);
}

export const readOwnership = async ({ resources, ownPrefix }: OpenStack): Promise<Ownership> =>
  ownershipOf(await attempt(resources), ownPrefix);

export function ownershipOf(read: Result<readonly StackResource[]>, ownPrefix: string): Ownership {
  const held = (read.ok ? read.value : []).filter(({ id }) => id !== "");
  return {
    ownPrefix,
    names: new Set(held.map(({ name }) => name)),
    objects: read.ok
      ? { kind: "known", ids: new Set(held.map(({ id }) => id)) }
      : { kind: "unknown", reason: read.problems.map(problemText).join(" ").replace(/\.$/, "") },
  };
}
