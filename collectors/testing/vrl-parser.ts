import assert from "node:assert/strict";

/**
 * What a program of VRL assigns to the paths below one, such as `.tags`: lines such as `.tags."name" = "text" + "text"`.
 * Strings are read as Vector reads them (vectordotdev/vrl, src/parser/lex.rs): these escapes and no others, and no template.
 */
export function assignments(program: string, path: string): Readonly<Record<string, string>> {
  const literal = String.raw`"(?:[^"\\]|\\.)*"`;
  const line = new RegExp(
    String.raw`^${path.replaceAll(".", "\\.")}\."(\w+)" = (${literal}(?: \+ ${literal})*)$`,
  );
  return Object.fromEntries(
    program
      .split("\n")
      .filter((text) => text.startsWith(`${path}."`))
      .map((text) => {
        const match = line.exec(text);
        assert.ok(match !== null, `${text} assigns no text`);
        const parts = (match[2] ?? "").matchAll(new RegExp(literal, "g"));
        return [match[1] ?? "", [...parts].map(([part]) => textOfLiteral(part.slice(1, -1))).join("")];
      }),
  );
}

function textOfLiteral(inside: string): string {
  assert.ok(!inside.includes("{{"), `${inside} is a template`);
  const escapes: Readonly<Record<string, string>> = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    n: "\n",
    r: "\r",
    t: "\t",
    "{": "{",
    "}": "}",
  };
  return inside.replace(/\\(.)/gs, (match, character: string) => {
    const text = escapes[character];
    assert.ok(text !== undefined, `${match} is no escape`);
    return text;
  });
}
