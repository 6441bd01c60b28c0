import { stringify, type TomlTable } from "smol-toml";
import { Document, Pair, Scalar, YAMLMap, YAMLSeq, type ScalarTag } from "yaml";
import type { RenderedFile } from "../collector";

/** A value with a comment on the lines before it. */
export class Explained<T> {
  constructor(
    readonly comment: string,
    readonly value: T,
  ) {}
}

/** Text that the collector expands, such as `${NAME}` in YAML, or the name of another component in Alloy's language. */
export class Reference {
  constructor(readonly text: string) {}
}

/** Says in the file why a key, a list's element or a block is as it is. */
export const explained = <T>(comment: string, value: T): Explained<T> => new Explained(comment, value);

/** What is written as it is, not as a string that reads back as the same text. */
export const reference = (text: string): Reference => new Reference(text);

/** Columns of a comment's text; what stands before it comes on top. */
const commentWidth = 100;

/** A comment broken into lines between words; a line break in the text stays one. */
export const commentLines = (text: string): readonly string[] =>
  text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line: string | undefined;
    for (const word of paragraph.split(" ")) {
      if (line !== undefined && line.length + 1 + word.length > commentWidth) {
        lines.push(line);
        line = word;
      } else {
        line = line === undefined ? word : `${line} ${word}`;
      }
    }
    return [...lines, line ?? ""];
  });

/** A TOML file, with a comment at its top. */
export function tomlFile(path: string, header: string, content: TomlTable): RenderedFile {
  const comment = commentLines(header).map((line) => `# ${line}\n`);
  return { path, mode: 0o644, content: `${comment.join("")}\n${stringify(content)}` };
}

/** What a rendered YAML file holds; what is undefined is left out of its object or list. */
export type YamlValue = string | number | boolean | YamlList | YamlObject | Explained<YamlValue> | Reference;

type YamlList = readonly (YamlValue | undefined)[];

export interface YamlObject {
  readonly [key: string]: YamlValue | undefined;
}

/**
 * A YAML file that every parser reads the same way, whether it speaks YAML 1.1, as Go's do, or 1.2: each string
 * is in double quotes on one line, and what 1.1 takes for a line break, or refuses as it is, is escaped in them.
 *
 * @param expandable characters by which a collector finds references in a file's text before it parses it; with the flag g.
 * They are escaped too, so that it never finds them in a value.
 */
export function yamlFile(
  path: string,
  header: string,
  content: YamlObject | YamlList,
  expandable?: RegExp,
): RenderedFile {
  const document = new Document(null, {
    customTags: (tags) => [
      {
        tag: "tag:yaml.org,2002:str",
        default: true,
        identify: (value) => typeof value === "string" || value instanceof Reference,
        resolve: (text) => text,
        stringify: ({ value }, { implicitKey }) =>
          value instanceof Reference
            ? `"${value.text}"`
            : implicitKey === true && isPlainKey(String(value))
              ? String(value)
              : quoted(String(value), expandable),
      } satisfies ScalarTag,
      ...tags,
    ],
  });
  if (isList(content)) {
    document.contents = toNode(content);
  } else {
    const contents = toMap(content);
    for (const { key } of contents.items.slice(1)) {
      key.spaceBefore = true;
    }
    document.contents = contents;
  }
  document.commentBefore = commentText(header);
  return { path, mode: 0o644, content: document.toString({ lineWidth: 0 }) };
}

/** Whether a key is a string in YAML 1.1 too, which has more words for true and false, and to some parsers numbers such as E0. */
const isPlainKey = (key: string): boolean =>
  /^[A-Za-z_][\w./-]*$/.test(key) && !/^(?:y|n|yes|no|on|off|true|false|null|e\d+)$/i.test(key);

function quoted(text: string, expandable: RegExp | undefined): string {
  const json = jsonText(text);
  // Backslashes first: those that come after are written by escapes.
  return expandable === undefined ? json : json.replaceAll("\\\\", "\\u005c").replace(expandable, escape);
}

/**
 * A string in double quotes, by those of JSON's escapes that YAML and Go have too. What does not show, or is not a character
 * in a file, is escaped beside.
 */
export const jsonText = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g, escape);

const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

function toNode(value: YamlValue): Scalar | YAMLMap | YAMLSeq {
  if (value instanceof Explained) {
    const node = toNode(value.value);
    node.commentBefore = commentText(value.comment);
    return node;
  }
  if (isList(value)) {
    const list = new YAMLSeq();
    list.items = value.filter((item) => item !== undefined).map(toNode);
    return list;
  }
  return typeof value !== "object" || value instanceof Reference ? new Scalar(value) : toMap(value);
}

function toMap(object: YamlObject): YAMLMap<Scalar> {
  const map = new YAMLMap<Scalar>();
  for (const [name, value] of Object.entries(object)) {
    const key = new Scalar(name);
    if (value instanceof Explained) {
      key.commentBefore = commentText(value.comment);
      map.items.push(new Pair(key, toNode(value.value)));
    } else if (value !== undefined) {
      map.items.push(new Pair(key, toNode(value)));
    }
  }
  return map;
}

/** Array.isArray does not know readonly arrays. */
export const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);

const commentText = (text: string): string =>
  commentLines(text)
    .map((line) => ` ${line}`)
    .join("\n");
