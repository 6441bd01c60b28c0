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
  sortRenderedFiles,
  type SecretSet,
} from "./rendered-layout";

/** What writing did, as paths relative to the folder. */
export interface WrittenFolder {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
}

/** Whose files a folder holds, and how they lie there. A folder of one kind is never taken for one of another. */
export interface FolderKind {
  /** Key of the manifest under which the name stands. */
  readonly key: "site" | "central";
  /** What the name is of, as in "the files of site tokyo". */
  readonly title: string;
  /** What a rendered file's path looks like. Files are deleted by the manifest's paths. */
  readonly path: RegExp;
  /** Mode of a folder; the empty path is the folder itself. */
  readonly folderMode: (path: string) => number;
  /** Whether the secrets of a folder are replaced together (see SecretSet), or one by one. */
  readonly secrets: "together" | "one by one";
}

/** A file that is written where there is none, and left alone from then on: a password that was made up. */
export type FolderFile = RenderedFile & { readonly once?: boolean };

/** Everything that is written to one folder. */
export interface FolderContent {
  readonly kind: FolderKind;
  /** Name of the site, or of the stack. */
  readonly name: string;
  readonly files: readonly FolderFile[];
}

/**
 * Brings a folder to exactly these files, and touches nothing that a person put there.
 *
 * A file whose bytes are right is left alone. Wherever this is cut short, every file is whole, the secrets that belong
 * together do, and the next call finishes the work: the manifest names a file before it is made and until it is
 * gone, secrets are there before the configuration that names them, and go after it.
 *
 * @throws UserError when the folder is not ours to write to; then nothing was changed.
 */
export function writeFolder(directory: string, content: FolderContent, onChange?: OnChange): WrittenFolder {
  orThrow(filesBefore(directory, content));
  const disk = new Disk(onChange);
  disk.makeFolder(directory);
  const unlock = takeLock(join(directory, lockName), lockUse);
  try {
    // Once more: another render may just have let go of it.
    return update(disk, directory, content, orThrow(filesBefore(directory, content)));
  } finally {
    unlock();
  }
}

/** Why a folder cannot be brought to this content right now. */
export function folderProblems(directory: string, content: FolderContent): readonly Problem[] {
  const locked = lockProblem(join(directory, lockName), lockUse);
  return [...problemsOf(filesBefore(directory, content)), ...(locked === undefined ? [] : [locked])];
}

/** What earlier renderings have made in a folder: relative paths. None where the folder is not one of this kind. */
export function renderedBefore(directory: string, { key }: FolderKind): readonly string[] {
  const manifest = readManifest(directory);
  return manifest.ok && manifest.value?.[key] !== undefined ? manifest.value.files : [];
}

/** Whose files a folder of this kind holds; undefined where rendering has made none there. */
export function renderedFor(directory: string, { key }: FolderKind): string | undefined {
  const manifest = readManifest(directory);
  return manifest.ok ? manifest.value?.[key] : undefined;
}

/** Nobody but its owner may enter a site's folder. */
export const siteFolder: FolderKind = {
  key: "site",
  title: "site",
  path: renderedPath,
  folderMode: () => 0o700,
  secrets: "together",
};

/**
 * The programs of a central host run as several users and read the configuration, which holds no secrets. Its secrets are read by a
 * container or by systemd as single files, and do not belong together. `.env` is where Docker Compose looks for its variables.
 */
export const centralFolder: FolderKind = {
  key: "central",
  title: "the central host of stack",
  path: new RegExp(`${renderedPath.source}|^\\.env$`),
  folderMode: (path) => (basename(path) === secretsFolder ? 0o700 : 0o755),
  secrets: "one by one",
};

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
function filesBefore(directory: string, { kind, name, files }: FolderContent): Result<readonly string[]> {
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
    return refused(`is not a folder, and the files of ${kind.title} ${name} go into one`, "Move it away");
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
      (entry) => entry !== lockName && !entry.startsWith(temporaryPrefix),
    );
    return foreign === undefined
      ? success([])
      : refused(`holds ${foreign}, and no ${manifestName} says that sitepass made this folder`, "Empty it");
  }
  const holder = [siteFolder, centralFolder].find(({ key }) => manifest.value?.[key] !== undefined);
  const heldFor = holder && manifest.value[holder.key];
  if (holder?.key !== kind.key || heldFor !== name) {
    return refused(`holds the files of ${holder?.title ?? ""} ${heldFor ?? ""}`, "Move it away");
  }
  const before = manifest.value.files;
  const badPath = before.find((path) => !kind.path.test(path));
  if (badPath !== undefined) {
    return failure(foreignManifest(join(directory, manifestName)));
  }
  const problems = pathProblems(
    directory,
    before,
    files.filter(({ path, once }) => once !== true || kindOf(join(directory, path)) !== "file"),
  );
  return problems.length > 0 ? failure(...problems) : success(before);
}

