import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expectedCentralCases, expectedCentralFolder } from "../central/testing/expected-folders";
import {
  expectedCases,
  expectedFolder,
  expectedTexts,
  textsBelow,
} from "../collectors/testing/expected-files";
import type { RenderedFile } from "../collectors/collector";
import { documents, withBuffers } from "./buffers-table";

// Writes `collectors/expected/` and `central/expected/` anew, and what documents say of outages; with `--check` it only says which of
// the files are not current.

const checkOnly = process.argv.includes("--check");

/** Brings a folder to the texts of these cases, each in a folder of its own. */
function writeExpected(
  title: string,
  root: string,
  cases: Readonly<Record<string, readonly RenderedFile[]>>,
): void {
  const wanted = new Map(
    Object.entries(cases).flatMap(([folder, files]) =>
      [...expectedTexts(files)].map(([path, text]) => [join(folder, path), text] as const),
    ),
  );
  if (checkOnly) {
    const found = textsBelow(root);
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) !== found.get(path)) {
        console.error(`${title}/${path}: is not what is rendered. Run \`npm run expected\`.`);
        process.exitCode = 1;
      }
    }
    return;
  }
  rmSync(root, { recursive: true, force: true });
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

writeExpected("collectors/expected", expectedFolder, expectedCases);
writeExpected("central/expected", expectedCentralFolder, expectedCentralCases);

/** Brings the numbers in documents up to date. */
async function writeDocuments(): Promise<void> {
  for (const document of documents) {
    const path = join(__dirname, "..", document);
    const found = readFileSync(path, "utf8");
    const text = await withBuffers(document, found);
    if (text !== found && checkOnly) {
      console.error(`${document}: is not as collectors/buffers.ts has it. Run \`npm run expected\`.`);
      process.exitCode = 1;
    } else if (text !== found) {
      writeFileSync(path, text);
    }
  }
}

void writeDocuments();
