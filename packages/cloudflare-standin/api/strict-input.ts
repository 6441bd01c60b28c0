import type { z } from "zod";
import { badRequest } from "./envelope";

/** Parses a query. Throws the 400 that names each unknown or wrong parameter. A repeated parameter counts as a comma-separated list. */
export function parseQuery<Schema extends z.ZodType>(
  schema: Schema,
  query: URLSearchParams,
): z.output<Schema> {
  const values = new Map<string, string>();
  for (const [key, value] of query) {
    const earlier = values.get(key);
    values.set(key, earlier === undefined ? value : `${earlier},${value}`);
  }
  return parse(schema, Object.fromEntries(values), "query parameter");
}

/**
 * Parses a JSON body. Throws the 400 that names each unknown or wrong field.
 *
 * Except in a PATCH a `null` counts as a field left out, at any depth: the provider sends it in a PUT for a field that was
 * set and no longer is (TF:internal/apijson/encoder.go).
 */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: string,
  method: string,
): z.output<Schema> {
  let json: unknown;
  try {
    json = body === "" ? undefined : JSON.parse(body);
  } catch {
    throw badRequest(["the body is not JSON"]);
  }
  return parse(schema, method === "PATCH" ? json : withoutNulls(json), "field");
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutNulls);
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== null)
        .map(([key, item]) => [key, withoutNulls(item)]),
    );
  }
  return value;
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, noun: string): z.output<Schema> {
  const result = schema.safeParse(input);
  if (!result.success) {
    throw badRequest(result.error.issues.flatMap((issue) => describe(issue, noun)));
  }
  return result.data;
}

function describe(issue: z.core.$ZodIssue, noun: string): string[] {
  const where = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `unknown ${noun} "${[...where, key].join(".")}"`);
  }
  return [
    where.length === 0 ? `the body: ${issue.message}` : `${noun} "${where.join(".")}": ${issue.message}`,
  ];
}
