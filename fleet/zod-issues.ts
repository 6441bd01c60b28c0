import { z } from "zod";
import type { Problem } from "./problem";
import { nearest } from "./wording";

/** A text that a function of ours checks; it returns what is wrong, as `<predicate>. <advice>`. */
export function checkedText(problemOf: (text: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const message = problemOf(value);
    if (message !== undefined) {
      context.addIssue(message);
    }
  });
}

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
 * @param schema by which it was, to name the keys that there are.
 * @returns one problem per unknown key, else one.
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  data: unknown,
  schema: z.ZodType,
  written?: WrittenValues,
): Problem[] {
  const key = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((unknown) => ({
      subject: key === "" ? unknown : `${key}.${unknown}`,
      says: "is not a known key",
      todo: `${didYouMean(unknown, known)}Known keys here: ${[...known].sort().join(", ")}`,
    }));
  }
  const value = valueAt(data, issue.path);
  const described = unquotedProblem(issue, value, written) ?? describeValue(issue, value);
  return [{ subject: key, ...described }];
}

/** The keys that a schema has for the object at a path; none where it is not an object of known keys. */
export function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return keysAt(schema.unwrap(), path);
  }
  if (!(schema instanceof z.ZodObject)) {
    return [];
  }
  const [key, ...rest] = path;
  return key === undefined ? Object.keys(schema.shape) : keysAt(Reflect.get(schema.shape, key), rest);
}

/** How values are written in a file, which what was read of them does not tell: `0123` is read as the number 123. */
export interface WrittenValues {
  /** Undefined for what is not a plain value. */
  readonly sourceAt: (path: readonly PropertyKey[]) => string | undefined;
  /** The issues that there would be with a text in quotes at this path. */
  readonly issuesWith: (path: readonly PropertyKey[], text: string) => readonly z.core.$ZodIssue[];
}

/** A number or a truth value where a text belongs: it is to be put in quotes, unless it is wrong in quotes too. */
function unquotedProblem(
  issue: z.core.$ZodIssue,
  value: unknown,
  written: WrittenValues | undefined,
): Omit<Problem, "subject"> | undefined {
  if (
    issue.code !== "invalid_type" ||
    issue.expected !== "string" ||
    (typeof value !== "number" && typeof value !== "boolean")
  ) {
    return undefined;
  }
  const text = written?.sourceAt(issue.path) ?? String(value);
  const isAt = ({ path }: z.core.$ZodIssue) => path.join(".") === issue.path.join(".");
  const stillWrong = written?.issuesWith(issue.path, text).find(isAt);
  if (stillWrong === undefined) {
    return { says: `is ${text}, not text`, todo: "Put it in quotes" };
  }
  const { says, todo } = describeValue(stillWrong, text);
  return { says: says.replace(JSON.stringify(text), text), todo };
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
      if (value === null) {
        return { says: `is empty, not ${kind}`, todo: `Give ${kind}, or drop the key` };
      }
      const isNumber = issue.expected === "number" || issue.expected === "int";
      const quoted =
        typeof value === "string" &&
        ((isNumber && /^-?\d+$/.test(value)) ||
          (issue.expected === "boolean" && (value === "true" || value === "false")));
      return {
        says: `is ${show(value)}, not ${kind}`,
        todo: quoted ? "Take the quotes off" : `Give ${kind}`,
      };
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
  return wrongValue(value, issue.message);
}

/** As splitAdvice, with the value before what is wrong with it. */
export function wrongValue(value: unknown, message: string): Omit<Problem, "subject"> {
  const { says, todo } = splitAdvice(message);
  return { says: `is ${show(value)}, which ${says}`, todo };
}

function didYouMean(given: string, known: readonly string[]): string {
  const suggestion = nearest(given, known);
  return suggestion === undefined ? "" : `Did you mean ${suggestion}? `;
}

/** Long values are cut: the message must stay readable whatever somebody pasted. */
function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value, withoutPasswords);
  return text.length > 80 ? `${text.slice(0, 76)}...${text.startsWith('"') ? '"' : ""}` : text;
}

/** User and password before a host are not shown: up to the last @, because a password may hold anything, and no scheme be there. */
const withoutPasswords = (_key: string, value: unknown): unknown =>
  typeof value === "string"
    ? value.replace(/:\/\/.*@/gs, "://...@").replace(/(?<!\S)[^\s:]+:(?!\/\/)\S*@/g, "...@")
    : value;

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
