import { parseDocument, type Document } from "yaml";
import type { CollectorName, CollectorRelease, RenderedFile } from "../../collectors/collector";
import type { SignalName } from "../../fleet/signals";

/** A collector as it is measured: which program, from which rendered files, and what it says of itself. */
export interface Subject {
  /** As the table names it, with version. */
  readonly title: string;
  readonly collector: CollectorName;
  readonly signal: SignalName;
  readonly release: CollectorRelease;
  /** The program's path, or undefined where it is not on this machine. */
  readonly program: string | undefined;
  /** Rendered files as they are run: the same but for intervals, ports and inputs, which a measurement needs short. */
  readonly adapt: (files: readonly RenderedFile[], run: Run) => readonly RenderedFile[];
  readonly args: (files: readonly RenderedFile[], run: Run) => readonly string[];
  readonly environment?: (files: readonly RenderedFile[]) => Readonly<Record<string, string>>;
  /** A page that answers 200 once it runs; undefined where there is none. */
  readonly readyUrl: (run: Run) => string | undefined;
  /** Whether what it prints and counts says that data was lost. */
  readonly admitsLoss: (text: string, metrics: string) => boolean;
  /** Its own metrics; undefined where there are none. */
  readonly metricsUrl: (run: Run) => string | undefined;
  /** Feeds it one log line; metrics it scrapes from itself. */
  readonly feed?: (run: Run, line: number) => Promise<void>;
}

/** What one run of a collector has for itself. */
export interface Run {
  readonly directory: string;
  /** Ports of its own, free when it was started. */
  readonly port: number;
  readonly otherPort: number;
}

/** The text of a log line that is fed. */
export const lineText = (number: number): string => `line ${number}`;

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
