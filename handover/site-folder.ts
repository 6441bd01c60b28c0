import type { RenderedFile } from "../collectors/collector";
import type { Problem } from "../fleet/problem";
import type { OnChange } from "./disk";
import { folderProblems, siteFolder, writeFolder, type WrittenFolder } from "./rendered-folder";

/**
 * Brings a site's folder to exactly these files; see writeFolder.
 *
 * @throws UserError when the folder is not ours to write to; then nothing was changed.
 */
export const writeSite = (
  directory: string,
  site: string,
  files: readonly RenderedFile[],
  onChange?: OnChange,
): WrittenFolder => writeFolder(directory, { kind: siteFolder, name: site, files }, onChange);

/** Why a site's files cannot be written to a folder right now. */
export const siteFolderProblems = (
  directory: string,
  site: string,
  files: readonly RenderedFile[],
): readonly Problem[] => folderProblems(directory, { kind: siteFolder, name: site, files });
