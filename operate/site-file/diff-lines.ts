/** A line that was taken out of a text or put into it. */
export interface LineChange {
  readonly sign: "-" | "+";
  /** From 1: in the old text where it was taken out, in the new one where it was put in. */
  readonly line: number;
  /** Without its line break. */
  readonly text: string;
}

/** The lines in which two texts differ, as few as possible, in the order of the texts. */
export function diffLines(before: string, after: string): readonly LineChange[] {
  const old = linesOf(before);
  const now = linesOf(after);
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) {
    head += 1;
  }
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < now.length - head &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  ) {
    tail += 1;
  }
  return middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)).map(
    ({ sign, line, text }) => ({ sign, line: line + head, text: text.replace(/\r?\n$/, "") }),
  );
}

/** With their line breaks, so that a changed line break is a changed line. */
const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** By the longest common subsequence: what is left between equal beginnings and ends is a few lines. */
function middle(old: readonly string[], now: readonly string[]): LineChange[] {
  const common: number[][] = Array.from({ length: old.length + 1 }, () =>
    new Array<number>(now.length + 1).fill(0),
  );
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const row = common[i];
    for (let j = now.length - 1; j >= 0 && row !== undefined; j -= 1) {
      row[j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changes: LineChange[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      i += 1;
      j += 1;
    } else if (i < old.length && (j === now.length || at(i + 1, j) >= at(i, j + 1))) {
      i += 1;
      changes.push({ sign: "-", line: i, text: old[i - 1] ?? "" });
    } else {
      j += 1;
      changes.push({ sign: "+", line: j, text: now[j - 1] ?? "" });
    }
  }
  return changes;
}
