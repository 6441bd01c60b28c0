import { isDeepStrictEqual } from "node:util";
import { diffLines } from "diff";
import { isAlias, isMap, isScalar, parseDocument, type Pair } from "yaml";
import { failure, success, type Result } from "../../fleet/problem";
import { parseSite } from "../../fleet/site-files";
import { addBehind, indentationOf, insert, lineBreakOf, lineEnd, quoteOf, rangeOf } from "./yaml-text";

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
