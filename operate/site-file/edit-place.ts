import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from "yaml";
import { failure, success, type Result } from "../../fleet/problem";
import { parseSite } from "../../fleet/site-files";
import { withoutMark } from "./edit-token";
import { addBehind, indentationOf, insert, lineBreakOf, lineEnd, quoteOf, rangeOf } from "./yaml-text";

/** The shards that a site file names. Undefined: it has no such key. */
export interface PlaceInFile {
  readonly shard: string | undefined;
  readonly movingTo: string | undefined;
}

const keys = ["shard", "movingTo"] as const;

type Key = (typeof keys)[number];

/**
 * Changes `shard` and `movingTo` in the text of a site file, and nothing else: comments, layout, line breaks, order and quotes
 * stay. A key that is there keeps its place, one that is new comes behind `shard` or else behind the others, and one that goes
 * takes its line along. Where `movingTo` becomes `shard`, its line stays and has the other name.
 *
 * The program's own reader then reads the new text. Unless it says exactly what was meant, the file is left to the person.
 *
 * @param text with its byte order mark, if it has one.
 * @param file as people name it.
 * @returns the same text when it says this already.
 */
export function editPlace(text: string, place: PlaceInFile, file: string): Result<string> {
  const body = withoutMark(text);
  const before = parseSite(body, file);
  if (!before.ok) {
    return before;
  }
  const { shard, movingTo, ...others } = before.value;
  const given = (key: Key) => (place[key] === undefined ? {} : { [key]: place[key] });
  const intended = { ...others, ...given("shard"), ...given("movingTo") };
  const edited = withPlace(body, { shard, movingTo }, place);
  if (isDeepStrictEqual(parseSite(edited, file), success(intended))) {
    return success(text.slice(0, text.length - body.length) + edited);
  }
  const byHand = keys.flatMap((key) => {
    const [now, wanted] = [before.value[key], place[key]];
    return now === wanted ? [] : wanted === undefined ? `take ${key} out` : `set ${key}: ${wanted}`;
  });
  return failure({
    subject: file,
    says: "is written in a way that cannot be changed without changing more",
    todo: `By hand, ${byHand.join(" and ")}`,
  });
}

/** What none of the rules fits comes out wrong, and the reading back notices it. */
function withPlace(text: string, now: PlaceInFile, place: PlaceInFile): string {
  if (now.shard === undefined && place.shard === now.movingTo && place.movingTo === undefined) {
    return withOtherName(text, "movingTo", "shard");
  }
  return keys.reduce((edited, key) => {
    const wanted = place[key];
    return now[key] === wanted
      ? edited
      : wanted === undefined
        ? withoutKey(edited, key)
        : withKey(edited, key, wanted);
  }, text);
}

const rootOf = (text: string): YAMLMap | undefined => {
  const { contents } = parseDocument(text);
  return isMap(contents) ? contents : undefined;
};

const pairOf = (root: YAMLMap | undefined, key: Key): Pair | undefined =>
  root?.items.find((item) => isScalar(item.key) && item.key.value === key);

function withOtherName(text: string, key: Key, name: Key): string {
  const pair = pairOf(rootOf(text), key);
  if (pair === undefined) {
    return text;
  }
  const [start, end] = rangeOf(pair.key);
  const quote = quoteOf(pair.key) ?? "";
  return text.slice(0, start) + quote + name + quote + text.slice(end);
}

function withKey(text: string, key: Key, value: string): string {
  const root = rootOf(text);
  const present = pairOf(root, key);
  // Without quotes a shard such as 7 or true would not be a text.
  const plain = typeof parseDocument(value).toJS() === "string" ? value : `"${value}"`;
  if (present !== undefined) {
    const [start, end] = rangeOf(present.value);
    const quote = quoteOf(present.value);
    const quoted = quote === undefined || quote === "" ? plain : quote + value + quote;
    return text.slice(0, start) + quoted + text.slice(end);
  }
  const entry = `${key}: ${plain}`;
  const shard = pairOf(root, "shard");
  if (root !== undefined && (root.flow === true || shard !== undefined)) {
    return addBehind(text, root, shard, entry);
  }
  const first = root?.items[0];
  const line = (first === undefined ? "" : indentationOf(text, first.key)) + entry;
  const lineBreak = lineBreakOf(text);
  const filled = text.trimEnd().length;
  return filled === 0 ? line + lineBreak + text : insert(text, lineEnd(text, filled), lineBreak + line);
}

/** In braces with the comma that it needs no longer; elsewhere with its whole line. */
function withoutKey(text: string, key: Key): string {
  const root = rootOf(text);
  const pair = pairOf(root, key);
  if (root === undefined || pair === undefined) {
    return text;
  }
  const [start] = rangeOf(pair.key);
  const [, end] = rangeOf(pair.value);
  if (root.flow !== true) {
    const from = start - indentationOf(text, pair.key).length;
    return text.slice(0, from) + text.slice(lineEnd(text, end)).replace(/^\r?\n/, "");
  }
  const index = root.items.indexOf(pair);
  const [before, behind] = [root.items[index - 1], root.items[index + 1]];
  return before !== undefined
    ? text.slice(0, rangeOf(before.value)[1]) + text.slice(end)
    : text.slice(0, start) + text.slice(behind === undefined ? end : rangeOf(behind.key)[0]);
}
