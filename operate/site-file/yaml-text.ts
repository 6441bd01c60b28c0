import { isNode, isScalar, type Pair, type Range, type YAMLMap } from "yaml";

/** Adds an entry behind another one of a mapping, by default the last: in the same line in braces, else in the next. */
export function addBehind(text: string, map: YAMLMap, before: Pair | undefined, entry: string): string {
  const last = map.items.at(-1);
  if (last === undefined) {
    const at = rangeOf(map)[0] + 1;
    return insert(text, at, ` ${entry}${text[at] === "}" ? " " : ""}`);
  }
  const end = rangeOf((before ?? last).value)[1];
  return map.flow === true
    ? insert(text, end, `, ${entry}`)
    : insert(text, lineEnd(text, end), lineBreakOf(text) + indentationOf(text, last.key) + entry);
}

/** What stands around a text of one line; undefined for anything else. */
export function quoteOf(node: unknown): string | undefined {
  const type = isScalar(node) ? node.type : undefined;
  return type === "PLAIN" ? "" : type === "QUOTE_DOUBLE" ? '"' : type === "QUOTE_SINGLE" ? "'" : undefined;
}

/** Where a parsed node begins and ends: without anchor and tag before it, without white space and comments behind it. */
export function rangeOf(node: unknown): Range {
  if (!isNode(node) || !node.range) {
    throw new Error("a node of a site file has no place in its text");
  }
  return node.range;
}

/** A text with more in it at a position. */
export const insert = (text: string, at: number, added: string): string =>
  text.slice(0, at) + added + text.slice(at);

/** What a text breaks its lines with. */
export const lineBreakOf = (text: string): string => /\r?\n/.exec(text)?.[0] ?? "\n";

/** Where the line of a position ends, before its line break. */
export const lineEnd = (text: string, position: number): number =>
  position + text.slice(position).search(/\r?\n|$/);

/** What stands before a node in its line: white space, or else what is written with it is refused. */
export function indentationOf(text: string, node: unknown): string {
  const [start] = rangeOf(node);
  return text.slice(0, start).replace(/^.*\n/s, "");
}
