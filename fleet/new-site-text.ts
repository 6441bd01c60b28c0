import { Document, isCollection } from "yaml";
import { z } from "zod";
import { siteJsonSchema } from "./site-schema";

/** Names the schema for editors, which complete and check by it. */
const schemaLine = "# yaml-language-server: $schema=../site.schema.json";

const howToRead =
  'Every key is optional, and an empty file is a site too. To set a key, take the "# " off its line.';

/** Of comments; values are not folded. */
const longestLine = 110;

/** What of a key's JSON Schema the text is made from. */
const keySchema = z.looseObject({
  description: z.string(),
  default: z.unknown().optional(),
  examples: z.tuple([z.unknown()], z.unknown()).optional(),
  enum: z.tuple([z.unknown()], z.unknown()).optional(),
  items: z.looseObject({ enum: z.array(z.unknown()).optional() }).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
});

type KeySchema = z.infer<typeof keySchema>;

/**
 * The text of a new site file: every key that one may have, with what it means and its default. Made from the schema that site files
 * are checked with, so that none is ever missing.
 *
 * @param values those that are to count; every other key is a comment. They are not checked here.
 */
export function newSiteText(values: Readonly<Record<string, unknown>>): string {
  const { properties } = z
    .looseObject({ properties: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(siteJsonSchema()));
  const keys = Object.entries(properties)
    // In YAML, the first line names the schema.
    .filter(([key]) => key !== "$schema")
    .map(([key, schema]) => keyLines(key, keySchema.parse(schema), values[key]).join("\n"));
  return `${[[schemaLine, ...comment(howToRead)].join("\n"), ...keys].join("\n\n")}\n`;
}

/** @param within a key that is a comment itself: one mark in front of the line is enough. */
function keyLines(key: string, schema: KeySchema, value: unknown, within = false): string[] {
  const about = comment(meaningOf(schema));
  if (schema.properties === undefined) {
    const example = within ? exampleLines(key, schema) : commented(exampleLines(key, schema));
    return [...about, ...(value === undefined ? example : valueLines(key, value))];
  }
  const given = z.record(z.string(), z.unknown()).optional().parse(value) ?? {};
  const isComment = Object.keys(given).length === 0;
  const inner = Object.entries(schema.properties).flatMap(([name, innerSchema]) =>
    keyLines(name, keySchema.parse(innerSchema), given[name], isComment),
  );
  const lines = [`${key}:`, ...inner.map((line) => `  ${line}`)];
  return [...about, ...(isComment && !within ? commented(lines) : lines)];
}

/** What a key means, what it may be, and what it is when it is left out. */
function meaningOf(schema: KeySchema): string {
  const { description, enum: choices, properties } = schema;
  const oneOf = choices === undefined ? [] : [`One of ${choices.join(", ")}.`];
  const isSaid = properties !== undefined || /\bDefault: /.test(description);
  return [description, ...oneOf, ...(isSaid ? [] : [`Default: ${defaultText(schema.default)}.`])].join(" ");
}

const defaultText = (value: unknown): string =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "string"
    ? String(value)
    : "none";

/** The key with what a person may want to write, rather than with its default where that says nothing. */
function exampleLines(key: string, schema: KeySchema): string[] {
  const example = schema.examples?.[0] ?? schema.enum?.[0] ?? schema.items?.enum ?? schema.default;
  if (example === undefined) {
    throw new Error(`the schema of site files has no example for ${key}: give it one in its meta`);
  }
  return yamlLines(key, example, true);
}

const valueLines = (key: string, value: unknown): string[] => yamlLines(key, value, Array.isArray(value));

function yamlLines(key: string, value: unknown, flow: boolean): string[] {
  const document = new Document({});
  const node = document.createNode(value, { flow });
  document.set(key, node);
  // As Prettier writes them.
  const flowCollectionPadding = !(isCollection(node) && Array.isArray(value));
  return document.toString({ lineWidth: 0, flowCollectionPadding }).trimEnd().split("\n");
}

const commented = (lines: readonly string[]): string[] => lines.map((line) => `# ${line}`);

/** A comment of one or more lines. */
function comment(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > longestLine) {
      lines.push(`# ${word}`);
    } else {
      lines[lines.length - 1] = `${last} ${word}`;
    }
  }
  return lines;
}
