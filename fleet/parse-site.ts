import { parseDocument, type YAMLError } from "yaml";
import type { Parsed } from "./config";
import { describeIssue, type Finding } from "./describe-issue";
import { labelNameProblem } from "./label-name";
import { knownSiteKeys, siteSchema, type SiteFile } from "./site-schema";

/** More findings than this help nobody mend a file whose syntax is broken. */
const mostFaultsShown = 3;

/**
 * Reads the text of one site file, YAML or JSON.
 *
 * JSON is read as YAML too (YAML 1.2 includes it), because JSON.parse takes the last of two equal keys in silence.
 */
export function parseSite(text: string): Parsed<SiteFile> {
  const document = parseDocument(text, { prettyErrors: true, strict: true, uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return { problems: faults.slice(0, mostFaultsShown).map(describeFault) };
  }
  if (document.directives.yaml.version !== "1.2") {
    return {
      problems: [
        "asks for YAML 1.1, in which words such as no and on are truth values. Take its %YAML line out",
      ],
    };
  }
  let data: unknown;
  try {
    // An empty file is a site with every default.
    data = document.toJS() ?? {};
    JSON.stringify(data);
  } catch (error) {
    return {
      problems: [
        `cannot be unfolded: ${error instanceof TypeError ? "an alias stands inside its own anchor" : error instanceof Error ? error.message : String(error)}. Write the values out instead of using aliases`,
      ],
    };
  }
  if (!isMapping(data)) {
    return {
      problems: [
        `holds ${Array.isArray(data) ? "a list" : `only ${JSON.stringify(data)}`}, not keys and values. Write it as in signals: [metrics]`,
      ],
    };
  }
  const parsed = siteSchema.safeParse(data);
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => describeIssue(issue, data, knownSiteKeys)),
    ...reservedLabels(data),
  ];
  return parsed.success && findings.length === 0
    ? { value: parsed.data, problems: [] }
    : { problems: findings.map(({ key, says }) => `${key} ${says}`) };
}

/** zod's record passes over the key `__proto__`, which as a label is as wrong as any other with two underscores. */
function reservedLabels({ labels }: Readonly<Record<string, unknown>>): Finding[] {
  const says = labelNameProblem("__proto__");
  return says !== undefined && isMapping(labels) && Object.hasOwn(labels, "__proto__")
    ? [{ key: "labels.__proto__", says }]
    : [];
}

function describeFault(fault: YAMLError): string {
  const line = fault.linePos?.[0].line;
  const where = line === undefined ? "" : ` (line ${line})`;
  if (fault.code === "MULTIPLE_DOCS") {
    return `holds several YAML documents${where}. Write a file for each site`;
  }
  const message = (fault.message.split("\n")[0] ?? "")
    .replace(/ at line \d+, column \d+:?$/, "")
    .replace(/\.$/, "");
  return `cannot be read as YAML${where}: ${message}. Mend the syntax`;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
