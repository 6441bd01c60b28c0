import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import type { RenderedFile } from "../collectors/collector";
import { failure, orThrow, problemsOf, success, type Problem, type Result } from "../fleet/problem";
import { Disk, holds, kindOf, modeOf, temporaryPrefix, type OnChange } from "./disk";
import { isSystemError } from "../fleet/system-errors";
import { lockProblem, takeLock } from "./lock";
import {
  foldersOf,
  holdsSet,
  isInSecretsFolder,
  removeFormerSets,
  removeSet,
  renderedPath,
  replaceSet,
  secretsFolder,
  sortSiteFiles,
} from "./site-files";

/** What writing did, as paths relative to the site's folder. */
export interface WrittenSite {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Brings a site's folder to exactly these files, and touches nothing that a person put there.
 *
 * A file whose bytes are right is left alone. Wherever this is cut short, every file is whole, the secrets of a folder
 * belong together, and the next call finishes the work: the manifest names a file before it is made and until it is
 * gone, secrets are there before the configuration that names them, and go after it.
 *
 * @throws UserError when the folder is not ours to write to; then nothing was changed.
 */
export function writeSite(
  directory: string,
  site: string,
  files: readonly RenderedFile[],
  onChange?: OnChange,
): WrittenSite {
  orThrow(filesBefore(directory, site, files));
  const disk = new Disk(onChange);
  disk.makeFolder(directory);
  const unlock = takeLock(join(directory, lockName), lockUse);
  try {
    // Once more: another render may just have let go of it.
    return update(disk, directory, site, files, orThrow(filesBefore(directory, site, files)));
  } finally {
    unlock();
  }
}

/** Why a site's files cannot be written to a folder right now. */
export function siteFolderProblems(
  directory: string,
  site: string,
  files: readonly RenderedFile[],
): readonly Problem[] {
  const locked = lockProblem(join(directory, lockName), lockUse);
  return [...problemsOf(filesBefore(directory, site, files)), ...(locked === undefined ? [] : [locked])];
}

const lockName = ".sitepass.lock";
const lockUse = "is writing this folder";

/** Whether git would commit what is written to a folder, which need not exist yet: not when it is ignored, nor without git. */
export function wouldBeCommitted(folder: string): boolean {
  const path = resolve(folder);
  let existing = path;
  while (!existsSync(existing)) {
    existing = dirname(existing);
  }
  // A file in it: a pattern such as rendered/ ignores folders alone, and git takes what is not there for a file.
  const file = join(relative(existing, path), "README.md");
  const { status } = spawnSync("git", ["check-ignore", "--quiet", "--", file], {
    cwd: realpathSync(existing),
    stdio: "ignore",
  });
  // 0: ignored; 1: not; 128: no work tree (git-check-ignore(1), "EXIT STATUS").
  return status === 1;
}

/**
 * The files that rendering has made in a folder before, or why it is not ours to write to: what a person has put there is
 * neither replaced nor written through, and nobody else may be able to swap the folder for another.
 */
function filesBefore(
  directory: string,
  site: string,
  files: readonly RenderedFile[],
): Result<readonly string[]> {
  const refused = (says: string, todo: string): Result<never> =>
    failure({ subject: directory, says, todo: `${todo}, or name another place with --out` });
  const above = statSync(dirname(directory), { throwIfNoEntry: false });
  // Others may make files in a sticky folder, such as /tmp, and cannot rename mine.
  if (above !== undefined && (above.mode & 0o1002) === 0o002) {
    return failure({
      subject: dirname(directory),
      says: "can be changed by every user of this machine",
      todo: "Run `chmod o-w` on it, or name another folder with --out",
    });
  }
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) {
    return success([]);
  }
  if (!found.isDirectory()) {
    return refused(`is not a folder, and the files of site ${site} go into one`, "Move it away");
  }
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    return refused(`belongs to user ${found.uid}, and this is user ${user}`, "Render as its owner");
  }
  const manifest = readManifest(directory);
  if (!manifest.ok) {
    return manifest;
  }
  if (manifest.value === undefined) {
    const foreign = readdirSync(directory).find(
      (name) => name !== lockName && !name.startsWith(temporaryPrefix),
    );
    return foreign === undefined
      ? success([])
      : refused(`holds ${foreign}, and no ${manifestName} says that sitepass made this folder`, "Empty it");
  }
  if (manifest.value.site !== site) {
    return refused(`holds the files of site ${manifest.value.site}`, "Move it away");
  }
  const before = manifest.value.files;
  const wanted = files.map(({ path }) => path);
  const problems = pathProblems(directory, before, wanted);
  return problems.length > 0 ? failure(...problems) : success(before);
}

