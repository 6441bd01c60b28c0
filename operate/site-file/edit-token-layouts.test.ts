import { orThrow } from "../../fleet/problem";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import "../../test/support/fixed-seed";
import { parseSite } from "../../fleet/site-files";
import { changedLines, editToken, type TokenChanges } from "./edit-token";

/** Keys of `token` in any order, with values as a file may have them. */
const tokenKeys = fc
  .record({
    duration: fc.option(fc.constantFrom("8760h", "forever", '"720h"', "'1h'"), { nil: undefined }),
    enabled: fc.option(fc.constantFrom("true", "false"), { nil: undefined }),
    rotation: fc.option(fc.nat({ max: 40 }), { nil: undefined }),
    quotedTime: fc.boolean(),
  })
  .chain(({ duration, enabled, rotation, quotedTime }) => {
    const time = "2026-06-01T00:00:00Z";
    const entries: [string, string][] = [
      ...(duration === undefined ? [] : [["duration", duration] satisfies [string, string]]),
      ...(enabled === undefined ? [] : [["enabled", enabled] satisfies [string, string]]),
      ...(rotation === undefined ? [] : [["secretVersion", String(rotation + 1)] satisfies [string, string]]),
      ...(rotation === undefined || rotation === 0
        ? []
        : [["previousSecretExpiresAt", quotedTime ? `"${time}"` : time] satisfies [string, string]]),
    ];
    return fc.shuffledSubarray(entries, { minLength: entries.length });
  });

const changes: fc.Arbitrary<TokenChanges> = fc.oneof(
  fc.record({ enabled: fc.boolean() }),
  fc.record({
    secretVersion: fc.integer({ min: 50, max: 99 }),
    previousSecretExpiresAt: fc.constant("2026-12-08T00:00:00Z"),
  }),
);

const comment = fc.constantFrom("", " # note", "   # token: { enabled: maybe }", "\t# tab");
const between = fc.constantFrom("", "\n", "# enabled: no\n", "\n  # secretVersion: 9\n\n");

/** The file's other keys, before and behind the token. */
const others = fc.shuffledSubarray([
  "description: 'Tokyo: #1'",
  "signals: [metrics, logs]",
  "labels:\n    region: apac # far\n    token: none",
  "collector: alloy",
  "relay: nginx # holds the secret",
]);

interface Layout {
  readonly text: string;
  /** Lines that may differ besides those that the changes name: in braces the last entry may gain a comma. */
  readonly braces: boolean;
}

/** Every token of the layout has a line of its own, or the file has no token. */
const blockLayout: fc.Arbitrary<Layout> = fc
  .record({
    keys: tokenKeys,
    step: fc.integer({ min: 1, max: 9 }),
    others,
    at: fc.nat(),
    comments: fc.array(comment, { minLength: 6, maxLength: 6 }),
    gaps: fc.array(between, { minLength: 12, maxLength: 12 }),
    quote: fc.constantFrom("", '"'),
  })
  .map(({ keys, step, others: rest, at, comments, gaps, quote }) => {
    const parts = [...rest];
    const lines = keys.map(
      ([key, value], index) =>
        `${" ".repeat(step)}${quote}${key}${quote}: ${value}${comments[index] ?? ""}\n${indented(gaps[index] ?? "", step)}`,
    );
    if (lines.length > 0) {
      parts.splice(
        at % (parts.length + 1),
        0,
        `token:${comments[5] ?? ""}\n${lines.join("")}`.replace(/\n$/, ""),
      );
    }
    return { text: parts.map((part, index) => `${gaps[index + 6] ?? ""}${part}\n`).join(""), braces: false };
  });

