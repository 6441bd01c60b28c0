import { styleOf, type EntryStyle } from "./entry-style";
import { defaultStep, indentationAt, lineBreakOf, lineStart } from "./layout";
import type { Splice } from "./splice";
import type { Item, Range } from "./yaml-nodes";

/** A mapping in braces, and the style of what is around it for when it is empty. */
export interface FlowMap {
  readonly range: Range;
  readonly items: readonly Item[];
  readonly outerStyle: EntryStyle;
}

/** How an entry is to be written where it goes. */
export interface EntryPlace {
  readonly style: EntryStyle;
  /** Set where each entry has a line of its own. */
  readonly lines?: {
    readonly lineBreak: string;
    /** Of the entry. */
    readonly indentation: string;
    /** By how much more a mapping inside it is indented. */
    readonly step: string;
  };
}

/** Writes entries for a place; the text of each. */
export type WriteEntries = (place: EntryPlace) => readonly string[];

/**
 * Adds entries to a mapping in braces, behind its last one, in the same line or in lines of their own as the others.
 *
 * @returns why that cannot be done, as a predicate.
 */
export function addToFlowMap(text: string, map: FlowMap, write: WriteEntries): readonly Splice[] | string {
  const last = map.items.at(-1);
  if (last === undefined) {
    return fillEmptyMap(text, map, write);
  }
  const style = styleOf(text, last);
  const indentation = indentationAt(text, last.keyRange.start);
  const end = last.valueRange.end;
  if (indentation === undefined) {
    const separator = style.colon.endsWith(" ") ? ", " : ",";
    return [
      insert(
        end,
        write({ style })
          .map((entry) => separator + entry)
          .join(""),
      ),
    ];
  }
  const lineBreak = lineBreakOf(text);
  const place = { style, lines: { lineBreak, indentation, step: stepOf(text, map, indentation) } };
  const added = write(place).map((entry) => lineBreak + indentation + entry);
  const { comma, newLine } = behindLast(text, { start: end, end: map.range.end - 1 });
  if (newLine === undefined) {
    return [insert(end, `,${added.join(",")}`)];
  }
  return comma
    ? [insert(newLine, added.map((entry) => `${entry},`).join(""))]
    : [insert(end, ","), insert(newLine, added.join(","))];
}

function fillEmptyMap(
  text: string,
  { range, outerStyle }: FlowMap,
  write: WriteEntries,
): readonly Splice[] | string {
  const inside = { start: range.start + 1, end: range.end - 1 };
  const blank = text.slice(inside.start, inside.end);
  if (blank.trim() !== "") {
    return "holds nothing but a comment in braces";
  }
  if (!blank.includes("\n")) {
    const space = outerStyle.colon.endsWith(" ") ? " " : "";
    return [{ ...inside, text: space + write({ style: outerStyle }).join(`,${space}`) + space }];
  }
  const lineBreak = lineBreakOf(text);
  const outer = /^[ \t]*/.exec(text.slice(lineStart(text, range.start)))?.[0] ?? "";
  const indentation = outer + defaultStep;
  const entries = write({ style: outerStyle, lines: { lineBreak, indentation, step: defaultStep } });
  return [insert(inside.start, entries.map((entry) => lineBreak + indentation + entry).join(","))];
}

const insert = (at: number, text: string): Splice => ({ start: at, end: at, text });

/** What the items are indented by, more than the line that the brace stands in. */
function stepOf(text: string, { range }: FlowMap, indentation: string): string {
  const outer = /^[ \t]*/.exec(text.slice(lineStart(text, range.start)))?.[0] ?? "";
  const step = indentation.startsWith(outer) ? indentation.slice(outer.length) : "";
  return step === "" ? defaultStep : step;
}

/** Between the last value and the closing brace: whether a comma follows in the same line, and where that line ends. */
function behindLast(text: string, { start, end }: Range): { comma: boolean; newLine: number | undefined } {
  const gap = text.slice(start, end);
  const [line = ""] = gap.split(/\r?\n/, 1);
  return {
    // White space, a comma and a comment are all that can stand here.
    comma: /^[ \t]*,/.test(line),
    newLine: gap.includes("\n") ? start + line.length : undefined,
  };
}
