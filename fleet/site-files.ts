import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, parse } from "node:path";
import { isScalar, parseDocument, type YAMLError } from "yaml";
import { dnsLabelProblem, labelNameProblem } from "./names";
import { failure, problemsOf, success, type Problem, type Result } from "./problem";
import { siteSchema, type SiteFile } from "./site-schema";
import { systemReason } from "./system-errors";
import { describeIssue, splitAdvice, type WrittenValues } from "./zod-issues";

/** One checked site file. The file's name, without its extension, is the site's identity. */
export interface NamedSiteFile {
  readonly name: string;
  /** The file as people name it, such as `sites/tokyo.yaml`. */
  readonly file: string;
  readonly values: SiteFile;
}

const extensions = [".yaml", ".yml"];

/** Far above any site file, far below what would hurt: a file this large is a mistake. */
const largestFileBytes = 64 * 1024;

/**
 * Reads every site file of a folder, in the order of their names.
 *
 * Reads on after a bad file, so that all problems are reported at once. Files whose names begin with a dot are
 * passed over (editors and version control leave them); anything else that is not a site file is a problem, because a
 * site that is overlooked loses its token.
 */
export function readSiteFiles(directory: string, shownAs = "sites"): Result<readonly NamedSiteFile[]> {
  let entries: string[];
  try {
    entries = readdirSync(directory).filter((entry) => !entry.startsWith("."));
  } catch (error) {
    return failure({
      subject: `${shownAs}/`,
      says: `cannot be read (${systemReason(error)})`,
      todo: "Make the folder and put a file into it for each site",
    });
  }
  // By code unit, so that the order is the same in every locale.
  entries.sort((a, b) => (a < b ? -1 : 1));
  const sites: NamedSiteFile[] = [];
  const problems = [
    ...duplicateProblems(entries, shownAs),
    ...entries.flatMap((entry) => {
      const file = `${shownAs}/${entry}`;
      const values = readSiteFile(join(directory, entry), file);
      if (values.ok) {
        sites.push({ name: parse(entry).name, file, values: values.value });
      }
      return problemsOf(values);
    }),
  ];
  return problems.length > 0 ? failure(...problems) : success(sites);
}

/** Names that differ in case or extension alone are one site to people, and one file to some file systems. */
function duplicateProblems(entries: readonly string[], shownAs: string): Problem[] {
  const byName = new Map<string, string[]>();
  for (const entry of entries.filter((name) => extensions.includes(parse(name).ext))) {
    const key = parse(entry).name.toLowerCase();
    byName.set(key, [...(byName.get(key) ?? []), entry]);
  }
  return [...byName.values()]
    .filter((same) => same.length > 1)
    .map((same) => ({
      subject: `${shownAs}/`,
      says: `${same.join(" and ")} are the same site`,
      todo: "Keep one of them",
    }));
}

function readSiteFile(path: string, file: string): Result<SiteFile> {
  const text = readText(path, file);
  if (!text.ok) {
    return text;
  }
  const values = parseSite(text.value, file);
  const { name } = parse(file);
  const wrong = dnsLabelProblem(name);
  if (wrong === undefined) {
    return values;
  }
  const misnamed = { subject: file, says: `the name "${name}" ${wrong}`, todo: "Rename the file" };
  return failure(misnamed, ...problemsOf(values));
}

function readText(path: string, file: string): Result<string> {
  const refused = (says: string, todo: string) => failure({ subject: file, says, todo });
  const { name, ext } = parse(file);
  try {
    const found = statSync(path);
    if (!found.isFile()) {
      const kind = lstatSync(path).isDirectory() ? "a folder" : "not a regular file";
      return refused(`is ${kind}`, "Only site files live here: one .yaml or .yml file for each site");
    }
    if (ext === ".json") {
      return refused(
        "is a .json file, and site files are YAML",
        `Rename it to ${name}.yaml: JSON is YAML too`,
      );
    }
    if (!extensions.includes(ext)) {
      return refused(
        "is not a .yaml or .yml file",
        "Only site files live here: rename it, or move it elsewhere",
      );
    }
    if (found.size > largestFileBytes) {
      return refused(
        `has ${found.size} bytes; a site file has at most ${largestFileBytes}`,
        "Check whether it is the right file",
      );
    }
    return success(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)));
  } catch (error) {
    return error instanceof TypeError
      ? refused("is not UTF-8 text", "Save it as UTF-8")
      : refused(`cannot be read (${systemReason(error)})`, "Fix it, or take it away");
  }
}

