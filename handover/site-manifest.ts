import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../fleet/problem";
import { kindOf } from "./disk";

export const manifestName = ".sitepass.json";

/** Letters, digits and what systemd's names have; a segment never begins with a dot. Paths from a manifest are deleted by. */
const renderedPath = /^[A-Za-z0-9_@-][A-Za-z0-9._@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*$/;

export function isRenderedPath(path: string): boolean {
  return renderedPath.test(path);
}

const manifestSchema = z.strictObject({
  about: z.string(),
  site: z.string(),
  files: z.array(z.string().regex(renderedPath)),
});

/** What rendering has made in a folder: everything else there is a person's. */
export interface Manifest {
  readonly site: string;
  /** Relative paths, in order. */
  readonly files: readonly string[];
}

/**
 * Reads a folder's manifest; undefined when it has none.
 *
 * @throws UserError when it is not one of ours.
 */
export function readManifest(directory: string): Manifest | undefined {
  const path = join(directory, manifestName);
  const kind = kindOf(path);
  if (kind === undefined) {
    return undefined;
  }
  const parsed = manifestSchema.safeParse(kind === "file" ? decode(readFileSync(path, "utf8")) : undefined);
  if (!parsed.success) {
    throw new UserError([
      `${path}: is not as sitepass wrote it. Restore it, or move the folder away and render anew.`,
    ]);
  }
  return parsed.data;
}

export function manifestText(site: string, files: Iterable<string>): string {
  const manifest: z.infer<typeof manifestSchema> = {
    about: "What sitepass has made here, and may replace and remove. It touches nothing else in this folder.",
    site,
    files: [...new Set(files)].sort(),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
