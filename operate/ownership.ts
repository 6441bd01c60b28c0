import { attempt, problemText, type Result } from "../fleet/problem";
import { heldTokensIn, type HeldTokens } from "../provision/preflight";
import type { OpenStack } from "../stack/open-stack";
import { secretVersionsIn, type StackResource } from "../stack/stack-resources";

/**
 * The IDs of what the stack's state says is its own in Cloudflare, or why it cannot be asked: before the first `up` there
 * may be no CLI, no log-in and no stack.
 */
export type StackObjects =
  | {
      readonly kind: "known";
      readonly ids: ReadonlySet<string>;
      readonly tokens: HeldTokens;
      readonly held: readonly Pick<StackResource, "type" | "name" | "id">[];
      /** Of secrets, by site. */
      readonly versions: ReadonlyMap<string, number>;
    }
  | { readonly kind: "unknown"; readonly reason: string };

/** Tells this stack's objects from others: by the state, and by the names that it gives, where the state does not say. */
export interface Ownership {
  readonly objects: StackObjects;
  /** Logical names of what the state holds, such as `metrics-whole-host`; none where it cannot be asked. */
  readonly names: ReadonlySet<string>;
  readonly ownPrefix: string;
}

/**
 * Whose an object is. One that is "left over" is named as this stack's, and its state does not hold it: an interrupted run
 * left it there, and the next `up` cannot make another.
 *
 * @param mark the object's name, or a DNS record's comment.
 */
export function ownerOf(
  { objects, ownPrefix }: Pick<Ownership, "objects" | "ownPrefix">,
  id: string,
  mark: string,
): "this stack" | "left over" | "another" {
  if (objects.kind === "known" && objects.ids.has(id)) {
    return "this stack";
  }
  return !mark.startsWith(ownPrefix) ? "another" : objects.kind === "known" ? "left over" : "this stack";
}

/** Whether an object is the stack's, or was until an interrupted run; see ownerOf. */
export const isOwn = (...of: Parameters<typeof ownerOf>): boolean => ownerOf(...of) !== "another";

/** Resources of a type that the state holds, and that are not among the objects that Cloudflare has. */
export const goneFrom = (
  { objects }: Pick<Ownership, "objects">,
  type: string,
  there: readonly { readonly id: string }[],
): readonly Pick<StackResource, "name" | "id">[] =>
  objects.kind === "known"
    ? objects.held.filter((one) => one.type === type && !there.some(({ id }) => id === one.id))
    : [];

/** What to do about what was deleted outside of the stack, after what of it is missing. */
export const makeItAgain = "If it was deleted by hand, run `pulumi up --refresh`";

/** What to do about what is left over, and keeps nothing from being made. */
export const deleteLeftOver =
  "If no other checkout uses it, an interrupted run left it: delete it in the dashboard";

/** Said of what is left over, after what it is. */
export const notHeld = (id: string): string => `is named as this stack's, which does not hold it (ID ${id})`;

export const takeItIn =
  "If an interrupted run left it, take it in with `npx sitepass adopt`; if another checkout uses it, take another host name";

export const readOwnership = async ({ resources, ownPrefix }: OpenStack): Promise<Ownership> =>
  ownershipOf(await attempt(resources), ownPrefix);

export function ownershipOf(read: Result<readonly StackResource[]>, ownPrefix: string): Ownership {
  const held = (read.ok ? read.value : []).filter(({ id }) => id !== "");
  return {
    ownPrefix,
    names: new Set(held.map(({ name }) => name)),
    objects: read.ok
      ? {
          kind: "known",
          held,
          ids: new Set(held.map(({ id }) => id)),
          tokens: heldTokensIn(held),
          versions: secretVersionsIn(held),
        }
      : { kind: "unknown", reason: read.problems.map(problemText).join(" ").replace(/\.$/, "") },
  };
}
