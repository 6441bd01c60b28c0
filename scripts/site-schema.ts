import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { siteJsonSchema } from "../fleet/site-schema";

/** Writes `site.schema.json` from the zod schema; with `--check` it only says whether the file is current. */
const path = join(__dirname, "..", "site.schema.json");
const wanted = siteJsonSchema();

if (process.argv.includes("--check")) {
  if (readFileSync(path, "utf8") !== wanted) {
    console.error("site.schema.json: is not what fleet/site-schema.ts describes. Run `npm run schema`.");
    process.exitCode = 1;
  }
} else {
  writeFileSync(path, wanted);
}
