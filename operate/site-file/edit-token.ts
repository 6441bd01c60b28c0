import { success } from "../../fleet/problem";
import { isDeepStrictEqual } from "node:util";
import { isAlias, isScalar, parseDocument } from "yaml";
import { parseSite } from "../../fleet/site-files";
import { addToBlockMap, addTokenBlock } from "./block-map";
import { jsonStyle, styleOf, writeEntry, writeKey, yamlStyle } from "./entry-style";
import { addToFlowMap, type EntryPlace } from "./flow-map";
import { lineBreakOf } from "./layout";
import { spliced, type Splice } from "./splice";
import { entriesOf, inWords, type TokenChanges, type TokenEntry } from "./token-changes";
import { isBlockMap, isFlowMap, itemsOf, mappingOf, rangeOf, type Item } from "./yaml-nodes";

/** The new text, or why there is none: a predicate about the file and what to do, without the final full stop. */
export type Edited =
  | { readonly text: string; readonly problem?: undefined }
  | { readonly text?: undefined; readonly problem: string };

/** What the name of a file says of it; JSON is YAML too, but what is added to it is to stay JSON. */
export type SiteFileFormat = "yaml" | "json";

const byteOrderMark = "\uFEFF";

/**
 * Changes keys below `token` in the text of a site file, and nothing else: comments, layout, line breaks, order and
 * quotes stay, a key that is there keeps its place, and one that is missing gets a line below the others.
 *
 * What was written is read again by the program's own reader. Unless it says exactly what was meant, as with an alias
 * that stands for more than the token, the file is left to the person.
 *
 * @param text with its byte order mark, if it has one.
 * @returns the same text when the token has these values already.
 */
export function editToken(text: string, changes: TokenChanges, format: SiteFileFormat): Edited {
  const mark = text.startsWith(byteOrderMark) ? byteOrderMark : "";
  const body = text.slice(mark.length);
  const before = parseSite(body, "site");
  if (!before.ok) {
    return { problem: before.problems.map(({ says, todo }) => `${says}. ${todo}`).join("; ") };
  }
  const entries = entriesOf(changes, before.value.token);
  const splices = splicesFor(body, entries, format);
  if (typeof splices === "string") {
    return { problem: `${splices}. Set ${inWords(entries)} by hand` };
  }
  const edited = spliced(body, splices);
  const intended = { ...before.value, token: { ...before.value.token, ...changes } };
  return isDeepStrictEqual(parseSite(edited, "site"), success(intended))
    ? { text: mark + edited }
    : {
        problem: `is written in a way that cannot be changed without changing more. Set ${inWords(entries)} by hand`,
      };
}

/** Where what goes into the text, or why that cannot be said. */
function splicesFor(
  text: string,
  entries: readonly TokenEntry[],
  format: SiteFileFormat,
): readonly Splice[] | string {
  if (entries.length === 0) {
    return [];
  }
  const contents = mappingOf(parseDocument(text));
  if (contents === "nothing") {
    return text.trim() === "" && format === "json"
      ? [{ start: 0, end: 0, text: newJson(entries) + lineBreakOf(text) }]
      : addTokenBlock(text, [], entries);
  }
  const items = contents === undefined ? undefined : itemsOf(contents);
  if (contents === undefined || items === undefined) {
    return "holds something else than keys with values";
  }
  const token = items.find(({ key }) => key.value === "token");
  if (token !== undefined) {
    return changeToken(text, token, entries);
  }
  const range = rangeOf(contents);
  const outerStyle = format === "json" ? jsonStyle : yamlStyle;
  return contents.flow === true
    ? addToFlowMap(text, { range, items, outerStyle }, (place) => [newToken(entries, place)])
    : addTokenBlock(text, items, entries);
}

function changeToken(text: string, token: Item, entries: readonly TokenEntry[]): readonly Splice[] | string {
  const map = token.value;
  if (isAlias(map)) {
    return `token is an alias (*${map.source})`;
  }
  const items = isBlockMap(map) || isFlowMap(map) ? itemsOf(map) : undefined;
  if (items === undefined) {
    return "token is something else than keys with values";
  }
  const splices: Splice[] = [];
  const missing: TokenEntry[] = [];
  for (const entry of entries) {
    const there = items.find(({ key }) => key.value === entry.key);
    const changed = there === undefined ? undefined : replaceValue(there, entry);
    if (typeof changed === "string") {
      return `token.${entry.key} ${changed}`;
    }
    if (changed === undefined) {
      missing.push(entry);
    } else {
      splices.push(changed);
    }
  }
  if (missing.length === 0) {
    return splices;
  }
  const added = isBlockMap(map)
    ? addToBlockMap(text, items, missing)
    : addToFlowMap(text, { range: token.valueRange, items, outerStyle: styleOf(text, token) }, ({ style }) =>
        missing.map((entry) => writeEntry(entry, style)),
      );
  return typeof added === "string" ? `token ${added}` : [...splices, ...added];
}

/** A value for another in the same quotes, or why not, as a predicate. */
function replaceValue({ value, valueRange }: Item, entry: TokenEntry): Splice | string {
  if (!isScalar(value)) {
    return isAlias(value) ? `is an alias (*${value.source})` : "is not a single value";
  }
  switch (value.type) {
    case "PLAIN":
      return { ...valueRange, text: entry.value };
    case "QUOTE_DOUBLE":
      return { ...valueRange, text: `"${entry.value}"` };
    case "QUOTE_SINGLE":
      return { ...valueRange, text: `'${entry.value}'` };
    default:
      return "is a block of text";
  }
}

/** `token` as a mapping in braces. */
function newToken(entries: readonly TokenEntry[], { style, lines }: EntryPlace): string {
  const written = entries.map((entry) => writeEntry(entry, style));
  const key = writeKey("token", style);
  if (lines === undefined) {
    const space = style.colon.endsWith(" ") ? " " : "";
    return `${key}{${space}${written.join(`,${space}`)}${space}}`;
  }
  const { lineBreak, indentation, step } = lines;
  const inner = written.map((entry) => lineBreak + indentation + step + entry).join(",");
  return `${key}{${inner}${lineBreak}${indentation}}`;
}

const newJson = (entries: readonly TokenEntry[]): string => `{ ${newToken(entries, { style: jsonStyle })} }`;