function pathProblems(
  directory: string,
  before: readonly string[],
  wanted: readonly string[],
): readonly Problem[] {
  const refused = (path: string, says: string): Problem => ({
    subject: join(directory, path),
    says,
    todo: "Move it away",
  });
  const inFoldersPlace = foldersOf([...before, ...wanted]).flatMap((folder) => {
    switch (kindOf(join(directory, folder))) {
      case undefined:
      case "folder":
        return [];
      case "link":
        return refused(folder, "is a link, and rendered files are neither written nor removed through one");
      default:
        return refused(folder, "is not a folder, and rendered files belong in one");
    }
  });
  if (inFoldersPlace.length > 0) {
    return inFoldersPlace;
  }
  return wanted
    .filter((path) => {
      const kind = kindOf(join(directory, path));
      return kind !== undefined && (kind === "folder" || !before.includes(path));
    })
    .map((path) => refused(path, "was not made by sitepass, and a rendered file belongs there"));
}

function update(
  disk: Disk,
  directory: string,
  site: string,
  files: readonly RenderedFile[],
  before: readonly string[],
): WrittenSite {
  const at = (path: string): string => join(directory, path);
  const { sets, plain } = sortSiteFiles(files);
  const wanted = files.map(({ path }) => path);
  const written: string[] = [];
  const unchanged: string[] = [];

  for (const folder of ["", ...foldersOf([...before, ...wanted])]) {
    tidy(disk, at(folder));
  }
  putFile(disk, at(manifestName), manifestText(site, [...before, ...wanted]), 0o644);
  for (const folder of foldersOf(wanted)) {
    disk.makeFolder(at(folder));
  }
  for (const [folder, set] of sets) {
    const paths = [...set.keys()].map((name) => `${folder}/${name}`);
    if (holdsSet(at(folder), set)) {
      unchanged.push(...paths);
    } else {
      replaceSet(disk, at(folder), set);
      written.push(...paths);
    }
    removeFormerSets(disk, at(folder));
  }
  for (const { path, content, mode } of plain) {
    (putFile(disk, at(path), content, mode) ? written : unchanged).push(path);
  }
  const removed = removeFiles(disk, directory, before, wanted);
  putFile(disk, at(manifestName), manifestText(site, wanted), 0o644);
  return { written: written.sort(), unchanged: unchanged.sort(), removed };
}

/** Takes away what a run that was cut short has left, and shuts out everybody else. */
function tidy(disk: Disk, folder: string): void {
  if (kindOf(folder) !== "folder") {
    return;
  }
  if (modeOf(folder) !== 0o700) {
    disk.setMode(folder, 0o700);
  }
  for (const name of readdirSync(folder)) {
    if (name.startsWith(temporaryPrefix)) {
      disk.remove(join(folder, name));
    }
  }
}

/** @returns whether there was something to write. */
function putFile(disk: Disk, path: string, content: string, mode: number): boolean {
  if (!holds(path, content)) {
    disk.writeFile(path, content, mode);
    return true;
  }
  if (modeOf(path) !== mode) {
    disk.setMode(path, mode);
  }
  return false;
}

/** Removes what was made before and is not wanted any more; secrets last, for configuration may name them. */
function removeFiles(
  disk: Disk,
  directory: string,
  before: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  const removed = before.filter(
    (path) => !wanted.includes(path) && ["file", "link"].includes(kindOf(join(directory, path)) ?? ""),
  );
  const plain = removed.filter((path) => !isInSecretsFolder(path));
  for (const path of [...plain, ...removed.filter(isInSecretsFolder)]) {
    disk.remove(join(directory, path));
  }
  const kept = foldersOf(wanted);
  for (const folder of [...foldersOf(before)].reverse()) {
    const path = join(directory, folder);
    if (!kept.includes(folder) && kindOf(path) === "folder") {
      if (basename(folder) === secretsFolder) {
        removeSet(disk, path);
      }
      disk.removeFolderIfEmpty(path);
    }
  }
  return removed;
}

const manifestName = ".sitepass.json";

/** What rendering has made in a folder: everything else there is a person's. */
const manifestSchema = z.strictObject({
  about: z.string(),
  site: z.string(),
  /** Relative paths, in order. */
  files: z.array(z.string().regex(renderedPath)),
});

/** Reads a folder's manifest; undefined when it has none. */
function readManifest(directory: string): Result<z.infer<typeof manifestSchema> | undefined> {
  const path = join(directory, manifestName);
  const kind = kindOf(path);
  try {
    // Only a file is read; a link is not followed.
    const text = kind === "file" ? readFileSync(path, "utf8") : "";
    return success(kind === undefined ? undefined : manifestSchema.parse(JSON.parse(text)));
  } catch (error) {
    if (isSystemError(error)) {
      throw error;
    }
    return failure({
      subject: path,
      says: "is not as sitepass wrote it",
      todo: "Restore it, or move the folder away and render again",
    });
  }
}

function manifestText(site: string, files: Iterable<string>): string {
  const manifest: z.infer<typeof manifestSchema> = {
    about: "What sitepass has made here, and may replace and remove. It touches nothing else in this folder.",
    site,
    files: [...new Set(files)].sort(),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
