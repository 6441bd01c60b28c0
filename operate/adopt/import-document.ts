import type { DeclaredComponent } from "./declared";
import type { Adoption } from "./part";

/** One entry of what `pulumi import --file` reads. */
interface ImportEntry {
  readonly type: string;
  /** What `parent` of another entry refers to: unique in the file, unlike the logical name. */
  readonly name: string;
  readonly logicalName: string;
  readonly component?: true;
  readonly parent?: string;
  readonly id?: string;
  readonly version?: string;
}

/**
 * What `pulumi import --file` reads (pulumi/pulumi v3.248.0, pkg/cmd/pulumi/operations/import.go, importSpec).
 *
 * - Components stand in it as entries of their own, which are made where the stack does not have them and passed over
 *   where it does, so that it works before the first `up`. A URN in `nameTable` would not: "unknown parent".
 * - `version` is the one that the program's SDK asks for; without it the resources would get another default provider.
 * - No entry may be in the stack already: the provider's import IDs are not its IDs, so Pulumi would take it for another.
 *
 * @param providerVersion of @pulumi/cloudflare.
 */
export function importDocument(adoptions: readonly Adoption[], providerVersion: string): string {
  const components = new Map<string, DeclaredComponent>();
  for (const { becomes } of adoptions) {
    components.set(entryName(becomes.component), becomes.component);
  }
  const resources: ImportEntry[] = [
    ...[...components].map(([name, component]) => ({
      type: component.type,
      name,
      logicalName: component.name,
      component: true as const,
    })),
    ...adoptions.map(({ becomes, importId }) => ({
      type: becomes.type,
      name: entryName(becomes),
      logicalName: becomes.name,
      parent: entryName(becomes.component),
      id: importId,
      version: providerVersion,
    })),
  ];
  return `${JSON.stringify({ resources }, undefined, 2)}\n`;
}

const entryName = ({ type, name }: DeclaredComponent): string =>
  `${type.slice(type.lastIndexOf(":") + 1)}_${name}`;
