import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../fleet/problem";
import type { UrnScheme } from "./urns";

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
    throw new UserError([`${path}: is no import file (${z.prettifyError(parsed.error)}). Mend it.`]);
  }
  const { nameTable } = parsed.data;
  const resources = parsed.data.resources.map((resource) => ({
    ...resource,
    name: resource.name === "" ? resource.logicalName : resource.name,
    logicalName: resource.logicalName === "" ? resource.name : resource.logicalName,
  }));
  const problems = [...formProblems(resources), ...parentProblems(resources, nameTable)];
  if (problems.length > 0) {
    throw new UserError(problems.map((problem) => `${path}: ${problem}.`));
  }
  const urnOf = (resource: Resource): string =>
    urns.of(parentOf(resource), resource.type, resource.logicalName);
  const parentOf = ({ parent }: Resource): string => {
    const known = nameTable[parent];
    const other = resources.find(({ name }) => name === parent);
    return parent === "" || (known === undefined && other === undefined)
      ? ""
      : (known ?? (other === undefined ? "" : urnOf(other)));
  };
  const entries = resources.map((resource) => ({
    urn: urnOf(resource),
    type: resource.type,
    name: resource.logicalName,
    importId: resource.id,
    parent: parentOf(resource),
    component: resource.component,
  }));
  const ambiguous = entries.filter(({ urn }, index) => entries.findIndex((one) => one.urn === urn) < index);
  if (ambiguous.length > 0) {
    throw new UserError(
      ambiguous.map(
        ({ name, type }) =>
          `${path}: resource '${name}' of type '${type}' has an ambiguous URN, set name (or logical name) to be unique.`,
      ),
    );
  }
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

/** Whether following parents leads back to where it began. */
function isCircular(resource: Resource, resources: readonly Resource[]): boolean {
  let { parent } = resource;
  for (let step = 0; step < resources.length && parent !== ""; step += 1) {
    parent = resources.find(({ name }) => name === parent)?.parent ?? "";
  }
  return parent !== "";
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

function parseJson(path: string): unknown {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return value;
  } catch (error) {
    throw new UserError([
      `${path}: cannot be read (${error instanceof Error ? error.message : String(error)}). Name an import file with --file.`,
    ]);
  }
}
