import { attempt } from "../../fleet/attempt";
import type { OpenStack } from "../../stack/open-stack";

/** What the stack's state says is its own in Cloudflare, by ID, or why it cannot be asked. */
export type HeldObjects =
  | { readonly kind: "known"; readonly ids: ReadonlySet<string> }
  | { readonly kind: "unknown"; readonly reason: string };

/** Reads the state, where it can be: before the first `up` there may be no CLI, no log-in and no stack. */
export async function readHeldObjects(stack: OpenStack): Promise<HeldObjects> {
  const { value: resources, problems } = await attempt(stack.resources);
  return resources === undefined
    ? { kind: "unknown", reason: problems.join(" ") }
    : { kind: "known", ids: new Set(resources.map(({ id }) => id).filter((id) => id !== "")) };
}

/** Tells this stack's objects from others: by the state, and by the names that it gives, where an answer was lost. */
export interface Ownership {
  readonly held: HeldObjects;
  readonly ownPrefix: string;
}

/** @param mark the object's name, or a DNS record's comment. */
export function isOwn({ held, ownPrefix }: Ownership, id: string, mark: string): boolean {
  return (held.kind === "known" && held.ids.has(id)) || mark.startsWith(ownPrefix);
}
