/** Spaces that a nested mapping is indented by where the file shows no habit of its own. */
export const defaultStep = "  ";

/** The line break of a text: that of its first line, or a line feed. */
export function lineBreakOf(text: string): "\n" | "\r\n" {
  const first = text.indexOf("\n");
  return first > 0 && text[first - 1] === "\r" ? "\r\n" : "\n";
}

/** Where the line of a position begins. */
export function lineStart(text: string, position: number): number {
  return text.lastIndexOf("\n", position - 1) + 1;
}

/** Where the line of a position ends, before its line break. */
export function lineEnd(text: string, position: number): number {
  const feed = text.indexOf("\n", position);
  if (feed === -1) {
    return text.length;
  }
  return feed > position && text[feed - 1] === "\r" ? feed - 1 : feed;
}

/** The white space before a position, when nothing else stands before it in its line. */
export function indentationAt(text: string, position: number): string | undefined {
  const before = text.slice(lineStart(text, position), position);
  return /^[ \t]*$/.test(before) ? before : undefined;
}

/** Where the last line that is not blank ends, before its line break; 0 when all are blank. */
export function lastLineEnd(text: string): number {
  return text.trimEnd().length === 0 ? 0 : lineEnd(text, text.trimEnd().length);
}
