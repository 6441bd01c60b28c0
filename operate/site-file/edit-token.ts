import { isDeepStrictEqual } from "node:util";
import { diffLines } from "diff";
import { isAlias, isMap, isNode, isScalar, parseDocument, type Pair, type Range, type YAMLMap } from "yaml";
import { failure, success, type Result } from "../../fleet/problem";
import { parseSite } from "../../fleet/site-files";

/** What a command changes below `token` in a site file. */
export interface TokenChanges {
  readonly secretVersion?: number;
  /** RFC 3339, as the file is to have it. */
  readonly previousSecretExpiresAt?: string;
  readonly enabled?: boolean;
}

/** In the order in which missing keys are added. */
const editableKeys = ["secretVersion", "previousSecretExpiresAt", "enabled"] as const;

/**
 * Changes keys below `token` in the text of a site file, and nothing else: comments, layout, line breaks, order and
 * quotes stay, a key that is there keeps its place, and one that is missing is added behind the others.
 *
 * The program's own reader then reads the new text. Unless it says exactly what was meant, the file is left to the
 * person, as where an alias stands for a value or the layout is unusual.
 *
 * @param text with its byte order mark, if it has one.
 * @param file as people name it.
 * @returns the same text when the token has these values already.
 */
export function editToken(text: string, changes: TokenChanges, file: string): Result<string> {
  const body = withoutMark(text);
  const before = parseSite(body, file);
  if (!before.ok) {
    return before;
  }
  const entries = editableKeys.flatMap((key): Entry[] => {
    const value = changes[key];
    return value === undefined || value === before.value.token[key] ? [] : [{ key, value: String(value) }];
  });
  const edited = entries.reduce(withEntry, body);
  const intended = { ...before.value, token: { ...before.value.token, ...changes } };
  return isDeepStrictEqual(parseSite(edited, file), success(intended))
    ? success(text.slice(0, text.length - body.length) + edited)
    : failure({
        subject: file,
        says:
          aliasInTheWay(body, entries) ?? "is written in a way that cannot be changed without changing more",
        todo: `Set ${entries.map(({ key, value }) => `token.${key}: ${value}`).join(" and ")} by hand`,
      });
}

/** A line that a text loses or gains. */
export interface LineChange {
  readonly sign: "-" | "+";
  /** From 1: in the old text where it is lost, in the new one where it is gained. */
  readonly line: number;
  /** Without its line break. */
  readonly text: string;
}

/** The lines in which two texts differ, in the order of the texts. A changed line break is a changed line. */
export function changedLines(before: string, after: string): readonly LineChange[] {
  const next = { "-": 1, "+": 1 };
  return diffLines(withoutMark(before), withoutMark(after)).flatMap(({ value, count, added, removed }) => {
    if (!added && !removed) {
      next["-"] += count;
      next["+"] += count;
      return [];
    }
    const sign = added ? "+" : "-";
    return value
      .split(/(?<=\n)/)
      .map((line) => ({ sign, line: next[sign]++, text: line.replace(/\r?\n$/, "") }) as const);
  });
}

/** A text without its byte order mark, if it has one. */
export const withoutMark = (text: string): string => text.replace(/^\uFEFF/, "");

/** A key below `token`, and its new value as YAML has it without quotes. */
interface Entry {
  readonly key: keyof TokenChanges;
  readonly value: string;
}

/** The text with one entry changed or added. What none of the rules fits comes out wrong, and the reading back notices it. */
function withEntry(text: string, { key, value }: Entry): string {
  const document = parseDocument(text);
  const present = document.getIn(["token", key], true);
  if (present !== undefined) {
    const [start, end] = rangeOf(present);
    const quote = quoteOf(present);
    return quote === undefined ? text : text.slice(0, start) + quote + value + quote + text.slice(end);
  }
  const entry = `${key}: ${value}`;
  const token = document.get("token", true);
  if (isMap(token)) {
    const version = token.items.find((item) => isScalar(item.key) && item.key.value === "secretVersion");
    return addBehind(text, token, key === "previousSecretExpiresAt" ? version : undefined, entry);
  }
  const root = document.contents;
  if (isMap(root) && root.flow === true) {
    return addBehind(text, root, undefined, `token: { ${entry} }`);
  }
  return token === undefined ? addTokenBlock(text, isMap(root) ? root.items : [], entry) : text;
}

/** Adds an entry behind another one of a mapping, by default the last: in the same line in braces, else in the next. */
function addBehind(text: string, map: YAMLMap, before: Pair | undefined, entry: string): string {
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

/** Adds a mapping `token` at the end of a text whose other keys, if any, have a line each, indented as others are. */
function addTokenBlock(text: string, items: readonly Pair[], entry: string): string {
  const indentation = items[0] === undefined ? "" : indentationOf(text, items[0].key);
  const nested = items.flatMap(({ value }) => (isMap(value) && value.flow !== true ? value.items : []))[0];
  const inner = nested === undefined ? `${indentation}  ` : indentationOf(text, nested.key);
  const lineBreak = lineBreakOf(text);
  const block = `${indentation}token:${lineBreak}${inner}${entry}`;
  const filled = text.trimEnd().length;
  return filled === 0 ? block + lineBreak + text : insert(text, lineEnd(text, filled), lineBreak + block);
}

/** Which alias keeps the text from being changed, as a predicate. */
function aliasInTheWay(text: string, entries: readonly Entry[]): string | undefined {
  const document = parseDocument(text);
  return [["token"], ...entries.map(({ key }) => ["token", key])].flatMap((path) => {
    const node = document.getIn(path, true);
    return isAlias(node) ? [`${path.join(".")} is an alias (*${node.source})`] : [];
  })[0];
}

/** What stands around a text of one line; undefined for anything else. */
function quoteOf(node: unknown): string | undefined {
  const type = isScalar(node) ? node.type : undefined;
  return type === "PLAIN" ? "" : type === "QUOTE_DOUBLE" ? '"' : type === "QUOTE_SINGLE" ? "'" : undefined;
}

/** Where a parsed node begins and ends: without anchor and tag before it, without white space and comments behind it. */
function rangeOf(node: unknown): Range {
  if (!isNode(node) || !node.range) {
    throw new Error("a node of a site file has no place in its text");
  }
  return node.range;
}

const insert = (text: string, at: number, added: string): string =>
  text.slice(0, at) + added + text.slice(at);

const lineBreakOf = (text: string): string => /\r?\n/.exec(text)?.[0] ?? "\n";

/** Where the line of a position ends, before its line break. */
const lineEnd = (text: string, position: number): number => position + text.slice(position).search(/\r?\n|$/);

/** What stands before a node in its line: white space, or else what is written with it is refused. */
function indentationOf(text: string, node: unknown): string {
  const [start] = rangeOf(node);
  return text.slice(0, start).replace(/^.*\n/s, "");
}
