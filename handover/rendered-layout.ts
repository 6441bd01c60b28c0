import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { RenderedFile } from "../collectors/collector";
import { holds, kindOf, linkTarget, modeOf, type Disk } from "./disk";

/** Letters, digits and what systemd's names have; a segment never begins with a dot. Files are deleted by the manifest's paths. */
export const renderedPath = /^[A-Za-z0-9_@-][A-Za-z0-9._@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*$/;

/** Folders of this name hold the files with secrets, and nothing else. */
export const secretsFolder = "credentials";

export const isInSecretsFolder = (path: string): boolean => basename(dirname(path)) === secretsFolder;

/**
 * Sorts a site's files by how they are written: the sets of secrets by their folder, and the others. A path that breaks
 * what readers of the folder rely on is a bug of a collector.
 */
export function sortRenderedFiles(files: readonly RenderedFile[]): {
  readonly sets: ReadonlyMap<string, SecretSet>;
  readonly plain: readonly RenderedFile[];
} {
  const sets = new Map<string, Map<string, string>>();
  const plain: RenderedFile[] = [];
  const seen = new Set<string>();
  for (const file of files) {
    const { path, mode, content } = file;
    if (!renderedPath.test(path) || seen.has(path) || (mode === 0o600) !== isInSecretsFolder(path)) {
      throw new Error(`${path} (mode ${mode.toString(8)}) is not a path for a rendered file.`);
    }
    seen.add(path);
    if (mode === 0o600) {
      const folder = dirname(path);
      sets.set(folder, (sets.get(folder) ?? new Map<string, string>()).set(basename(path), content));
    } else {
      plain.push(file);
    }
  }
  return { sets, plain };
}

/** The folders that these files lie in, each before what is in it; without the site's own. */
export function foldersOf(paths: Iterable<string>): readonly string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      folders.add(folder);
    }
  }
  return [...folders].sort();
}

/**
 * The files of a folder named `credentials`: name to content. They are replaced together or not at all, and so lie as
 * Kubernetes lays out mounted secrets:
 *
 *     client_id     -> ..data/client_id
 *     client_secret -> ..data/client_secret
 *     ..data        -> ..2026_11_24_12_00_00.x7Kq2a
 *
 * One rename of a link over `..data` replaces them all.
 */
export type SecretSet = ReadonlyMap<string, string>;

const current = "..data";
const setFolder = /^\.\.\d{4}(?:_\d{2}){5}\./;

/** Whether a folder holds this set and no more of one. */
export function holdsSet(folder: string, set: SecretSet): boolean {
  const target = linkTarget(join(folder, current));
  const data = join(folder, target ?? "");
  return (
    target !== undefined &&
    setFolder.test(target) &&
    kindOf(data) === "folder" &&
    readdirSync(data).length === set.size &&
    [...set].every(
      ([name, content]) =>
        linkTarget(join(folder, name)) === `${current}/${name}` &&
        holds(join(data, name), content) &&
        modeOf(join(data, name)) === 0o600,
    )
  );
}

/** Replaces a folder's set. A name that the set no longer has is left as a link to nothing. */
export function replaceSet(disk: Disk, folder: string, set: SecretSet): void {
  const now = new Date().toISOString().slice(0, 19).replaceAll(/\D/g, "_");
  const fresh = disk.makeFreshFolder(join(folder, `..${now}.`));
  for (const [name, content] of set) {
    disk.writeFile(join(fresh, name), content, 0o600);
  }
  // A copy that followed the links has files and a folder in their place, which cannot be replaced together. They go
  // first: a collector that misses a secret for a moment tries again, and one that sends a mixed pair loses data.
  for (const name of set.keys()) {
    if (kindOf(join(folder, name)) === "file") {
      disk.remove(join(folder, name));
    }
  }
  if (kindOf(join(folder, current)) === "folder") {
    disk.removeTree(join(folder, current));
  }
  disk.setLink(join(folder, current), basename(fresh));
  for (const name of set.keys()) {
    if (linkTarget(join(folder, name)) !== `${current}/${name}`) {
      disk.setLink(join(folder, name), `${current}/${name}`);
    }
  }
}

/** Removes what is not the current set: former ones, and what a run that was cut short has left. */
export function removeFormerSets(disk: Disk, folder: string): void {
  const data = linkTarget(join(folder, current));
  for (const name of readdirSync(folder)) {
    if (setFolder.test(name) && name !== data) {
      disk.removeTree(join(folder, name));
    }
  }
}

/** Removes all of a set but its names. */
export function removeSet(disk: Disk, folder: string): void {
  if (kindOf(join(folder, current)) === "link") {
    disk.remove(join(folder, current));
  }
  removeFormerSets(disk, folder);
}
