import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";

const root = join(__dirname, "..", "..");

/** What Pulumi's loader has compiled for any copy of the project, each file under a name that its source gives it. */
const cache = join(root, "node_modules", ".cache");
const shared = join(cache, "sitepass-program");

/**
 * Has the Pulumi CLI read the tsconfig of the original, by whose place the loader tells what it compiled from what others did: each copy
 * would compile the whole program anew, which takes as long as half an `up`.
 */
export function useOriginalTsconfig(directory: string): void {
  const path = join(directory, "Pulumi.yaml");
  const document = parseDocument(readFileSync(path, "utf8"));
  const option = ["runtime", "options", "tsconfig"];
  const tsconfig = join(root, z.string().parse(document.getIn(option)));
  document.setIn(option, relative(realpathSync(directory), tsconfig));
  writeFileSync(path, document.toString({ lineWidth: 0 }));
}

/**
 * Lets runs of one stack find what others compiled. Not in the same folder: the loader writes a file in place, and another run would
 * read half of it.
 *
 * @param folder of the stack's own.
 * @returns the environment variable that names the folder to the loader.
 */
export function takeCompiled(folder: string): Readonly<Record<string, string>> {
  if (existsSync(shared) && !existsSync(folder)) {
    cpSync(shared, folder, { recursive: true });
  }
  return { TS_NODE_CACHE_DIRECTORY: folder };
}

/** Keeps for others what a run has compiled that ended well. */
export function keepCompiled(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const kept = join(shared, relative(folder, path));
    if (entry.isFile() && !existsSync(kept)) {
      mkdirSync(dirname(kept), { recursive: true });
      // Whole or not at all, for whoever takes it meanwhile.
      const unfinished = join(cache, `${entry.name}.${process.pid}`);
      copyFileSync(path, unfinished);
      renameSync(unfinished, kept);
    }
  }
}
