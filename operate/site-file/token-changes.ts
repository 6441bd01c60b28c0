import type { SiteFile } from "../../fleet/site-schema";

type Token = SiteFile["token"];

/** What a command changes in a site file: values of keys below `token`, in the order in which missing keys are added. */
export interface TokenChanges {
  readonly secretVersion?: number;
  /** RFC 3339, as the file is to have it. */
  readonly previousSecretExpiresAt?: string;
  readonly enabled?: boolean;
}

/** One key below `token`, and its new value as text: plain in YAML, and what JSON writes without quotes, or is to quote. */
export interface TokenEntry {
  readonly key: keyof TokenChanges;
  readonly value: string;
  /** Whether JSON has it in quotes. */
  readonly isText: boolean;
}

const keys = [
  "secretVersion",
  "previousSecretExpiresAt",
  "enabled",
] as const satisfies (keyof TokenChanges)[];

/** The changes that a token does not have already, in the order of `keys`. */
export function entriesOf(changes: TokenChanges, token: Token): readonly TokenEntry[] {
  return keys.flatMap((key) => {
    const value = changes[key];
    return value === undefined || value === token[key]
      ? []
      : [{ key, value: String(value), isText: typeof value === "string" }];
  });
}

/** The changes as a person would write them, for messages: `token.enabled: false`. */
export function inWords(entries: readonly TokenEntry[]): string {
  return entries.map(({ key, value }) => `token.${key}: ${value}`).join(" and ");
}
