import { isDeepStrictEqual } from "node:util";
import type { Properties } from "./properties";

/** The properties in which two sets of inputs differ, sorted. An unknown value differs from every known one. */
export function changedProperties(before: Properties, after: Properties): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).sort();
}
