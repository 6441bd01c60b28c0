import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import type { StackResource } from "../../stack/stack-resources";
import { UserError } from "../../fleet/problem";

const fileSchema = z.looseObject({
  resources: z.array(z.looseObject({ urn: z.string(), type: z.string(), name: z.string(), id: z.string() })),
});

/**
 * Reads what a state file of this engine holds, without opening the secrets in it. A file that is not there holds
 * nothing yet.
 *
 * @throws UserError when it is no state file.
 */
export function readStateResources(file: string): readonly StackResource[] {
  if (!existsSync(file)) {
    return [];
  }
  const parsed = fileSchema.safeParse(parseJson(readFileSync(file, "utf8")));
  if (!parsed.success) {
    throw new UserError([`${file}: is no state file of this engine. Name another with --state.`]);
  }
  return parsed.data.resources.map(({ urn, type, name, id }) => ({ urn, type, name, id }));
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
