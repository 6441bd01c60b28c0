import { z } from "zod";
import type { Problem } from "./problem";
import { nearest } from "./wording";

/**
 * A text that a function of ours checks; it returns what is wrong, as `<predicate>. <advice>`.
 *
 * @param numbers "refused" where a number is no text that lacks its quotes, but says too little: it is told as the text
 * would be.
 */
export function checkedText(problemOf: (text: string) => string | undefined, numbers?: "refused") {
  const text = z.string({
    error: ({ input }) =>
      numbers === "refused" && typeof input === "number" ? problemOf(String(input)) : undefined,
  });
  return text.superRefine((value, context) => {
    const message = problemOf(value);
    if (message !== undefined) {
      context.addIssue(message);
    }
  });
}

/** The keys that an object may have at a path, to suggest the right one; none where any key is allowed. */
type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

/**
 * Turns one issue of zod into problems whose subject is the key, its path joined by dots.
 *
 * Messages of our own checks have the form `<predicate>. <advice>`, because zod carries one text for each.
 *
 * @param data the value that was checked, to show what stands at the issue's path.
 * @returns one problem per unknown key, else one.
 */
export function describeIssue(issue: z.core.$ZodIssue, data: unknown, knownKeys: KnownKeys): Problem[] {
  const key = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(issue.path);
    return issue.keys.map((unknown) => ({
      subject: key === "" ? unknown : `${key}.${unknown}`,
      says: "is not a known key",
      todo: `${didYouMean(unknown, known)}Known keys here: ${[...known].sort().join(", ")}`,
    }));
  }
  return [{ subject: key, ...describeValue(issue, valueAt(data, issue.path)) }];
}

/** Splits a check's message into what is wrong and what to do. */
export function splitAdvice(message: string): Omit<Problem, "subject"> {
  const end = message.indexOf(". ");
  return end < 0
    ? { says: message, todo: "Correct it" }
    : { says: message.slice(0, end), todo: message.slice(end + 2) };
}

function describeValue(issue: z.core.$ZodIssue, value: unknown): Omit<Problem, "subject"> {
  switch (issue.code) {
    case "invalid_key":
      return splitAdvice(issue.issues[0]?.message ?? issue.message);
    case "invalid_type": {
      const kind = kinds[issue.expected] ?? issue.expected;
      if (value === undefined) {
        return { says: "is missing", todo: `Give ${kind}` };
      }
      if (!issue.message.startsWith("Invalid input")) {
        const { says, todo } = splitAdvice(issue.message);
        return { says: `is ${show(value)}, which ${says}`, todo };
      }
      if (value === null) {
        return { says: `is empty, not ${kind}`, todo: `Give ${kind}, or drop the key` };
      }
      const quotable =
        issue.expected === "string" && (typeof value === "number" || typeof value === "boolean");
      return { says: `is ${show(value)}, not ${kind}`, todo: quotable ? "Put it in quotes" : `Give ${kind}` };
    }
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const hint = typeof value === "string" ? didYouMean(value, allowed) : "";
      const todo = `${hint}Choose ${allowed.join(", ")}`;
      return { says: `is ${show(value)}, which is not known`, todo };
    }
    case "too_big":
    case "too_small": {
      // zod's own words; checks of ours have theirs.
      if (!issue.message.startsWith("Too ")) {
        break;
      }
      const [bound, what] =
        issue.code === "too_big" ? [issue.maximum, "more than"] : [issue.minimum, "less than"];
      return {
        says: `is ${show(value)}, which is ${what} ${bound}`,
        todo: `Give ${bound} at the ${issue.code === "too_big" ? "most" : "least"}`,
      };
    }
    default:
  }
  const { says, todo } = splitAdvice(issue.message);
  return { says: `is ${show(value)}, which ${says}`, todo };
}

function didYouMean(given: string, known: readonly string[]): string {
  const suggestion = nearest(given, known);
  return suggestion === undefined ? "" : `Did you mean ${suggestion}? `;
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

/** Enough for a status, a code and a sentence; providers append whole requests and answers. */
const longest = 300;

/** An error's message on one line, cut where it gets long; what a schema refused is said in words. */
export function briefMessage(error: unknown): string {
  const message =
    error instanceof z.ZodError
      ? z.prettifyError(error)
      : error instanceof Error
        ? error.message
        : String(error);
  const line = message.replace(/\s+/g, " ").trim();
  return line.length > longest ? `${line.slice(0, longest - 3)}...` : line;
}
