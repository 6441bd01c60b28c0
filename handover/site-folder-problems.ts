import { lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RenderedFile } from "../collectors/collector";
import { problemText, UserError } from "../fleet/problem";
import { kindOf, temporaryPrefix } from "./disk";
import { lockName } from "./folder-lock";
import { foldersOf } from "./site-files";
import { manifestName, readManifest, type Manifest } from "./site-manifest";

/**
 * Why a site's files cannot be written to a folder, one problem a line: what a person has put there is neither replaced
 * nor written through, and nobody else may be able to swap the folder for another.
 */
export function siteFolderProblems(
  directory: string,
  site: string,
  files: readonly RenderedFile[],
): readonly string[] {
  const above = statSync(dirname(directory), { throwIfNoEntry: false });
  // Others may make files in a sticky folder, such as /tmp, and cannot rename mine.
  if (above !== undefined && (above.mode & 0o1002) === 0o002) {
    return [
      `${dirname(directory)}: can be changed by every user of this machine. Run \`chmod o-w\` on it, or name another folder with --out.`,
    ];
  }
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) {
    return [];
  }
  if (!found.isDirectory()) {
    return [
      `${directory}: is not a folder, and the files of site ${site} go into one. Move it away, or name another place with --out.`,
    ];
  }
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    return [
      `${directory}: belongs to user ${found.uid}, and this is user ${user}. Render as its owner, or name another place with --out.`,
    ];
  }
  let manifest: Manifest | undefined;
  try {
    manifest = readManifest(directory);
  } catch (error) {
    if (error instanceof UserError) {
      return error.problems.map(problemText);
    }
    throw error;
  }
  if (manifest === undefined) {
    const foreign = readdirSync(directory).find(
      (name) => name !== lockName && !name.startsWith(temporaryPrefix),
    );
    return foreign === undefined
      ? []
      : [
          `${directory}: holds ${foreign}, and no ${manifestName} says that sitepass made this folder. Empty it, or name another place with --out.`,
        ];
  }
  if (manifest.site !== site) {
    return [
      `${directory}: holds the files of site ${manifest.site}. Move it away, or name another place with --out.`,
    ];
  }
  return pathProblems(
    directory,
    manifest.files,
    files.map(({ path }) => path),
  );
}

function pathProblems(directory: string, before: readonly string[], wanted: readonly string[]): string[] {
  const problems: string[] = [];
  for (const folder of foldersOf([...before, ...wanted])) {
    const kind = kindOf(join(directory, folder));
    if (kind !== undefined && kind !== "folder") {
      problems.push(
        `${join(directory, folder)}: ${kind === "link" ? "is a link, and rendered files are neither written nor removed through one" : "is not a folder, and rendered files belong into one"}. Move it away.`,
      );
    }
  }
  if (problems.length > 0) {
    return problems;
  }
  for (const path of wanted) {
    const kind = kindOf(join(directory, path));
    if (kind !== undefined && (kind === "folder" || !before.includes(path))) {
      problems.push(
        `${join(directory, path)}: was not made by sitepass, and a rendered file belongs there. Move it away.`,
      );
    }
  }
  return problems;
}
