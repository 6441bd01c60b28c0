import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, parse } from "node:path";
import type { Parsed } from "./config";
import { dnsLabelProblem } from "./names";
import { parseSite } from "./parse-site";
import type { SiteFile } from "./site-schema";

/** One checked site file. The file's name, without its extension, is the site's identity. */
export interface NamedSiteFile {
  readonly name: string;
  /** The file as people name it, such as `sites/tokyo.yaml`. */
  readonly file: string;
  readonly values: SiteFile;
}

const extensions = [".yaml", ".yml", ".json"];

/** Far above any site file, far below what would hurt: a file this large is a mistake. */
const largestFileBytes = 64 * 1024;

/**
 * Reads every site file of a folder, in the order of their names.
 *
 * Reads on after a bad file, so that all problems are reported at once. Files whose names begin with a dot are
 * passed over (editors and version control leave them); anything else that is no site file is a problem, because a
 * site that is taken for absent loses its token.
 */
export function readSiteFiles(directory: string, shownAs = "sites"): Parsed<readonly NamedSiteFile[]> {
  let entries: string[];
  try {
    entries = readdirSync(directory).filter((entry) => !entry.startsWith("."));
  } catch (error) {
    return {
      problems: [
        `${shownAs}/: cannot be read (${reason(error)}). Make the folder and put a file into it for each site.`,
      ],
    };
  }
  // By code unit, so that the order is the same in every locale.
  entries.sort((a, b) => (a < b ? -1 : 1));
  const problems = duplicateProblems(entries, shownAs);
  const sites: NamedSiteFile[] = [];
  for (const entry of entries) {
    const file = `${shownAs}/${entry}`;
    const parsed = readSiteFile(join(directory, entry), entry);
    problems.push(...parsed.problems.map((problem) => `${file}: ${problem}.`));
    if (parsed.value !== undefined) {
      sites.push({ name: parse(entry).name, file, values: parsed.value });
    }
  }
  return problems.length > 0 ? { problems } : { value: sites, problems: [] };
}

/** Names that differ in case or extension alone are one site to people, and one file to some file systems. */
function duplicateProblems(entries: readonly string[], shownAs: string): string[] {
  const byName = new Map<string, string[]>();
  for (const entry of entries.filter((name) => extensions.includes(parse(name).ext))) {
    const key = parse(entry).name.toLowerCase();
    byName.set(key, [...(byName.get(key) ?? []), entry]);
  }
  return [...byName.values()]
    .filter((same) => same.length > 1)
    .map((same) => `${shownAs}/: ${same.join(" and ")} are the same site. Keep one of them.`);
}

function readSiteFile(path: string, entry: string): Parsed<SiteFile> {
  const { name, ext } = parse(entry);
  const nameProblem = dnsLabelProblem(name);
  const text = readText(path, ext);
  if (text.problems.length > 0 || text.value === undefined) {
    return { problems: text.problems };
  }
  const parsed = parseSite(text.value);
  const problems = [
    ...(nameProblem === undefined ? [] : [`the name "${name}" ${nameProblem}. Rename the file`]),
    ...parsed.problems,
  ];
  return problems.length > 0 || parsed.value === undefined
    ? { problems }
    : { value: parsed.value, problems: [] };
}

function readText(path: string, extension: string): Parsed<string> {
  try {
    const found = statSync(path);
    if (!found.isFile()) {
      const kind = lstatSync(path).isDirectory() ? "a folder" : "no regular file";
      return {
        problems: [`is ${kind}. Only site files live here: one .yaml, .yml or .json file for each site`],
      };
    }
    if (!extensions.includes(extension)) {
      return {
        problems: [
          `is no .yaml, .yml or .json file. Only site files live here: rename it, or move it elsewhere`,
        ],
      };
    }
    if (found.size > largestFileBytes) {
      return {
        problems: [
          `has ${found.size} bytes; a site file has at most ${largestFileBytes}. Look whether it is the right file`,
        ],
      };
    }
    return { value: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)), problems: [] };
  } catch (error) {
    return error instanceof TypeError
      ? { problems: ["is not UTF-8 text. Save it as UTF-8"] }
      : { problems: [`cannot be read (${reason(error)}). Mend it, or take it away`] };
  }
}

function reason(error: unknown): string {
  return error instanceof Error
    ? error.message.replace(/^E[A-Z]+: /, "").replace(/, \w+ '.*'$/, "")
    : String(error);
}
