import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A command in a console block of docs/faults.md, or what a person does by hand, and the lines below it. */
export interface DocumentedStep {
  /** As after `$ `; of what is done by hand, the comment. */
  readonly command: string;
  readonly byHand: boolean;
  /** What is said, line by line, as {@link comparable} writes it. */
  readonly lines: readonly string[];
}

const guide = join(__dirname, "..", "..", "docs", "faults.md");

/** The console blocks of docs/faults.md by the headings that they stand under. */
export function documentedFaults(
  text = readFileSync(guide, "utf8"),
): ReadonlyMap<string, readonly DocumentedStep[]> {
  const faults = new Map<string, DocumentedStep[]>();
  let title = "";
  let inBlock = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      inBlock = line === "```console";
    } else if (!inBlock) {
      title = /^### (.*)$/.exec(line)?.[1] ?? title;
    } else {
      const steps = faults.get(title) ?? [];
      faults.set(title, steps);
      const [, sign, command] = /^([$#]) (.*)$/.exec(line) ?? [];
      const last = steps.at(-1);
      if (command !== undefined) {
        steps.push({ command, byHand: sign === "#", lines: [] });
      } else if (last !== undefined && line !== "") {
        steps.splice(-1, 1, { ...last, lines: [...last.lines, line] });
      }
    }
  }
  return faults;
}

/** A line of output as it stands in docs/faults.md: without what differs from run to run. */
export const comparable = (line: string): string =>
  line
    .trim()
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "<id>")
    .replace(/\b[0-9a-f]{32}\b/g, "<id>")
    .replace(/\b\d+ pending operations/, "<number> pending operations")
    .replace(/\.json\.[0-9a-f]+\.tmp/g, ".json.<number>.tmp")
    .replace(/process \d+ on \S+/, "process <number> on <machine>")
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "https://api.cloudflare.com")
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b/g, "<time>")
    .replace(/(?:file:\/\/)?\/\S*\/sitepass-test-\w+/g, "<folder>");

/** The lines of an output that are of use to whoever has to go on: errors and warnings, and what the commands find. */
export const tellingLines = (text: string): readonly string[] => [
  ...new Set(
    text
      .split("\n")
      .map(comparable)
      .filter((line) => /^(error|warning): |^\d+\) /.test(line))
      .filter((line) => !/^error: (update failed|preview failed)$/.test(line)),
  ),
];
