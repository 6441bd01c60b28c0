/** A number with its noun, as in `1 site` and `2 sites`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
