import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../fleet/problem";
import type { Adoption, DeclaredResource } from "./adoption-plan";

/**
 * What `pulumi import --file` reads (pulumi/pulumi v3.248.0, pkg/cmd/pulumi/operations/import.go, importSpec).
 *
 * - Components stand in it as entries of their own, which are made where the stack does not have them and passed over
 *   where it does, so that it works before the first `up`. A URN in `nameTable` would not: "unknown parent".
 * - `name` is what `parent` of another entry refers to: unique in the file, unlike the logical name.
 * - `version` is the one that the program's SDK asks for; without it the resources would get another default provider.
 * - No entry may be in the stack already: the provider's import IDs are not its IDs, so Pulumi would take it for another.
 *
 * @param sdkVersion see providerVersion.
 */
export function importDocument(adoptions: readonly Adoption[], sdkVersion: string): string {
  const components = new Map(
    adoptions.map(({ becomes: { component } }) => [entryName(component), component]),
  );
  const resources = [
    ...[...components].map(([name, component]) => ({
      type: component.type,
      name,
      logicalName: component.name,
      component: true,
    })),
    ...adoptions.map(({ becomes, importId }) => ({
      type: becomes.type,
      name: entryName(becomes),
      logicalName: becomes.name,
      parent: entryName(becomes.component),
      id: importId,
      version: sdkVersion,
    })),
  ];
  return `${JSON.stringify({ resources }, undefined, 2)}\n`;
}

const entryName = ({ type, name }: DeclaredResource["component"]): string =>
  `${type.slice(type.lastIndexOf(":") + 1)}_${name}`;

const packageSchema = z.looseObject({ version: z.string() });

/**
 * The version of the provider's SDK that a project's program loads, and so of the provider that `up` asks for.
 *
 * @throws UserError when the project's packages are not installed.
 */
export function providerVersion(directory: string): string {
  try {
    const found: unknown = createRequire(join(directory, "index.ts"))("@pulumi/cloudflare/package.json");
    return packageSchema.parse(found).version;
  } catch {
    throw new UserError([
      {
        subject: directory,
        says: "has no package @pulumi/cloudflare",
        todo: "Run `npm ci` there, or name the project's folder with --cwd",
      },
    ]);
  }
}
