import { UnknownValueError } from "@pulumi/policy";

/** What stands for a property that a preview cannot know yet, such as the ID of what is not made. */
export const notYetKnown = Symbol("not known before up");

/** A property by its path. What is missing, and what the provider gives back as null, is undefined. */
export function valueIn(of: unknown, ...path: readonly (string | number)[]): unknown {
  let value: unknown = of;
  for (const key of path) {
    if (typeof value !== "object" || value === null) {
      return value === notYetKnown ? notYetKnown : undefined;
    }
    try {
      value = Reflect.get(value, key);
    } catch (error) {
      if (!(error instanceof UnknownValueError)) {
        throw error;
      }
      value = notYetKnown;
    }
  }
  return value ?? undefined;
}

/** A property that is text; undefined where it is something else, or not known yet. */
export function textIn(of: unknown, ...path: readonly (string | number)[]): string | undefined {
  const value = valueIn(of, ...path);
  return typeof value === "string" ? value : undefined;
}

/** The elements of a property that is a list; none where it is something else, or not known yet. */
export function listIn(of: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const value = valueIn(of, ...path);
  return Array.isArray(value)
    ? Array.from({ length: value.length }, (_, index) => valueIn(value, index))
    : [];
}
