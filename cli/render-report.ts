import pc from "picocolors";
import type { CollectorName } from "../collectors/collector";
import { plural } from "../fleet/wording";
import type { Validation } from "../handover/run-validators";
import { textTable } from "./text-table";

/** What was done for one site, as `--json` prints it. */
export interface RenderedSite {
  readonly site: string;
  readonly collector: CollectorName;
  /** The folder, or the sealed file. */
  readonly path: string;
  /** Relative to `path`; of a sealed file, all that is in it. */
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  /** SHA-256 of a sealed file, in hexadecimal digits. */
  readonly sha256?: string;
  readonly secretFingerprint: string;
  readonly validations: readonly Validation[];
  /** What the collector cannot do, each with the way out. */
  readonly notes: readonly string[];
}

/** What a person reads. */
export function showRendered(sites: readonly RenderedSite[]): void {
  console.log(
    textTable(
      ["site", "collector", "to", "files", "client secret"],
      sites.map((rendered) => [
        rendered.site,
        rendered.collector,
        rendered.path,
        counts(rendered),
        `sha256 ${rendered.secretFingerprint}`,
      ]),
    ),
  );
  for (const [text, names] of bySites(sites, ({ validations }) => validations.map(validationText))) {
    console.log(`${names}: ${text}`);
  }
  const [sealed] = sites.filter(({ sha256 }) => sha256 !== undefined);
  if (sealed !== undefined) {
    const file = `${sealed.site}.tar.age`;
    console.log(`Opened at the site with: age -d -i KEY ${file} | tar -x && cd ${sealed.site} && sudo sh install.sh
Sealing hides a file and does not say who made it. Tell each site's person by another way what sha256sum prints:`);
    for (const { path, sha256 } of sites) {
      console.log(`${sha256 ?? ""}  ${path}`);
    }
  }
  for (const [note, names] of bySites(sites, ({ notes }) => notes)) {
    console.log(`${pc.bold("Note")} for ${names}: ${note}`);
  }
}

function validationText({ program, outcome }: Validation): string {
  return outcome === "absent"
    ? `not checked by ${program}, which is not installed here.`
    : `${program} accepts the files.`;
}

function counts({ written, unchanged, removed, sha256 }: RenderedSite): string {
  if (sha256 !== undefined) {
    return `${written.length} sealed`;
  }
  return (
    [
      [written.length, "written"],
      [unchanged.length, "unchanged"],
      [removed.length, "removed"],
    ] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

/** The same text for many sites is said once. */
function bySites(
  sites: readonly RenderedSite[],
  textsOf: (site: RenderedSite) => readonly string[],
): readonly (readonly [string, string])[] {
  const names = new Map<string, string[]>();
  for (const site of sites) {
    for (const text of textsOf(site)) {
      names.set(text, [...(names.get(text) ?? []), site.site]);
    }
  }
  return [...names].map(([text, of]) => [text, of.length > 3 ? plural(of.length, "site") : of.join(", ")]);
}
