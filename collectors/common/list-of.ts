/** A list of the items that are there: write `condition && item` for one that is there under a condition. */
export const listOf = <T>(...items: readonly (T | false | undefined)[]): readonly T[] =>
  items.filter((item): item is T => item !== false && item !== undefined);
