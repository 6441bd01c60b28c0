import { commentLines } from "./comment-lines";

/** A value in Alloy's configuration language. */
export type AlloyValue = string | number | boolean | readonly AlloyValue[] | AlloyObject | AlloyExpression;

/** An object's fields in order. Not a record: names may be any text. */
export class AlloyObject {
  constructor(readonly fields: readonly (readonly [name: string, value: AlloyValue])[]) {}
}

/** What is not a literal, such as a reference to another component. */
export class AlloyExpression {
  constructor(readonly text: string) {}
}

/** What stands in a block: attributes first, blocks after them. */
export interface AlloyBody {
  /** Each group is set apart by an empty line, and may begin with a comment. */
  readonly attributes?: readonly AlloyAttributes[];
  readonly blocks?: readonly AlloyBlock[];
}

export interface AlloyAttributes {
  readonly comment?: string;
  readonly values: Readonly<Record<string, AlloyValue>>;
}

export interface AlloyBlock extends AlloyBody {
  readonly comment?: string;
  readonly name: string;
  readonly label?: string;
}

/** The text of a configuration file, formatted as `alloy fmt` does (alloy 1.18, syntax/printer). */
export function alloyText(header: string, blocks: readonly AlloyBlock[]): string {
  const parts = [commentText(header, "").join("\n"), ...blocks.map((one) => block(one, "").join("\n"))];
  return `${parts.join("\n\n")}\n`;
}

function block({ comment, name, label, attributes = [], blocks = [] }: AlloyBlock, indent: string): string[] {
  const inner = `${indent}\t`;
  const groups = [
    ...attributes.map((group) => [
      ...(group.comment === undefined ? [] : commentText(group.comment, inner)),
      ...aligned(Object.entries(group.values), inner),
    ]),
    ...blocks.map((one) => block(one, inner)),
  ];
  const head = `${indent}${name}${label === undefined ? "" : ` ${alloyString(label)}`}`;
  return [
    ...(comment === undefined ? [] : commentText(comment, indent)),
    ...(groups.length === 0
      ? [`${head} { }`]
      : [
          `${head} {`,
          ...groups.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines])),
          `${indent}}`,
        ]),
  ];
}

/** Names and values of neighbouring lines, with the equals signs below each other. */
function aligned(
  entries: readonly (readonly [name: string, value: AlloyValue])[],
  indent: string,
  end = "",
): string[] {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${indent}${name.padEnd(width)} = ${literal(value, indent)}${end}`);
}

function literal(value: AlloyValue, indent: string): string {
  if (value instanceof AlloyExpression) {
    return value.text;
  }
  if (value instanceof AlloyObject) {
    const fields = value.fields.map(([name, field]) => [alloyString(name), field] as const);
    return `{\n${aligned(fields, `${indent}\t`, ",").join("\n")}\n${indent}}`;
  }
  if (isList(value)) {
    return `[${value.map((item) => literal(item, indent)).join(", ")}]`;
  }
  return typeof value === "string" ? alloyString(value) : String(value);
}

const isList = (value: AlloyValue): value is readonly AlloyValue[] => Array.isArray(value);

/**
 * A string as Go writes them (alloy 1.18, syntax/internal/transform/value.go unquotes with Go's strconv). JSON's escapes are
 * Go's too; what does not show, or is no character at all in a file, is escaped beside it.
 */
function alloyString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const commentText = (text: string, indent: string): string[] =>
  commentLines(text).map((line) => `${indent}// ${line}`);
