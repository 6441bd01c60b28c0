import assert from "node:assert/strict";

/** A block as Alloy's parser sees it; references are objects, so that no string can pass for one. */
export interface ParsedBlock {
  readonly name: string;
  readonly label: string | undefined;
  readonly attributes: Record<string, unknown>;
  readonly blocks: ParsedBlock[];
}

type Token =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "word"; readonly value: string }
  | { readonly kind: "mark"; readonly value: string };

/**
 * Reads a configuration back: comments, blocks, attributes, literals and references, by Alloy's own rules for each
 * (syntax/scanner). Anything else, such as a string that goes on on the next line, fails.
 */
export function parseAlloy(text: string): ParsedBlock[] {
  const tokens = tokenize(text);
  let position = 0;

  const next = (): Token => {
    const token = tokens[position];
    assert.ok(token !== undefined, "the text ends too early");
    position += 1;
    return token;
  };
  const isMark = (value: string): boolean =>
    tokens[position]?.kind === "mark" && tokens[position]?.value === value;
  const take = (kind: Token["kind"], value?: string): string => {
    const token = next();
    assert.equal(token.kind, kind);
    if (value !== undefined) {
      assert.equal(token.value, value);
    }
    return token.value;
  };

  const expression = (): unknown => {
    const token = next();
    if (token.kind === "string") {
      return token.value;
    }
    if (token.kind === "word") {
      return /^[0-9]+$/.test(token.value)
        ? Number(token.value)
        : token.value === "true" || token.value === "false"
          ? token.value === "true"
          : { reference: token.value };
    }
    if (token.value === "[") {
      const items: unknown[] = [];
      while (!isMark("]")) {
        items.push(expression());
        if (!isMark("]")) {
          take("mark", ",");
        }
      }
      take("mark", "]");
      return items;
    }
    assert.equal(token.value, "{");
    const fields: [string, unknown][] = [];
    while (!isMark("}")) {
      const name = take("string");
      take("mark", "=");
      fields.push([name, expression()]);
      take("mark", ",");
    }
    take("mark", "}");
    return Object.fromEntries(fields);
  };

  const block = (name: string): ParsedBlock => {
    const label = isMark("{") ? undefined : take("string");
    take("mark", "{");
    const parsed: ParsedBlock = { name, label, attributes: {}, blocks: [] };
    while (!isMark("}")) {
      const word = take("word");
      if (isMark("=")) {
        take("mark", "=");
        assert.ok(!(word in parsed.attributes), `${word} is there twice`);
        parsed.attributes[word] = expression();
      } else {
        parsed.blocks.push(block(word));
      }
    }
    take("mark", "}");
    return parsed;
  };

  const blocks: ParsedBlock[] = [];
  while (position < tokens.length) {
    blocks.push(block(take("word")));
  }
  return blocks;
}

/** Escapes that name a character; the others are octal, \x, \u and \U, of which only \u is ever rendered. */
const escapes: Readonly<Record<string, string>> = {
  a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\", '"': '"',
}; // prettier-ignore

const tokenPattern =
  /(?<space>[ \t\r\n]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|"(?<string>(?:[^"\\\n]|\\(?:[abfnrtv\\"]|u[0-9a-fA-F]{4}))*)"|(?<word>[A-Za-z_0-9][\w.]*)|(?<mark>[{}[\],=])/y;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < text.length) {
    const start = tokenPattern.lastIndex;
    const groups = tokenPattern.exec(text)?.groups;
    assert.ok(groups !== undefined, `nothing of Alloy's: ${text.slice(start, start + 40)}`);
    const { string, word, mark } = groups;
    if (string !== undefined) {
      const value = string.replace(/\\(?:u(.{4})|(.))/g, (_, code?: string, name?: string) => {
        if (code === undefined) {
          return escapes[name ?? ""] ?? assert.fail(`\\${name ?? ""}`);
        }
        const number = Number.parseInt(code, 16);
        assert.ok(number < 0xd800 || number >= 0xe000, `\\u${code} is no character`);
        return String.fromCharCode(number);
      });
      tokens.push({ kind: "string", value });
    } else if (word !== undefined) {
      tokens.push({ kind: "word", value: word });
    } else if (mark !== undefined) {
      tokens.push({ kind: "mark", value: mark });
    }
  }
  return tokens;
}
