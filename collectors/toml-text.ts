import { stringify, type TomlTable } from "smol-toml";
import { commentLines } from "./comment-lines";

/** The text of a TOML file, with a comment at its top. */
export function tomlText(header: string, content: TomlTable): string {
  const comment = commentLines(header)
    .map((line) => `# ${line}\n`)
    .join("");
  return `${comment}\n${stringify(content)}`;
}
