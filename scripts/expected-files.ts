import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  expectedCases,
  expectedFolder,
  expectedTexts,
  textsBelow,
} from "../collectors/testing/expected-files";
import { documents, withBuffers } from "./buffers-table";

/**
 * Writes `collectors/expected/` anew, and what documents say of outages; with `--check` it only says which of the files are not
 * current.
 */
const wanted = new Map(
  Object.entries(expectedCases).flatMap(([folder, files]) =>
    [...expectedTexts(files)].map(([path, text]) => [join(folder, path), text] as const),
  ),
);

if (process.argv.includes("--check")) {
  const found = textsBelow(expectedFolder);
  for (const path of new Set([...wanted.keys(), ...found.keys()])) {
    if (wanted.get(path) !== found.get(path)) {
      console.error(`collectors/expected/${path}: is not what is rendered. Run \`npm run expected\`.`);
      process.exitCode = 1;
    }
  }
} else {
  rmSync(expectedFolder, { recursive: true, force: true });
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(expectedFolder, path)), { recursive: true });
    writeFileSync(join(expectedFolder, path), text);
  }
}

async function writeDocuments(): Promise<void> {
  for (const document of documents) {
    const path = join(__dirname, "..", document);
    const found = readFileSync(path, "utf8");
    const text = await withBuffers(document, found);
    if (text !== found && process.argv.includes("--check")) {
      console.error(`${document}: is not as collectors/buffers.ts has it. Run \`npm run expected\`.`);
      process.exitCode = 1;
    } else if (text !== found) {
      writeFileSync(path, text);
    }
  }
}

void writeDocuments();
