import { constants } from "node:fs";
import { access, lstat, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { parseSite } from "../../fleet/site-files";
import type { Site } from "../../fleet/sites";
import { editToken } from "./edit-token";
import type { TokenChanges } from "./token-changes";

/** A site file and what it is to become. */
export interface SiteFileEdit {
  readonly site: string;
  /** As people name it, such as `sites/tokyo.yaml`. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly before: Buffer;
  readonly after: string;
  /** False when the file says already what it is to say. */
  readonly changes: boolean;
}

/** Edits that can be made, and a problem in the project's error form for each that cannot. */
export interface PreparedEdits {
  readonly edits: readonly SiteFileEdit[];
  readonly problems: readonly string[];
}

/** A site whose token is to be changed in its file. */
export interface WantedEdit {
  /** As it was when the stack was opened: a file that says something else by now is left alone. */
  readonly site: Site;
  readonly changes: TokenChanges;
}

/** Reads the files and works out what becomes of them. Writes nothing. */
export async function prepareEdits(directory: string, wanted: readonly WantedEdit[]): Promise<PreparedEdits> {
  const edits: SiteFileEdit[] = [];
  const problems: string[] = [];
  for (const { site, changes } of wanted) {
    const prepared = await prepareEdit(join(directory, site.file), site, changes);
    if (typeof prepared === "string") {
      problems.push(`${site.file}: ${prepared}.`);
    } else {
      edits.push(prepared);
    }
  }
  return { edits, problems };
}

async function prepareEdit(path: string, site: Site, changes: TokenChanges): Promise<SiteFileEdit | string> {
  const read = await readOwnFile(path);
  if (typeof read === "string") {
    return read;
  }
  // The byte order mark stays in the text: it goes back into the file.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(read);
  if (!saysWhatItSaid(text, site)) {
    return "was changed while this ran. Run it again";
  }
  const { text: after, problem } = editToken(text, changes, extname(path) === ".json" ? "json" : "yaml");
  return after === undefined
    ? problem
    : { site: site.name, file: site.file, path, before: read, after, changes: after !== text };
}

/** The file's bytes, or why it is not to be written, as a predicate and what to do. */
export async function readOwnFile(path: string): Promise<Buffer | string> {
  try {
    // To write through a link would change a file that is not in sites/, or turn the link into a copy.
    if ((await lstat(path)).isSymbolicLink()) {
      return "is a symbolic link. Edit the file that it leads to, or put a file in its place";
    }
    await access(path, constants.W_OK);
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/, \w+ '.*'$/, "") : String(error);
    return `cannot be read and written (${reason}). See to it that you may write it`;
  }
}

function saysWhatItSaid(text: string, { token }: Site): boolean {
  const parsed = parseSite(text.replace(/^\uFEFF/, ""), "site");
  const now = parsed.ok ? parsed.value.token : undefined;
  return (
    now?.enabled === token.enabled &&
    now.secretVersion === token.secretVersion &&
    now.previousSecretExpiresAt === token.previousSecretExpiresAt
  );
}
