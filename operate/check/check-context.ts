import type { CallResult, CloudflareApi } from "../../cloudflare/client";
import type { ZoneRecord } from "../../cloudflare/dns-records";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { AccountZone } from "../../cloudflare/zones";
import type { HeldTokens } from "../../provision/preflight";
import type { OpenStack } from "../../stack/open-stack";
import type { StackResource } from "../../stack/stack-resources";
import type { WriteAnswer, WritePermissionName } from "./api-token";

/** What the checks of an account work with; what several of them need is asked for once. */
export interface CheckContext {
  readonly stack: OpenStack;
  readonly api: CloudflareApi;
  readonly tokens: Promise<CallResult<readonly AccountToken[]>>;
  readonly zone: Promise<CallResult<AccountZone | undefined>>;
  /** The records of each endpoint's host name; none without a zone. */
  readonly records: Promise<readonly CallResult<readonly ZoneRecord[]>[]>;
  readonly ownership: Promise<Ownership>;
  /** Asks for a permission to write, unless only reads are wanted. */
  readonly probe: (permission: WritePermissionName, zoneId?: string) => Promise<WriteAnswer>;
}

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
    }
  | { readonly kind: "unknown"; readonly reason: string };

/** Tells this stack's objects from others: by the state, and by the names that it gives, where the state does not say. */
export interface Ownership {
  readonly objects: StackObjects;
  readonly ownPrefix: string;
}

/**
 * Whose an object is. One that is "left over" is named as this stack's, and its state does not hold it: an interrupted run
 * left it there, and the next `up` cannot make another.
 *
 * @param mark the object's name, or a DNS record's comment.
 */
export function ownerOf(
  { objects, ownPrefix }: Ownership,
  id: string,
  mark: string,
): "this stack" | "left over" | "another" {
  if (objects.kind === "known" && objects.ids.has(id)) {
    return "this stack";
  }
  return !mark.startsWith(ownPrefix) ? "another" : objects.kind === "known" ? "left over" : "this stack";
}

/** Resources of a type that the state holds, and that are not among the objects that Cloudflare has. */
export const goneFrom = (
  { objects }: Ownership,
  type: string,
  there: readonly { readonly id: string }[],
): readonly Pick<StackResource, "name" | "id">[] =>
  objects.kind === "known"
    ? objects.held.filter((one) => one.type === type && !there.some(({ id }) => id === one.id))
    : [];

/** What to do about what was deleted outside of the stack, after what of it is missing. */
export const makeItAgain = "If it was deleted by hand, run `pulumi refresh` and `pulumi up`";

/** Said of what is left over, after what it is. */
export const notHeld = (id: string): string => `is named as this stack's, which does not hold it (ID ${id})`;

/** What to do about what is left over, and keeps nothing from being made. */
export const deleteLeftOver =
  "If no other checkout uses it, an interrupted run left it: delete it in the dashboard";

export const takeItIn =
  "If an interrupted run left it, take it in with `sitepass adopt`; if another checkout uses it, take another host name";
