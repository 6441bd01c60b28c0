import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { holds, kindOf, linkTarget, modeOf, type Disk } from "./disk";

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
  const data = linkTarget(join(folder, current));
  if (data === undefined || !setFolder.test(data) || kindOf(join(folder, data)) !== "folder") {
    return false;
  }
  return (
    readdirSync(join(folder, data)).length === set.size &&
    [...set].every(
      ([name, content]) =>
        linkTarget(join(folder, name)) === `${current}/${name}` &&
        holds(join(folder, data, name), content) &&
        modeOf(join(folder, data, name)) === 0o600,
    )
  );
}

/** Replaces a folder's set. A name that the set no longer has is left as a link to nothing. */
export function replaceSet(disk: Disk, folder: string, set: SecretSet): void {
  const fresh = disk.makeFreshFolder(
    join(folder, `..${new Date().toISOString().slice(0, 19).replaceAll(/\D/g, "_")}.`),
  );
  for (const [name, content] of set) {
    disk.writeFile(join(fresh, name), content, 0o600);
  }
  // A copy that followed the links has files and a folder in their place, which cannot be replaced together. They go
  // first: an agent that misses a secret for a moment tries again, and one that sends a mixed pair loses data.
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
