import { NotFoundError, type Cloudflare } from "cloudflare";
import type { Step } from "./deployment";
import { describeFailure } from "./describe-failure";
import type { ImportEntry } from "./import-document";
import { kindOf } from "./resource-kinds";
import { Slots } from "./slots";
import { shortName, type ResourceState, type StackState } from "./state";

/** What came of an import. */
export interface ImportOutcome {
  readonly state: StackState;
  /** One message a line; what did not fail is in the state all the same, as with Pulumi. */
  readonly failures: readonly string[];
}

const parallelCalls = 8;

/**
 * Takes resources that exist in Cloudflare into the state, changing nothing there, as `pulumi import` does
 * (pulumi/pulumi v3.248.0, pkg/resource/deploy/import.go and step.go, ImportStep):
 *
 * - What the state has under that URN and ID is passed over; under another ID it is a failure. The provider's import IDs
 *   are not its IDs, so that a second import of the same file fails for all but components.
 * - The stack itself is made where the state is empty, and is the parent of whatever names none.
 * - A component has no ID and is not asked for; its children may come with it.
 * - Everything is protected until an `up` says otherwise.
 */
export async function importResources(
  client: Cloudflare,
  before: StackState,
  entries: readonly ImportEntry[],
  stack: Pick<ResourceState, "urn" | "type" | "name">,
  onStep: (step: Step) => void,
): Promise<ImportOutcome> {
  const known = new Map(before.resources.map((resource) => [resource.urn, resource]));
  const coming = new Set(entries.map(({ urn }) => urn));
  const failures: string[] = [];
  const slots = new Slots(parallelCalls);
  const imported = await Promise.all(
    entries.map(async (entry) => {
      const existing = known.get(entry.urn);
      if (existing !== undefined) {
        if (existing.id !== entry.importId) {
          failures.push(`${shortName(entry)}: resource '${entry.urn}' already exists`);
        }
        return undefined;
      }
      if (entry.parent !== "" && !known.has(entry.parent) && !coming.has(entry.parent)) {
        failures.push(`${shortName(entry)}: unknown parent '${entry.parent}' for resource '${entry.urn}'`);
        return undefined;
      }
      const started = performance.now();
      try {
        const parent = entry.parent === "" ? stack.urn : entry.parent;
        const state = await slots.run(() => importOne(client, { ...entry, parent }));
        const { type, name } = entry;
        onStep({ operation: "import", type, name, milliseconds: performance.now() - started });
        return state;
      } catch (error) {
        failures.push(
          error instanceof NotFoundError
            ? `${shortName(entry)}: resource '${entry.importId}' does not exist`
            : describeFailure(entry, error),
        );
        return undefined;
      }
    }),
  );
  const arrived = imported.filter((state) => state !== undefined);
  const root = known.has(stack.urn) ? [] : [stateOf({ ...stack, parent: "" }, false)];
  const ordered = [...arrived.filter(({ custom }) => !custom), ...arrived.filter(({ custom }) => custom)];
  return { state: { ...before, resources: [...root, ...before.resources, ...ordered] }, failures };
}

async function importOne(client: Cloudflare, entry: ImportEntry): Promise<ResourceState> {
  return entry.component
    ? stateOf(entry, true)
    : {
        ...stateOf(entry, true),
        custom: true,
        ...(await kindOf(entry.type).import(client, entry.importId)),
      };
}

/** A resource without an ID of its own, which is all that a component is. */
function stateOf(
  { urn, type, name, parent }: Pick<ResourceState, "urn" | "type" | "name" | "parent">,
  protect: boolean,
): ResourceState {
  return {
    urn,
    type,
    name,
    custom: false,
    id: "",
    parent,
    inputs: {},
    outputs: {},
    dependencies: [],
    protect,
    deletedWith: "",
  };
}
