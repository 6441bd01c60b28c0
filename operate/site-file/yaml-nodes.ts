import { isMap, isScalar, type Document, type ParsedNode, type Scalar, type YAMLMap } from "yaml";

/** One key of a mapping with its value. */
export interface Item {
  readonly key: Scalar;
  readonly keyRange: Range;
  readonly value: ParsedNode;
  readonly valueRange: Range;
}

/** Where a node begins and ends: without anchor and tag before it, without white space and comments behind it. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The document's mapping; "nothing" for a text that holds no value, as an empty file; undefined for anything else. */
export function mappingOf({ contents }: Document.Parsed): YAMLMap.Parsed | "nothing" | undefined {
  if (contents === null || (isScalar(contents) && contents.source === "")) {
    return "nothing";
  }
  return isMap(contents) ? contents : undefined;
}

/** A mapping's items in the order of the file; undefined when one of them is not a key of text with a value. */
export function itemsOf(map: YAMLMap.Parsed): readonly Item[] | undefined {
  const items = map.items.flatMap(({ key, value }): Item[] =>
    isScalar(key) && value !== null
      ? [{ key, keyRange: rangeOf(key), value, valueRange: rangeOf(value) }]
      : [],
  );
  return items.length === map.items.length ? items : undefined;
}

export function rangeOf({ range: [start, end] }: ParsedNode): Range {
  return { start, end };
}

/** A mapping with a line for each key, as against one in braces. */
export function isBlockMap(node: ParsedNode): node is YAMLMap.Parsed {
  return isMap(node) && node.flow !== true;
}

/** A mapping in braces. */
export function isFlowMap(node: ParsedNode): node is YAMLMap.Parsed {
  return isMap(node) && node.flow === true;
}
