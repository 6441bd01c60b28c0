import { parseDocument, type Document } from "yaml";
import type { RenderedFile } from "../../collectors/collector";

/** The text of a rendered file. */
export function textOf(files: readonly RenderedFile[], path: string): string {
  const found = files.find((file) => file.path === path);
  if (found === undefined) {
    throw new Error(`${path} was not rendered`);
  }
  return found.content;
}

/** The rendered files with one of them changed for a measurement. */
export function edited(
  files: readonly RenderedFile[],
  path: string,
  edit: (text: string) => string,
): readonly RenderedFile[] {
  const content = edit(textOf(files, path));
  return files.map((file) => (file.path === path ? { ...file, content } : file));
}

/** The same for a YAML file. */
export function editedYaml(
  files: readonly RenderedFile[],
  path: string,
  edit: (document: Document) => void,
): readonly RenderedFile[] {
  return edited(files, path, (text) => {
    const document = parseDocument(text);
    edit(document);
    return document.toString();
  });
}

/** Arguments of the command that a rendered unit runs (systemd.service(5), "COMMAND LINES"). */
export function execArguments(unit: string): readonly string[] {
  const line = /^ExecStart=((?:.+\\\n)*.+)$/m.exec(unit)?.[1] ?? "";
  return [...line.replaceAll("\\\n", " ").matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)]
    .slice(1)
    .map(([, quoted, bare]) => (quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "").replace(/([%$])\1/g, "$1"));
}

/** The variables of a rendered file for `EnvironmentFile=`. */
export function environmentIn(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)="((?:\\.|[^"\\])*)"$/gm)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, "$1"),
    ]),
  );
}
