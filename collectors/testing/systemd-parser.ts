import assert from "node:assert/strict";

/** The values that a unit, or a drop-in, gives a key, in their order; a line that ends with a backslash goes on. */
export function unitValues(text: string, key: string): readonly string[] {
  return text
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

/**
 * A command line as systemd takes it apart (systemd.service(5), "COMMAND LINES"): words in double quotes or without,
 * backslashes that escape, `$$` and `%%`. Fails on what would be replaced by something else.
 */
export function commandWords(line: string): readonly string[] {
  const words: string[] = [];
  let rest = line.trim();
  while (rest !== "") {
    const match = /^(?:"((?:[^"\\]|\\.)*)"|([^\s"'\\]+))(?:\s+|$)/s.exec(rest);
    assert.ok(match !== null, `${rest} begins with no word`);
    const word = match[1] ?? match[2] ?? "";
    words.push(
      word
        .replace(/\\(.)/gs, (_, escaped: string) => (escaped === "n" ? "\n" : escaped))
        .replace(/[$%]{1,2}/g, (signs) => {
          assert.ok(signs === "$$" || signs === "%%", `${word} is expanded`);
          return signs.charAt(0);
        }),
    );
    rest = rest.slice(match[0].length);
  }
  return words;
}

/** The variables of a file for `EnvironmentFile=` of lines in double quotes. */
export function environmentOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const match = /^(\w+)="((?:[^"\\`$]|\\["\\`$])*)"$/.exec(line);
        assert.ok(match !== null, `${line} is no assignment`);
        return [match[1] ?? "", (match[2] ?? "").replace(/\\(.)/g, "$1")];
      }),
  );
}
