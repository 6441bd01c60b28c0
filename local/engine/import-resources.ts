import { readFileSync } from "node:fs";
import { NotFoundError, type Cloudflare } from "cloudflare";
import pMap from "p-map";
import { z } from "zod";
import { UserError } from "../../fleet/problem";
import type { ResourceState } from "../../stack/state-file-reader";
import { parallelCalls, type Step } from "./deployment";
import { describeFailure, kindOf } from "./provider";
import { shortName, type StackState, type UrnScheme } from "./state";

/** One resource to be imported, with its place in the stack worked out. */
export interface ImportEntry {
  readonly urn: string;
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** The provider's import ID; empty for components. */
  readonly importId: string;
  /** URN; empty directly below the stack. */
  readonly parent: string;
  readonly component: boolean;
}

/** What came of an import. */
export interface ImportOutcome {
  readonly state: StackState;
  /** One message a line; what did not fail is in the state all the same, as with Pulumi. */
  readonly failures: readonly string[];
}

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
  const imported = await pMap(
    entries,
    async (entry) => {
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
        const { type, name, importId, parent } = entry;
        const component = componentState({ ...entry, parent: parent === "" ? stack.urn : parent }, true);
        const state = entry.component
          ? component
          : { ...component, custom: true, ...(await kindOf(type).import(client, importId)) };
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
    },
    { concurrency: parallelCalls },
  );
  const arrived = imported.filter((state) => state !== undefined);
  const root = known.has(stack.urn) ? [] : [componentState({ ...stack, parent: "" }, false)];
  const ordered = [...arrived.filter(({ custom }) => !custom), ...arrived.filter(({ custom }) => custom)];
  return { state: { ...before, resources: [...root, ...before.resources, ...ordered] }, failures };
}

/** A component, which has no ID of its own. */
function componentState(
  { urn, type, name, parent }: Pick<ResourceState, "urn" | "type" | "name" | "parent">,
  protect: boolean,
): ResourceState {
  return {
    ...{ urn, type, name, parent, protect },
    ...{
      custom: false,
      id: "",
      inputs: {},
      outputs: {},
      dependencies: [],
      deletedWith: "",
      beforeDelete: [],
    },
  };
}

/** What this engine reads of it; strict, so that what it would pass over is refused. */
const resourceSchema = z.strictObject({
  type: z.string().min(1),
  name: z.string().default(""),
  logicalName: z.string().default(""),
  id: z.string().default(""),
  parent: z.string().default(""),
  component: z.boolean().default(false),
  version: z.string().optional(),
});

const documentSchema = z.strictObject({
  nameTable: z.record(z.string(), z.string()).default({}),
  resources: z.array(resourceSchema).min(1),
});

type Resource = z.infer<typeof resourceSchema>;

/**
 * Reads what `pulumi import --file` reads, by its rules (pulumi/pulumi v3.248.0, pkg/cmd/pulumi/operations/import.go,
 * parseImportFile): `name` is what `parent` refers to, and `logicalName` what the URN ends with; each stands in for the
 * other where it is missing. A parent is another entry, or a name of the table.
 *
 * @throws UserError with everything that is wrong with it.
 */
export function readImportDocument(path: string, urns: UrnScheme): readonly ImportEntry[] {
  const parsed = documentSchema.safeParse(parseJson(path));
  if (!parsed.success) {
    throw new UserError([
      { subject: path, says: `is not an import file (${z.prettifyError(parsed.error)})`, todo: "Fix it" },
    ]);
  }
  const refuse = (problems: readonly string[]): void => {
    if (problems.length > 0) {
      throw new UserError(problems.map((says) => ({ subject: path, says, todo: "Fix it" })));
    }
  };
  const { nameTable } = parsed.data;
  const resources = parsed.data.resources.map((resource) => ({
    ...resource,
    name: resource.name === "" ? resource.logicalName : resource.name,
    logicalName: resource.logicalName === "" ? resource.name : resource.logicalName,
  }));
  refuse([...formProblems(resources), ...parentProblems(resources, nameTable)]);
  const urnOf = (resource: Resource): string =>
    urns.of(parentOf(resource), resource.type, resource.logicalName);
  const parentOf = ({ parent }: Resource): string => {
    const other = resources.find(({ name }) => name === parent);
    return parent === "" ? "" : (nameTable[parent] ?? (other === undefined ? "" : urnOf(other)));
  };
  const entries = resources.map((resource) => ({
    urn: urnOf(resource),
    type: resource.type,
    name: resource.logicalName,
    importId: resource.id,
    parent: parentOf(resource),
    component: resource.component,
  }));
  refuse(
    entries
      .filter(({ urn }, index) => entries.findIndex((one) => one.urn === urn) < index)
      .map(
        ({ name, type }) =>
          `resource '${name}' of type '${type}' has an ambiguous URN, set name (or logical name) to be unique`,
      ),
  );
  return entries;
}

function formProblems(resources: readonly Resource[]): string[] {
  return resources.flatMap(({ type, name, id, component }) => {
    const subject = `resource '${name}' of type '${type}'`;
    if (name === "") {
      return [`${subject} has no name`];
    }
    if (!component && id === "") {
      return [`${subject} has no ID`];
    }
    return component && id !== "" ? [`${subject} has an ID, but is marked as a component`] : [];
  });
}

function parentProblems(
  resources: readonly Resource[],
  nameTable: Readonly<Record<string, string>>,
): string[] {
  return resources.flatMap((resource) => {
    const { type, name, parent } = resource;
    const subject = `resource '${name}' of type '${type}'`;
    const named = resources.filter((other) => other.name === parent).length;
    if (parent !== "" && named > 1) {
      return [`${subject} has an ambiguous parent`];
    }
    if (parent !== "" && named === 0 && nameTable[parent] === undefined) {
      return [`the parent '${parent}' for ${subject} has no entry in 'nameTable'`];
    }
    // Pulumi looks for its URN for ever.
    return isCircular(resource, resources) ? [`${subject} is its own parent`] : [];
  });
}

/** Whether following parents leads back to where it began. */
function isCircular(resource: Resource, resources: readonly Resource[]): boolean {
  let { parent } = resource;
  for (let step = 0; step < resources.length && parent !== ""; step += 1) {
    parent = resources.find(({ name }) => name === parent)?.parent ?? "";
  }
  return parent !== "";
}

function parseJson(path: string): unknown {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError([
      { subject: path, says: `cannot be read (${reason})`, todo: "Name an import file with --file" },
    ]);
  }
}
