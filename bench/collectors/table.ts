import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { fromSource } from "./from-source";
import { caseNames, readMeasured, type Measured } from "./results";

export const documentPath = join(__dirname, "..", "..", "docs", "collectors.md");
const begin = "<!-- The table is written by `npm run bench:collectors -- --table`. -->";
const end = "<!-- End of the table. -->";

type Cell = Omit<Measured, "lost"> & { readonly source?: string };

/** The table of docs/collectors.md, of what was measured and what was read. */
function collectorTable(): string {
  const cells: readonly Cell[] = [...readMeasured(), ...fromSource];
  const rows = [...new Set(cells.map(({ title, signal }) => `${title}, ${signal}`))].sort();
  const lines = rows.flatMap((row) => {
    const ofRow = cells.filter(({ title, signal }) => `${title}, ${signal}` === row);
    const textsOf = (relayed: boolean) =>
      caseNames.map((what) => textOf(ofRow.find((cell) => cell.relayed === relayed && cell.what === what)));
    const bare = ofRow.some(({ relayed }) => !relayed) ? textsOf(false) : caseNames.map(() => "refused");
    const behindRelay = ofRow.some(({ relayed }) => relayed) ? [[row, "relay", ...textsOf(true)]] : [];
    return [[row, "bare", ...bare], ...behindRelay];
  });
  return [["Collector", "", ...caseNames], ["---", "---", ...caseNames.map(() => "---")], ...lines]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) {
    return "";
  }
  const word = cell.outcome === "retry" ? "retry" : `**${cell.outcome}**`;
  const marks = `${cell.restarted ? "†" : ""}${cell.leaked ? "‡" : ""}`;
  return cell.source === undefined ? `${word}${marks}` : `_${word}${marks}_`;
}

/** Where each row comes from that was not measured. */
function sources(): string {
  const lines = new Set(fromSource.map(({ title, signal, source }) => `- ${title}, ${signal}: ${source}.`));
  return ["Where the slanted rows stand, at the tags of these releases:", "", ...lines].join("\n");
}

/** The document with the current table in it. Throws when it has no place for one. */
export async function withTable(document: string): Promise<string> {
  const [before, rest] = document.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`${documentPath} has no place for the table`);
  }
  const text = `${before}${begin}\n\n${collectorTable()}\n\n${sources()}\n\n${end}${after}`;
  const options = await resolveConfig(documentPath);
  return format(text, { ...options, parser: "markdown" });
}

export async function writeTable(): Promise<void> {
  writeFileSync(documentPath, await withTable(readFileSync(documentPath, "utf8")));
}
