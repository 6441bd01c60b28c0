import { Document, Pair, Scalar, YAMLMap, YAMLSeq, type ScalarTag } from "yaml";
import { commentLines } from "./comment-lines";

/** What a rendered YAML file holds; a key whose value is undefined is left out. */
export type YamlValue = string | number | boolean | readonly YamlValue[] | YamlObject | Explained | Reference;

export interface YamlObject {
  readonly [key: string]: YamlValue | undefined;
}

/** A value with a comment on the lines before it. */
class Explained {
  constructor(
    readonly comment: string,
    readonly value: YamlValue,
  ) {}
}

/** Text that the agent expands, such as `${NAME}`. */
class Reference {
  constructor(readonly text: string) {}
}

/** Says in the file why a key or a list's element is as it is: for who reads it there. */
export function explained(comment: string, value: YamlValue): Explained {
  return new Explained(comment, value);
}

/** A string that is written as it is, for agents that expand references in a file's text before they parse it. */
export function reference(text: string): Reference {
  return new Reference(text);
}

/**
 * The text of a YAML file that every parser reads the same way, whether it speaks YAML 1.1, as Go's do, or 1.2: each string
 * is in double quotes on one line, and what 1.1 takes for a line break, or refuses as it is, is escaped in them.
 *
 * @param expandable characters by which an agent finds references in a file's text before it parses it; with the flag g.
 * They are escaped too, so that it never finds them in a value.
 */
export function yamlText(header: string, content: YamlObject, expandable?: RegExp): string {
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
  const contents = toNode(content);
  if (contents instanceof YAMLMap) {
    for (const { key } of contents.items.slice(1)) {
      if (key instanceof Scalar) {
        key.spaceBefore = true;
      }
    }
  }
  document.contents = contents;
  document.commentBefore = commentText(header);
  return document.toString({ lineWidth: 0 });
}

/** Whether a key is a string in YAML 1.1 too, which has more words for true and false, and to some parsers numbers such as E0. */
const isPlainKey = (key: string): boolean =>
  /^[A-Za-z_][\w./-]*$/.test(key) && !/^(?:y|n|yes|no|on|off|true|false|null|e\d+)$/i.test(key);

function quoted(text: string, expandable: RegExp | undefined): string {
  // The escapes of JSON are YAML's too. Backslashes first: those that come after are written by escapes.
  const json = JSON.stringify(text).replace(/[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g, escape);
  return expandable === undefined ? json : json.replaceAll("\\\\", "\\u005c").replace(expandable, escape);
}

const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

function toNode(value: YamlValue): Scalar | YAMLMap | YAMLSeq {
  if (value instanceof Explained) {
    const node = toNode(value.value);
    node.commentBefore = commentText(value.comment);
    return node;
  }
  if (isList(value)) {
    const list = new YAMLSeq();
    list.items = value.map(toNode);
    return list;
  }
  if (typeof value !== "object" || value instanceof Reference) {
    return new Scalar(value);
  }
  const map = new YAMLMap();
  map.items = Object.entries(value).flatMap(([name, entry]) => {
    if (entry === undefined) {
      return [];
    }
    const key = new Scalar(name);
    if (entry instanceof Explained) {
      key.commentBefore = commentText(entry.comment);
    }
    return [new Pair(key, toNode(entry instanceof Explained ? entry.value : entry))];
  });
  return map;
}

const isList = (value: YamlValue): value is readonly YamlValue[] => Array.isArray(value);

const commentText = (text: string): string =>
  commentLines(text)
    .map((line) => ` ${line}`)
    .join("\n");
