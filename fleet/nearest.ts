import { closest, distance } from "fastest-levenshtein";

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