const indented = (gap: string, step: number): string => gap.replace(/^ *#/gm, `${" ".repeat(step)}#`);

/** The token in braces, in one line or several, in a block or in a file that is all braces, such as JSON. */
const braceLayout: fc.Arbitrary<Layout> = fc
  .record({
    keys: tokenKeys,
    lines: fc.boolean(),
    trailingComma: fc.boolean(),
    padding: fc.constantFrom("", " "),
    whole: fc.boolean(),
    comments: fc.array(comment, { minLength: 6, maxLength: 6 }),
  })
  .map(({ keys, lines, trailingComma, padding, whole, comments }) => {
    const entries = keys.map(([key, value]) => `${key}: ${value}`);
    const last = trailingComma && entries.length > 0 ? "," : "";
    const inside = lines
      ? `\n${entries.map((entry, index) => `    ${entry}${index === entries.length - 1 ? last : ","}${comments[index] ?? ""}\n`).join("")}  `
      : padding + entries.join(", ") + last + padding;
    const token = `token: {${inside}}`;
    return {
      text: whole ? `{\n  collector: alloy, # agent\n  ${token}\n}\n` : `collector: alloy\n${token} # end\n`,
      braces: true,
    };
  });

const jsonLayout: fc.Arbitrary<Layout> = fc
  .record({
    description: fc.string({ maxLength: 20 }),
    token: fc.option(
      fc.record({ duration: fc.constant("720h"), enabled: fc.boolean() }, { requiredKeys: [] }),
      { nil: undefined },
    ),
    space: fc.constantFrom<(string | number)[]>(0, 1, 2, 4, "\t"),
  })
  .map(({ space, ...file }) => ({ text: `${JSON.stringify(file, undefined, space)}\n`, braces: true }));

const layout = fc
  .record({
    layout: fc.oneof(blockLayout, braceLayout, jsonLayout),
    windows: fc.boolean(),
    mark: fc.boolean(),
    lastBreak: fc.boolean(),
  })
  .map(({ layout: { text, braces }, windows, mark, lastBreak }) => {
    const ended = lastBreak ? text : text.replace(/\n+$/, "");
    return { text: (mark ? "\uFEFF" : "") + (windows ? ended.replaceAll("\n", "\r\n") : ended), braces };
  });

const withoutMark = (text: string): string => text.replace(/^\uFEFF/, "");

describe("editToken on generated layouts", () => {
  it("says what was meant, and differs in the lines concerned alone", () => {
    fc.assert(
      fc.property(layout, changes, ({ text, braces }, wanted) => {
        const parsed = parseSite(withoutMark(text), "site");
        fc.pre(parsed.ok);
        const before = parsed.value;
        const after = orThrow(editToken(text, wanted, "site"));
        assert.deepEqual(orThrow(parseSite(withoutMark(after), "site")), {
          ...before,
          token: { ...before.token, ...wanted },
        });
        assert.equal(after.startsWith("\uFEFF"), text.startsWith("\uFEFF"));
        if (withoutMark(text) !== "") {
          assert.equal(after.endsWith("\n"), text.endsWith("\n"));
        }
        if (text.includes("\n")) {
          assert.equal(/(?<!\r)\n/.test(after), /(?<!\r)\n/.test(text));
          assert.equal(after.includes("\r"), text.includes("\r"));
        }
        const named = new RegExp(`\\b(?:${Object.keys(wanted).join("|")})["']?:`);
        const [removed, added] = ["-", "+"].map((sign) =>
          changedLines(text, after).filter((line) => line.sign === sign),
        );
        for (const line of removed ?? []) {
          // Where it was the last line of a file without a last line break, the line gains one.
          const gainsBreak =
            !text.endsWith("\n") && added?.some((other) => other.text === line.text) === true;
          assert.ok(
            named.test(line.text) ||
              gainsBreak ||
              (braces && added?.some((other) => grownFrom(other.text, line.text))),
            `${JSON.stringify(line.text)} was changed`,
          );
        }
      }),
      { numRuns: 3000 },
    );
  });
});

/** Whether a line is another one with something added: a comma, or entries in front of a closing brace. */
function grownFrom(longer: string, shorter: string): boolean {
  let at = 0;
  for (const character of longer) {
    at += character === shorter[at] ? 1 : 0;
  }
  return at === shorter.length;
}
