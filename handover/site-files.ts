import { basename, dirname } from "node:path";
import type { RenderedFile } from "../collectors/collector";
import type { SecretSet } from "./secret-set";
import { isRenderedPath } from "./site-manifest";

/** Folders of this name hold the files with secrets, and nothing else. */
export const secretsFolder = "credentials";

/** A site's files by how they are written. */
export interface SiteFiles {
  /** By folder, relative to the site's. */
  readonly sets: ReadonlyMap<string, SecretSet>;
  readonly plain: readonly RenderedFile[];
}

export function isInSecretsFolder(path: string): boolean {
  return basename(dirname(path)) === secretsFolder;
}

/** Sorts a site's files, and holds what was rendered to what its readers rely on. */
export function sortSiteFiles(files: readonly RenderedFile[]): SiteFiles {
  const sets = new Map<string, Map<string, string>>();
  const plain: RenderedFile[] = [];
  const seen = new Set<string>();
  for (const file of files) {
    const { path, mode, content } = file;
    if (!isRenderedPath(path) || seen.has(path) || (mode === 0o600) !== isInSecretsFolder(path)) {
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
