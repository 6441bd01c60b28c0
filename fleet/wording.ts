import { closest, distance } from "fastest-levenshtein";

/** A number with its noun, as in `1 site` and `2 sites`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The known word that was probably meant, or undefined when none is near enough to be worth suggesting. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) {
    return undefined;
  }
  const candidate = closest(
    word.toLowerCase(),
    known.map((name) => name.toLowerCase()),
  );
  const match = known.find((name) => name.toLowerCase() === candidate);
  return distance(word.toLowerCase(), candidate) <= Math.max(2, Math.floor(candidate.length / 3))
    ? match
    : undefined;
}

/** The first names of a list, and how many more there are: `lima, oslo and 3 more`. */
export function someOf(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/**
 * Where a text has a character that it must not have, as a predicate that names the character and nothing else of the
 * text, which may be a secret: `ends in a carriage return (U+000D)`. Undefined when it has none.
 *
 * @param allowed matches each character that it may have.
 */
export function strayCharacter(text: string, allowed: RegExp): string | undefined {
  const characters = Array.from(text);
  const at = characters.findIndex((character) => !allowed.test(character));
  const stray = characters[at];
  if (stray === undefined) {
    return undefined;
  }
  const code = (stray.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  // What cannot be seen is named, so that nobody looks for it.
  const name = invisible[stray] ?? (/[\p{C}\p{Z}]/u.test(stray) ? "an invisible character" : stray);
  const described = `${name} (U+${code})`;
  if (characters.slice(at).every((character) => !allowed.test(character)) && at > 0) {
    return `ends in ${described}`;
  }
  return at === 0 ? `begins with ${described}` : `has ${described} as character ${at + 1}`;
}

const invisible: Readonly<Record<string, string>> = {
  "\r": "a carriage return",
  "\n": "a line feed",
  "\t": "a tab",
  " ": "a space",
  "\u00a0": "a no-break space",
  "\u200b": "a zero-width space",
  "\ufeff": "a byte order mark",
};
