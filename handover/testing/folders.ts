import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** An empty folder that is deleted when the test ends. */
export function freshFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-test-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/**
 * Everything in a folder, the names of sets of secrets made the same: files with mode and content, folders with mode, links
 * with target; `owners` beside each mode where asked for.
 */
export function contents(directory: string, owners: "with owners" | "" = ""): Record<string, string> {
  const steady = (text: string) => text.replace(/\.\.\d{4}_[\d_]+\.\w+/, "..set");
  const below = (folder: string): [string, string][] =>
    readdirSync(join(directory, folder)).flatMap((name): [string, string][] => {
      const path = join(folder, name);
      const found = lstatSync(join(directory, path));
      const mode = (found.mode & 0o777).toString(8);
      const who = owners === "" ? mode : `${mode} ${found.uid}:${found.gid}`;
      if (found.isSymbolicLink()) {
        return [[steady(path), `-> ${steady(readlinkSync(join(directory, path)))}`]];
      }
      return found.isDirectory()
        ? [[steady(path), who], ...below(path)]
        : [[steady(path), `${who} ${readFileSync(join(directory, path), "utf8")}`]];
    });
  return Object.fromEntries(below("").sort(([one], [other]) => (one < other ? -1 : 1)));
}

export const readable = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, "utf8") : undefined;