function pathProblems(
  directory: string,
  before: readonly string[],
  files: readonly FolderFile[],
): readonly Problem[] {
  const wanted = files.map(({ path }) => path);
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
  content: FolderContent,
  before: readonly string[],
): WrittenFolder {
  const { kind, files } = content;
  const at = (path: string): string => join(directory, path);
  const { sets, plain } = sorted(content);
  const wanted = files.map(({ path }) => path);
  const written: string[] = [];
  const unchanged: string[] = [];

  for (const folder of ["", ...foldersOf([...before, ...wanted])]) {
    tidy(disk, at(folder), kind.folderMode(folder));
  }
  putFile(disk, at(manifestName), manifestText(content, [...before, ...wanted]), 0o644);
  for (const folder of foldersOf(wanted)) {
    disk.makeFolder(at(folder));
    putMode(disk, at(folder), kind.folderMode(folder));
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
  for (const { path, content: bytes, mode, once } of plain) {
    if (once === true && kindOf(at(path)) === "file") {
      putMode(disk, at(path), mode);
      unchanged.push(path);
    } else {
      (putFile(disk, at(path), bytes, mode) ? written : unchanged).push(path);
    }
  }
  const removed = removeFiles(disk, directory, before, wanted);
  putFile(disk, at(manifestName), manifestText(content, wanted), 0o644);
  return { written: written.sort(), unchanged: unchanged.sort(), removed };
}

/** The files by how they are written; secrets that are written one by one come before what names them. */
function sorted({ kind, files }: FolderContent): {
  readonly sets: ReadonlyMap<string, SecretSet>;
  readonly plain: readonly FolderFile[];
} {
  if (kind.secrets === "together") {
    return sortRenderedFiles(files);
  }
  const wrong = files.find(
    ({ path, mode }) => !kind.path.test(path) || (mode === 0o600) !== isInSecretsFolder(path),
  );
  if (wrong !== undefined || new Set(files.map(({ path }) => path)).size !== files.length) {
    throw new Error(`${wrong?.path ?? "A path that is there twice"} is not a path for a rendered file.`);
  }
  return {
    sets: new Map(),
    plain: [...files.filter(({ mode }) => mode === 0o600), ...files.filter(({ mode }) => mode !== 0o600)],
  };
}

/** Takes away what a run that was cut short has left, and shuts out whom it is to shut out. */
function tidy(disk: Disk, folder: string, mode: number): void {
  if (kindOf(folder) !== "folder") {
    return;
  }
  putMode(disk, folder, mode);
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
  putMode(disk, path, mode);
  return false;
}

function putMode(disk: Disk, path: string, mode: number): void {
  if (modeOf(path) !== mode) {
    disk.setMode(path, mode);
  }
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

/** What rendering has made in a folder: everything else there is a person's. One of the two names says whose it is. */
const manifestSchema = z
  .strictObject({
    about: z.string(),
    site: z.string().optional(),
    central: z.string().optional(),
    /** Relative paths, in order. */
    files: z.array(z.string().regex(centralFolder.path)),
  })
  .refine(({ site, central }) => (site === undefined) !== (central === undefined));

type Manifest = z.infer<typeof manifestSchema>;

/** Reads a folder's manifest; undefined when it has none. */
function readManifest(directory: string): Result<Manifest | undefined> {
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
    return failure(foreignManifest(path));
  }
}

const foreignManifest = (path: string): Problem => ({
  subject: path,
  says: "is not as sitepass wrote it",
  todo: "Restore it, or move the folder away and render again",
});

function manifestText({ kind, name }: FolderContent, files: Iterable<string>): string {
  const manifest: Manifest = {
    about: "What sitepass has made here, and may replace and remove. It touches nothing else in this folder.",
    [kind.key]: name,
    files: [...new Set(files)].sort(),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
