import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isMap, isPair, isScalar, isSeq, parse, parseDocument, type Pair, type YAMLMap } from "yaml";
import { z } from "zod";
import { failure, success, UserError, type Problem, type Result } from "../../fleet/problem";
import { readTextFile } from "../../fleet/system-errors";
import { readStackConfig } from "../../stack/stack-config";
import {
  addBehind,
  indentationOf,
  insert,
  lineBreakOf,
  lineEnd,
  quoteOf,
  rangeOf,
} from "../site-file/yaml-text";

/** What `sitepass init` asks for, with where a stack's file holds it. */
export const stackValues = {
  account: { option: "--account", path: ["sitepass:accountId"] },
  zone: { option: "--zone", path: ["sitepass:zone"] },
  metricsHost: { option: "--metrics-host", path: ["sitepass:endpoints", "metrics", "hostname"] },
  logsHost: { option: "--logs-host", path: ["sitepass:endpoints", "logs", "hostname"] },
  tunnel: { option: "--tunnel", path: ["sitepass:publish", "tunnel", "name"] },
  team: { option: "--team", path: ["sitepass:teamName"] },
  identity: { option: "--identity", path: ["sitepass:identity"] },
} as const satisfies Record<
  string,
  { readonly option: string; readonly path: readonly [string, ...string[]] }
>;

export type ValueName = keyof typeof stackValues;

export const valueNames: readonly ValueName[] = [
  "account",
  "zone",
  "metricsHost",
  "logsHost",
  "tunnel",
  "team",
  "identity",
];

export type StackValues = Readonly<Partial<Record<ValueName, string>>>;

/** A stack's file as it is, or as it is to begin where there is none. */
export interface StackFile {
  /** As people name it, such as `Pulumi.prod.yaml`. */
  readonly file: string;
  readonly path: string;
  /** What it holds; undefined when it is not there. */
  readonly before: string | undefined;
  /** What changes are made in: the file's own text, or that of a new stack. */
  readonly text: string;
  /** What a person has filled in; nothing of the examples that a new file has. */
  readonly filledIn: StackValues;
  /** As Pulumi would hand them over; the examples are among them. */
  readonly raw: Readonly<Record<string, string>>;
}

/** Of the file that a checkout comes with: they stand there to be replaced. */
const examples: readonly string[] = [
  "9a7806061c88ada191ed06f989cc3dac",
  "example.com",
  "prom.example.com",
  "loki.example.com",
  "example-team",
];

/**
 * Reads a stack's file.
 *
 * @throws UserError when it cannot be read, or keeps encrypted what this would have to read.
 */
export function readStackFile(directory: string, stackName: string): StackFile {
  const file = `Pulumi.${stackName}.yaml`;
  const path = join(directory, file);
  const before = existsSync(path) ? readTextFile(path) : undefined;
  if (before?.includes("\ufffd") === true) {
    throw new UserError({
      subject: file,
      says: "is not UTF-8, or has a character that could not be read before, so that it cannot be given back as it is",
      todo: "Save it as UTF-8",
    });
  }
  const text = textToChange(before);
  const { values: raw } = readStackConfig(directory, stackName, {}, text);
  const { config } = z
    .looseObject({ config: z.record(z.string(), z.unknown()).nullish() })
    .parse(parse(text) ?? {});
  const encrypted = valueNames.flatMap((name) => {
    const [key] = stackValues[name].path;
    return isEncrypted(config?.[key]) ? [key] : [];
  });
  if (encrypted.length > 0) {
    throw new UserError(
      [...new Set(encrypted)].map((key) => ({
        subject: key,
        says: `is encrypted in ${file}, and this can neither read nor change it`,
        todo: `Write it in plain text with \`pulumi config set\`: it is no secret`,
      })),
    );
  }
  const found = Object.fromEntries(
    valueNames.flatMap((name) => {
      const value = valueAt(config, stackValues[name].path);
      return value === undefined ? [] : [[name, value] as const];
    }),
  ) as StackValues;
  // Tunnel and identity of a new file are as good as any; they are a person's once the account is.
  const isNew = found.account === undefined || examples.includes(found.account);
  const filledIn = Object.fromEntries(
    Object.entries(found).filter(
      ([name, value]) => !examples.includes(value) && !(isNew && (name === "tunnel" || name === "identity")),
    ),
  );
  return { file, path, before, text, filledIn, raw };
}

/** A stack that `pulumi stack init` has made has a file that says how secrets are encrypted, and nothing else. */
function textToChange(before: string | undefined): string {
  const fresh = readFileSync(join(__dirname, "new-stack.yaml"), "utf8");
  const document = parseDocument(before ?? "");
  if (document.errors.length > 0 || document.has("config")) {
    return before ?? fresh;
  }
  const kept = (before ?? "").trimEnd();
  return kept === "" ? fresh : `${kept}\n\n${fresh}`;
}

const isEncrypted = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "secure" in value;

