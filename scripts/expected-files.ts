import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  expectedCases,
  expectedFolder,
  expectedTexts,
  textsBelow,
} from "../collectors/testing/expected-files";

/** Writes `collectors/expected/` anew; with `--check` it only says which of its files are not current. */
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
