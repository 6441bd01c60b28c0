import { styleOf, writeEntry, writeKey, yamlStyle } from "./entry-style";
import { defaultStep, indentationAt, lastLineEnd, lineBreakOf, lineEnd } from "./layout";
import type { Splice } from "./splice";
import type { TokenEntry } from "./token-changes";
import { isBlockMap, itemsOf, type Item } from "./yaml-nodes";

const startsNoLine = "is laid out in a way that nothing can be added to";

/**
 * Adds entries to a mapping with a line for each key, below its last one, or below `secretVersion` what belongs to it.
 *
 * @returns why that cannot be done, as a predicate.
 */
export function addToBlockMap(
  text: string,
  items: readonly Item[],
  entries: readonly TokenEntry[],
): readonly Splice[] | string {
  const last = items.at(-1);
  const indentation = last === undefined ? undefined : indentationAt(text, last.keyRange.start);
  if (last === undefined || indentation === undefined) {
    return startsNoLine;
  }
  const style = styleOf(text, last);
  return entries.map((entry) => {
    const above =
      entry.key === "previousSecretExpiresAt"
        ? (items.find(({ key }) => key.value === "secretVersion") ?? last)
        : last;
    const at = lineEnd(text, above.valueRange.end);
    return { start: at, end: at, text: lineBreakOf(text) + indentation + writeEntry(entry, style) };
  });
}

/** Adds a mapping `token` at the end of a text whose other keys, if any, have a line each. */
export function addTokenBlock(
  text: string,
  items: readonly Item[],
  entries: readonly TokenEntry[],
): readonly Splice[] | string {
  const last = items.at(-1);
  const indentation = last === undefined ? "" : indentationAt(text, last.keyRange.start);
  if (indentation === undefined) {
    return startsNoLine;
  }
  const style = last === undefined ? yamlStyle : { ...styleOf(text, last), colon: ": " };
  const step = items.map((item) => stepOf(text, item, indentation)).find((found) => found !== undefined);
  const lines = [
    indentation + writeKey("token", style).trimEnd(),
    ...entries.map((entry) => indentation + (step ?? defaultStep) + writeEntry(entry, style)),
  ];
  const lineBreak = lineBreakOf(text);
  const at = lastLineEnd(text);
  const block = lines.join(lineBreak);
  return [{ start: at, end: at, text: at === 0 ? block + lineBreak : lineBreak + block }];
}

/** What an item's own mapping is indented by, when it has one with a line for each key. */
function stepOf(text: string, { value }: Item, indentation: string): string | undefined {
  const [first] = isBlockMap(value) ? (itemsOf(value) ?? []) : [];
  const inner = first === undefined ? undefined : indentationAt(text, first.keyRange.start);
  return inner?.startsWith(indentation) === true ? inner.slice(indentation.length) : undefined;
}
