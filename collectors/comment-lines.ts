/** Columns of a comment's text; what stands before it comes on top. */
const width = 100;

/** A comment broken into lines between words; a line break in the text stays one, and so do the spaces of a line that fits. */
export function commentLines(text: string): readonly string[] {
  return text.split("\n").flatMap((paragraph) => {
    if (paragraph.length <= width) {
      return [paragraph];
    }
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === "" ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}
