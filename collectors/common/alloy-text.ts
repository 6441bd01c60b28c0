import type { RenderedFile } from "../collector";
import { commentLines, Explained, isList, jsonText, Reference } from "./config-text";

/** A value in Alloy's configuration language. */
export type AlloyValue = string | number | boolean | readonly AlloyValue[] | AlloyObject | Reference;

/** The fields of an object, or the attributes of a block; what is undefined is left out. */
export interface AlloyObject {
  readonly [name: string]: AlloyValue | undefined;
}

/** What stands in a file or a block: groups of attributes, and blocks after them. An empty line sets each apart. */
export type AlloyPart = AlloyObject | AlloyBlock | Explained<AlloyObject | AlloyBlock>;

export class AlloyBlock {
  constructor(
    readonly head: string,
    readonly parts: readonly AlloyPart[],
  ) {}
}

/** A block without a label. */
export const block = (name: string, ...parts: readonly AlloyPart[]): AlloyBlock =>
  new AlloyBlock(name, parts);

/** A component: a block with a label, which is an identifier. */
export const component = (name: string, label: string, ...parts: readonly AlloyPart[]): AlloyBlock =>
  new AlloyBlock(`${name} "${label}"`, parts);

/** A configuration file, formatted as `alloy fmt` does (alloy 1.18, syntax/printer). */
export function alloyFile(path: string, header: string, parts: readonly AlloyPart[]): RenderedFile {
  const texts = [commentText(header, ""), ...parts.map((part) => partLines(part, ""))];
  return { path, mode: 0o644, content: `${texts.map((lines) => lines.join("\n")).join("\n\n")}\n` };
}

function partLines(part: AlloyPart, indent: string): readonly string[] {
  if (part instanceof Explained) {
    return [...commentText(part.comment, indent), ...partLines(part.value, indent)];
  }
  if (!(part instanceof AlloyBlock)) {
    return aligned(Object.entries(part), indent);
  }
  const { head, parts } = part;
  return parts.length === 0
    ? [`${indent}${head} { }`]
    : [
        `${indent}${head} {`,
        ...parts.flatMap((one, index) => [...(index === 0 ? [] : [""]), ...partLines(one, `${indent}\t`)]),
        `${indent}}`,
      ];
}

/** Names and values of neighbouring lines, with the equals signs below each other. */
function aligned(
  entries: readonly (readonly [name: string, value: AlloyValue | undefined])[],
  indent: string,
  end = "",
): readonly string[] {
  const given = entries.filter(([, value]) => value !== undefined);
  const width = Math.max(...given.map(([name]) => name.length));
  return given.map(
    ([name, value = ""]) => `${indent}${name.padEnd(width)} = ${literal(value, indent)}${end}`,
  );
}

function literal(value: AlloyValue, indent: string): string {
  if (typeof value === "string") {
    // Strings are Go's (alloy 1.18, syntax/internal/transform/value.go unquotes with Go's strconv).
    return jsonText(value);
  }
  if (typeof value !== "object") {
    return String(value);
  }
  if (value instanceof Reference) {
    return value.text;
  }
  if (isList(value)) {
    return `[${value.map((item) => literal(item, indent)).join(", ")}]`;
  }
  const fields = Object.entries(value).map(([name, field]) => [jsonText(name), field] as const);
  return `{\n${aligned(fields, `${indent}\t`, ",").join("\n")}\n${indent}}`;
}

const commentText = (text: string, indent: string): readonly string[] =>
  commentLines(text).map((line) => `${indent}// ${line}`);
