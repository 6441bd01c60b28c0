import type { DeclaredResource } from "./declared";

/** An object of the account, and the resource of the program that it is to become. */
export interface Adoption {
  readonly becomes: DeclaredResource;
  /** As `pulumi import` takes it (facts on the provider: each resource's "Import" section). */
  readonly importId: string;
  /** For people, such as `application "Prometheus"`. */
  readonly object: string;
  /** What the next `up` changes on it; empty when nothing. */
  readonly changes: readonly Change[];
}

/** One input that the program declares otherwise than the object has it. */
export interface Change {
  /** As the provider calls it, such as `sessionDuration`. */
  readonly property: string;
  readonly from: string;
  readonly to: string;
}

/** What came of looking at one kind of object. Every text is a whole message: what it is about, what is wrong, what to do. */
export interface Part {
  readonly adoptions: readonly Adoption[];
  /** Why nothing can be adopted as things are. */
  readonly refusals: readonly string[];
  /** What works today and would not after the next `up`. */
  readonly losses: readonly string[];
  /** What a person should know, though nothing that works today depends on it. */
  readonly notes: readonly string[];
}

export const nothing: Part = { adoptions: [], refusals: [], losses: [], notes: [] };

export function together(parts: readonly Part[]): Part {
  return {
    adoptions: parts.flatMap(({ adoptions }) => adoptions),
    refusals: distinct(parts.flatMap(({ refusals }) => refusals)),
    losses: distinct(parts.flatMap(({ losses }) => losses)),
    notes: distinct(parts.flatMap(({ notes }) => notes)),
  };
}

/** The change, or none where both are the same. */
export function changed(property: string, from: unknown, to: unknown): readonly Change[] {
  const [before, after] = [shown(from), shown(to)];
  return before === after ? [] : [{ property, from: before, to: after }];
}

const shown = (value: unknown): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

const distinct = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
