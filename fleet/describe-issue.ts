import type { z } from "zod";
import { nearest } from "./nearest";

/** The keys an object may have at a path, for "did you mean"; undefined when any key is allowed there. */
export type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

/** What is wrong with one key, for a message of the form `<file>: <key> <says>.` or `<key>: <says>.` */
export interface Finding {
  /** The key's path, joined by dots. */
  readonly key: string;
  /** A predicate with the value, then what to do; without the final full stop. */
  readonly says: string;
}

/**
 * Turns one finding of zod into words.
 *
 * @param issue zod's finding.
 * @param data the value that was checked, to show what stands at the finding's path.
 * @param knownKeys the keys allowed in each object, for the nearest right one.
 * @returns one finding per unknown key, else one.
 */
export function describeIssue(issue: z.core.$ZodIssue, data: unknown, knownKeys: KnownKeys): Finding[] {
  const key = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path);
    return issue.keys.map((unknown) => ({
      key: key === "" ? unknown : `${key}.${unknown}`,
      says: describeUnknownKey(unknown, known),
    }));
  }
  return [{ key, says: describeValue(issue, valueAt(data, issue.path)) }];
}

function describeValue(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case "invalid_key":
      return issue.issues[0]?.message ?? issue.message;
    case "invalid_type": {
      const kind = kinds[issue.expected] ?? issue.expected;
      return value === undefined
        ? `is missing. Give ${kind}`
        : `is ${show(value)}, not ${kind}. ${mendType(issue.expected, value)}`;
    }
    case "invalid_value":
      return describeInvalidValue(value, issue.values.map(String));
    default:
      return `is ${show(value)}, which ${issue.message}`;
  }
}

function describeUnknownKey(unknown: string, known: readonly string[]): string {
  const suggestion = nearest(unknown, known);
  const question = suggestion === undefined ? "" : ` Did you mean ${suggestion}?`;
  return `is no known key.${question} Known keys here: ${[...known].sort().join(", ")}`;
}

function describeInvalidValue(value: unknown, allowed: readonly string[]): string {
  const suggestion = typeof value === "string" ? nearest(value, allowed) : undefined;
  const question = suggestion === undefined ? "" : ` Did you mean ${suggestion}?`;
  return `is ${show(value)}, which is not known.${question} Choose ${allowed.join(", ")}`;
}

function mendType(expected: string, value: unknown): string {
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return "Put it in quotes";
  }
  return `Give ${kinds[expected] ?? expected}`;
}

/** Long values are cut: the message must stay readable whatever somebody pasted. */
function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 76)}...${text.startsWith('"') ? '"' : ""}` : text;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null) {
      return undefined;
    }
    value = Reflect.get(value, key);
  }
  return value;
}
