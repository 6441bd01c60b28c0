const mostNames = 5;

/** Names for a sentence: all of a few, of many the first ones and how many more. */
export function nameList(names: readonly string[]): string {
  return names.length > mostNames
    ? `${names.slice(0, mostNames).join(", ")} and ${names.length - mostNames} more`
    : names.join(", ");
}
