import { join } from "node:path";
import { isPair, isScalar, parseDocument, visit, type Document } from "yaml";
import { z } from "zod";
import { isTextKey } from "../fleet/config";
import { throwIfAny, UserError, type Problem } from "../fleet/problem";
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
 * @param text of the stack's file, where that is not written yet.
 * @throws UserError for files that are missing or are not Pulumi files.
 */
export function readStackConfig(
  directory: string,
  stack: string,
  overrides: Readonly<Record<string, string>> = {},
  text?: string,
): StackConfig {
  const project = readYaml(join(directory, "Pulumi.yaml"), projectSchema);
  const file = `Pulumi.${stack}.yaml`;
  const { config } = readYaml(
    join(directory, file),
    stackSchema,
    (document) => misreadScalars(document, file, project.name),
    text,
  );
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
    const name = fullKey(project.name, key);
    const fallback = declared.value ?? declared.default;
    if (values[name] === undefined && !encrypted.includes(name) && fallback !== undefined) {
      values[name] = asText(fallback);
    }
  }
  return { project: project.name, values, encrypted };
}

const fullKey = (project: string, key: string): string => (key.includes(":") ? key : `${project}:${key}`);

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * Values that YAML reads as another number than is written, or as true or false where text belongs, in keys that the program
 * reads. Go, which Pulumi reads the file with, makes other numbers of some of them than Node: `0123` is 83 to the one, and 123 to
 * the other. True is what a team name would then be, and its pushes be refused.
 */
function misreadScalars(document: Document, file: string, project: string): readonly Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Scalar: (role, { value, source, type }, path) => {
      const keys = path.flatMap((node) =>
        isPair(node) && isScalar(node.key) ? [String(node.key.value)] : [],
      );
      const [section, key = "", ...inner] = keys;
      const name = fullKey(project, key);
      const isOurs = [`${project}:`, "sitepass:", "cloudflare:"].some((namespace) =>
        name.startsWith(namespace),
      );
      if (role !== "key" && section === "config" && isOurs && type === "PLAIN") {
        if (typeof value === "boolean" && inner.length === 0 && isTextKey(name.replace(/^.*:/, ""))) {
          problems.push({
            subject: file,
            says: `${name} is ${source}, which YAML reads as true or false, and is to be text`,
            todo: "Put it in quotes",
          });
        }
        if (typeof value === "number" && String(value) !== source) {
          problems.push({
            subject: file,
            says: `${[name, ...inner].join(".")} is ${source}, which YAML reads as the number ${value}`,
            todo: /^[1-9]\d*$/.test(source ?? "")
              ? "Put it in quotes"
              : "Put it in quotes, or write a number in decimal digits alone",
          });
        }
      }
    },
  });
  return problems;
}

function readYaml<T>(
  path: string,
  schema: z.ZodType<T>,
  problemsIn: (document: Document) => readonly Problem[] = () => [],
  text = readTextFile(path),
): T {
  if (text === undefined) {
    throw new UserError({
      subject: path,
      says: "is not there",
      todo: "Run this in the project's folder, or name the stack with --stack",
    });
  }
  const invalid = ({ message }: Error): Problem => ({
    subject: path,
    says: `is not valid YAML (${(message.split("\n", 1)[0] ?? "").replace(/:$/, "")})`,
    todo: "Fix it",
  });
  const document = parseDocument(text);
  throwIfAny(document.errors.map(invalid));
  throwIfAny(problemsIn(document));
  let data: unknown;
  try {
    // An empty file is an empty mapping to Pulumi, too.
    data = document.toJS() ?? {};
  } catch (error) {
    // An alias of nothing, or of too much.
    throw error instanceof ReferenceError ? new UserError(invalid(error)) : error;
  }
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    throw new UserError(
      parsed.error.issues
        .flatMap((issue) => describeIssue(issue, data, schema))
        .map(({ subject, says, todo }) => ({ subject: path, says: `${subject} ${says}`.trimStart(), todo })),
    );
  }
  return parsed.data;
}
