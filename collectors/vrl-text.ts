/**
 * A text as an expression of VRL, Vector's language. In its quotes backslashes escape and `{{` begins a template
 * (vectordotdev/vrl, src/parser/lex.rs). A placeholder of a secret, which Vector replaces in the file's text before it
 * parses anything (src/config/loading/secret.rs), is taken apart.
 */
export function vrlText(text: string): string {
  return text
    .split(/(?<=SECRET)(?=\[)/)
    .map(quoted)
    .join(" + ");
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(text: string): string {
  return `"${text.replace(/["\\{}\n\r\t]/g, (character) => escapes[character] ?? `\\${character}`)}"`;
}