function valueAt(config: unknown, path: readonly string[]): string | undefined {
  let value = config;
  for (const key of path) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * The file's text with these values in it, and everything else as it is: comments, order, quotes, other keys. A key that is there
 * keeps its place.
 *
 * @param values `team` left out: an example of a team name becomes a comment, so that the name is looked up.
 */
export function withStackValues({ file, text, filledIn }: StackFile, values: StackValues): Result<string> {
  const wanted = valueNames.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [{ path: ["config", ...stackValues[name].path], value }];
  });
  const dropsTeam = values.team === undefined && filledIn.team === undefined;
  const teamPath = ["config", ...stackValues.team.path];
  const withValues = wanted.reduce((edited, { path, value }) => withValue(edited, path, value), text);
  const edited = dropsTeam ? withComment(withValues, teamPath) : withValues;
  const intended = wanted.reduce<unknown>(
    (data, { path, value }) => merged(data, path, value),
    dropsTeam ? without(parse(text), teamPath) : parse(text),
  );
  return isDeepStrictEqual(readBack(edited), intended)
    ? success(edited)
    : failure({
        subject: file,
        says: "is written in a way that cannot be changed without changing more",
        todo: `By hand, set ${wanted.map(({ path, value }) => `${path.slice(1).join(".")} to ${value}`).join(", ")}`,
      });
}

function readBack(text: string): unknown {
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : document.toJS();
}

function merged(data: unknown, [key, ...rest]: readonly string[], value: string): unknown {
  if (key === undefined) {
    return value;
  }
  const map = typeof data === "object" && data !== null ? data : {};
  return { ...map, [key]: merged(Reflect.get(map, key), rest, value) };
}

function without(data: unknown, [key = "", ...rest]: readonly string[]): unknown {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, key)) {
    return data;
  }
  const others = Object.fromEntries(Object.entries(data).filter(([name]) => name !== key));
  return rest.length === 0 ? others : { ...data, [key]: without(Reflect.get(data, key), rest) };
}

/** What none of the rules fits comes out wrong, and the reading back notices it. */
function withValue(text: string, path: readonly string[], value: string): string {
  let node: unknown = parseDocument(text).contents;
  for (const [index, key] of path.entries()) {
    if (!isMap(node)) {
      return text;
    }
    const pair = pairOf(node, key);
    if (pair === undefined) {
      return withEntry(text, node, entryOf(path.slice(index), value));
    }
    if (index === path.length - 1) {
      return withScalar(text, pair.value, value);
    }
    node = pair.value;
  }
  return text;
}

const pairOf = (map: YAMLMap, key: string): Pair | undefined =>
  map.items.find((item) => isScalar(item.key) && item.key.value === key);

function withScalar(text: string, node: unknown, value: string): string {
  if (!isScalar(node)) {
    return text;
  }
  const [start, end] = rangeOf(node);
  const quote = quoteOf(node) ?? "";
  // What is there without a value has no place between the colon and what stands behind.
  const gap = start === end ? " " : "";
  return text.slice(0, start) + gap + (quote === "" ? plain(value) : quote + value + quote) + text.slice(end);
}

/** Without quotes unless YAML would take it for something else: an account's ID may be digits alone. */
const plain = (value: string): string => (parse(value) === value ? value : JSON.stringify(value));

function entryOf([key = "", ...rest]: readonly string[], value: string): string {
  return rest.length === 0 ? `${key}: ${plain(value)}` : `${key}: ${inBraces(rest, value)}`;
}

const inBraces = ([key = "", ...rest]: readonly string[], value: string): string =>
  `{ ${key}: ${rest.length === 0 ? plain(value) : inBraces(rest, value)} }`;

function withEntry(text: string, map: YAMLMap, entry: string): string {
  const last = map.items.at(-1);
  return last === undefined || map.flow === true
    ? addBehind(text, map, undefined, entry)
    : insert(
        text,
        lineEnd(text, endOf(last.value ?? last.key)),
        lineBreakOf(text) + indentationOf(text, last.key) + entry,
      );
}

/** Where the last thing of a node ends; a block's own end is behind the comments that follow it. */
function endOf(node: unknown): number {
  const last = (isMap(node) || isSeq(node)) && node.flow !== true ? node.items.at(-1) : undefined;
  return last === undefined ? rangeOf(node)[1] : endOf(isPair(last) ? (last.value ?? last.key) : last);
}

/** The text with the key as a comment. */
function withComment(text: string, path: readonly string[]): string {
  let node: unknown = parseDocument(text).contents;
  for (const [index, key] of path.entries()) {
    const pair = isMap(node) ? pairOf(node, key) : undefined;
    if (pair === undefined) {
      return text;
    }
    if (index === path.length - 1) {
      return insert(text, rangeOf(pair.key)[0], "# ");
    }
    node = pair.value;
  }
  return text;
}

/** Said of a value that is there, and is to be another. */
export const alreadyThere = (file: string, name: ValueName, there: string, value: string): Problem => ({
  subject: stackValues[name].option,
  says: `is "${value}", and ${file} says "${there}" already`,
  todo: `Add --overwrite to change it, or leave ${stackValues[name].option} out`,
});
