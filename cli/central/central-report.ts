import { join } from "node:path";
import type { RenderedCentral } from "../../central/render-central";
import type { Terminal } from "../terminal";

/** What a person reads. */
export function printCentral(central: RenderedCentral, { print, table }: Terminal): void {
  const { path, programs, written, unchanged, removed, next } = central;
  const folderOf = (file: string): string => (file.includes("/") ? (file.split("/")[0] ?? "") : "");
  const folders = new Set([...written, ...unchanged, ...removed].map(folderOf));
  const row = (title: string, folder: string): readonly string[] => [
    title,
    join(path, folder),
    ...[written, unchanged, removed].map(
      (files) => `${files.filter((file) => folderOf(file) === folder).length}`,
    ),
  ];
  const titles = new Map<string, string>(programs.map(({ name, title }) => [name, title]));
  const others = [...folders].filter((name) => name !== "" && !titles.has(name)).sort();
  print(
    table(
      ["for", "in", "written", "unchanged", "removed"],
      [
        ...[...titles].filter(([name]) => folders.has(name)).map(([name, title]) => row(title, name)),
        ...others.map((name) => row(name === "credentials" ? "secrets" : name, name)),
        row("all of them", ""),
      ],
    ),
  );
  print(
    next.length === 0
      ? "Nothing changed that a program that runs has to be told of."
      : `Next, on the central host:\n${next.map((step) => `  ${step}`).join("\n")}`,
  );
}
