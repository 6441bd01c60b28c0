import { join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { UserError } from "../fleet/problem";
import { readTextFile } from "../fleet/system-errors";
import { describeIssue } from "../fleet/zod-issues";

const projectSchema = z.looseObject({
  name: z.string(),
  config: z
    .record(z.string(), z.looseObject({ default: z.unknown().optional(), value: z.unknown().optional() }))
    .default({}),
});

const stackSchema = z.looseObject({
  config: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((config) => config ?? {}),
});

/** What Pulumi would hand to the program. */
export interface StackConfig {
  readonly project: string;
  /** Full keys; values as text, structured ones as JSON. */
  readonly values: Readonly<Record<string, string>>;
  /** Full keys of the encrypted values, which only the CLI can read; they are not among `values`. */
  readonly encrypted: readonly string[];
}

/**
 * Reads a stack's configuration as the Pulumi CLI does: the stack's file, then the project's defaults for what it
 * leaves out (docs/facts/provider.md, P52).
 *
 * @throws UserError for files that are missing or are not Pulumi files.
 */
export function readStackConfig(
  directory: string,
  stack: string,
  overrides: Readonly<Record<string, string>> = {},
): StackConfig {
  const project = readYaml(join(directory, "Pulumi.yaml"), projectSchema);
  const file = `Pulumi.${stack}.yaml`;
  const { config } = readYaml(join(directory, file), stackSchema);
  const values: Record<string, string> = {};
  const encrypted: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === "object" && value !== null && "secure" in value) {
      encrypted.push(fullKey(project.name, key));
    } else {
      values[fullKey(project.name, key)] = asText(value);
    }
  }
  Object.assign(values, overrides);
  for (const [key, declared] of Object.entries(project.config)) {
    const fallback = declared.value ?? declared.default;
    if (values[fullKey(project.name, key)] === undefined && fallback !== undefined) {
      values[fullKey(project.name, key)] = asText(fallback);
    }
  }
  return { project: project.name, values, encrypted };
}

const fullKey = (project: string, key: string): string => (key.includes(":") ? key : `${project}:${key}`);

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function readYaml<T>(path: string, schema: z.ZodType<T>): T {
  const text = readTextFile(path);
  if (text === undefined) {
    throw new UserError({
      subject: path,
      says: "is not there",
      todo: "Run this in the project's folder, or name the stack with --stack",
    });
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    throw new UserError(
      document.errors.map(({ message }) => ({
        subject: path,
        says: `is not valid YAML (${(message.split("\n", 1)[0] ?? "").replace(/:$/, "")})`,
        todo: "Fix it",
      })),
    );
  }
  // An empty file is an empty mapping to Pulumi, too.
  const data: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    throw new UserError(
      parsed.error.issues
        .flatMap((issue) => describeIssue(issue, data, () => []))
        .map(({ subject, says, todo }) => ({ subject: path, says: `${subject} ${says}`.trimStart(), todo })),
    );
  }
  return parsed.data;
}
