import type { TokenEntry } from "./token-changes";
import type { Item } from "./yaml-nodes";

/** How a mapping writes its keys and values. */
export interface EntryStyle {
  /** Around keys, and around values that are text. */
  readonly quote: "" | '"' | "'";
  /** Between key and value. */
  readonly colon: string;
}

export const yamlStyle: EntryStyle = { quote: "", colon: ": " };
export const jsonStyle: EntryStyle = { quote: '"', colon: ": " };

/** How an item is written, for another one beside it. */
export function styleOf(text: string, { key, keyRange, valueRange }: Item): EntryStyle {
  const between = text.slice(keyRange.end, valueRange.start);
  return {
    quote: key.type === "QUOTE_DOUBLE" ? '"' : key.type === "QUOTE_SINGLE" ? "'" : "",
    colon: /^ ?: ?$/.test(between) ? between : ": ",
  };
}

export function writeEntry({ key, value, isText }: TokenEntry, style: EntryStyle): string {
  return writeKey(key, style) + (isText ? style.quote + value + style.quote : value);
}

export function writeKey(key: string, { quote, colon }: EntryStyle): string {
  return quote + key + quote + colon;
}
