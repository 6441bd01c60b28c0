import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { RenderedFile } from "../collectors/collector";
import { UserError } from "../fleet/problem";
import { Disk, holds, kindOf, modeOf, temporaryPrefix, type OnChange } from "./disk";
import { withFolderLock } from "./folder-lock";
import { holdsSet, removeFormerSets, removeSet, replaceSet } from "./secret-set";
import { foldersOf, isInSecretsFolder, secretsFolder, sortSiteFiles } from "./site-files";
import { siteFolderProblems } from "./site-folder-problems";
import { manifestName, manifestText, readManifest } from "./site-manifest";

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
  refuseForeign(directory, site, files);
  const disk = new Disk(onChange);
  disk.makeFolder(directory);
  return withFolderLock(directory, () => {
    // Once more: another render may just have let go of it.
    refuseForeign(directory, site, files);
    return update(disk, directory, site, files);
  });
}

function refuseForeign(directory: string, site: string, files: readonly RenderedFile[]): void {
  const problems = siteFolderProblems(directory, site, files);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
}

function update(disk: Disk, directory: string, site: string, files: readonly RenderedFile[]): WrittenSite {
  const { sets, plain } = sortSiteFiles(files);
  const before = readManifest(directory)?.files ?? [];
  const wanted = files.map(({ path }) => path);
  const written: string[] = [];
  const unchanged: string[] = [];

  for (const folder of ["", ...foldersOf([...before, ...wanted])]) {
    tidy(disk, join(directory, folder));
  }
  putFile(disk, join(directory, manifestName), manifestText(site, [...before, ...wanted]), 0o644);
  for (const folder of foldersOf(wanted)) {
    disk.makeFolder(join(directory, folder));
  }
  for (const [folder, set] of sets) {
    const paths = [...set.keys()].map((name) => `${folder}/${name}`);
    if (holdsSet(join(directory, folder), set)) {
      unchanged.push(...paths);
    } else {
      replaceSet(disk, join(directory, folder), set);
      written.push(...paths);
    }
    removeFormerSets(disk, join(directory, folder));
  }
  for (const { path, content, mode } of plain) {
    (putFile(disk, join(directory, path), content, mode) ? written : unchanged).push(path);
  }
  const removed = removeFiles(disk, directory, before, wanted);
  putFile(disk, join(directory, manifestName), manifestText(site, wanted), 0o644);
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
  const [secret, plain] = [
    removed.filter(isInSecretsFolder),
    removed.filter((path) => !isInSecretsFolder(path)),
  ];
  for (const path of [...plain, ...secret]) {
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