/** More syntax errors than this do not help anybody to fix a file. */
const mostFaultsShown = 3;

/**
 * Reads the text of one site file.
 *
 * @param file as people name it, the subject of every problem.
 */
export function parseSite(text: string, file: string): Result<SiteFile> {
  const refused = (says: string, todo: string) => failure({ subject: file, says, todo });
  const document = parseDocument(text, { prettyErrors: true, strict: true, uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return failure(
      ...faults.slice(0, mostFaultsShown).map((fault) => ({ subject: file, ...describeFault(fault) })),
    );
  }
  if (document.directives.yaml.version !== "1.2") {
    return refused(
      "asks for YAML 1.1, in which words such as no and on are truth values",
      "Take its %YAML line out",
    );
  }
  let data: unknown;
  try {
    // An empty file is a site with every default.
    data = document.toJS() ?? {};
    JSON.stringify(data);
  } catch (error) {
    const why = error instanceof TypeError ? "an alias stands inside its own anchor" : systemReason(error);
    return refused(`cannot be unfolded: ${why}`, "Write the values out instead of using aliases");
  }
  if (!isMapping(data)) {
    const kind = Array.isArray(data) ? "a list" : `only ${JSON.stringify(data)}`;
    return refused(`holds ${kind}, not keys and values`, "Write it as in signals: [metrics]");
  }
  const written: WrittenValues = {
    sourceAt: (path) => {
      const node = document.getIn(path, true);
      return isScalar(node) ? node.source : undefined;
    },
    // Not in the document, where the place may be behind an alias.
    issuesWith: (path, quoted) => siteSchema.safeParse(withValueAt(data, path, quoted)).error?.issues ?? [],
  };
  const checked = checkSite(data, written);
  return checked.ok
    ? checked
    : failure(
        ...checked.problems.map(({ subject: key, says, todo }) => ({
          subject: file,
          says: `${key} ${says}`,
          todo,
        })),
      );
}

/**
 * Checks what a site file holds, or is to hold. The subject of every problem is a key, its path joined by dots.
 *
 * @param written how the values are written, where they come from a file.
 */
export function checkSite(
  data: Readonly<Record<string, unknown>>,
  written?: WrittenValues,
): Result<SiteFile> {
  const parsed = siteSchema.safeParse(data);
  const problems = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => describeIssue(issue, data, siteSchema, written)),
    ...reservedLabels(data),
  ];
  return parsed.success && problems.length === 0 ? success(parsed.data) : failure(...problems);
}

/** A copy of what a file holds in which one value is another. */
function withValueAt(data: unknown, [key, ...rest]: readonly PropertyKey[], value: unknown): unknown {
  if (key === undefined) {
    return value;
  }
  if (Array.isArray(data)) {
    return data.map((item: unknown, index) => (index === key ? withValueAt(item, rest, value) : item));
  }
  return isMapping(data) && typeof key === "string"
    ? { ...data, [key]: withValueAt(data[key], rest, value) }
    : data;
}

/** zod's record passes over the key `__proto__`, which as a label is as wrong as any other with two underscores. */
function reservedLabels({ labels }: Readonly<Record<string, unknown>>): Problem[] {
  const wrong = labelNameProblem("__proto__");
  return wrong !== undefined && isMapping(labels) && Object.hasOwn(labels, "__proto__")
    ? [{ subject: "labels.__proto__", ...splitAdvice(wrong) }]
    : [];
}

function describeFault(fault: YAMLError): Omit<Problem, "subject"> {
  const line = fault.linePos?.[0].line;
  const where = line === undefined ? "" : ` (line ${line})`;
  if (fault.code === "MULTIPLE_DOCS") {
    return { says: `holds several YAML documents${where}`, todo: "Write a file for each site" };
  }
  const message = (fault.message.split("\n")[0] ?? "")
    .replace(/ at line \d+, column \d+:?$/, "")
    .replace(/\.$/, "");
  return { says: `is not valid YAML${where}: ${message}`, todo: "Fix the syntax" };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
