import { plural } from "../fleet/wording";
import type { RenderedSite } from "../handover/render-sites";
import type { Validation } from "../handover/validators";
import type { Terminal } from "./terminal";

/** What a person reads. */
export function printRendered(sites: readonly RenderedSite[], { colors, print, table }: Terminal): void {
  print(
    table(
      ["site", "collector", "relay", "to", "files", "client secret"],
      sites.map((rendered) => [
        rendered.site,
        rendered.collector,
        rendered.relay ?? "-",
        rendered.path,
        counts(rendered),
        `sha256 ${rendered.secretFingerprint}`,
      ]),
    ),
  );
  for (const [text, names] of bySites(sites, ({ validations }) => validations.map(validationText))) {
    print(`${names}: ${text}`);
  }
  const [sealed] = sites.filter(({ sha256 }) => sha256 !== undefined);
  if (sealed !== undefined) {
    const file = `${sealed.site}.tar.age`;
    print(`Opened at the site with: age -d -i KEY ${file} | tar -x && cd ${sealed.site} && sudo sh install.sh
Sealing hides a file and does not say who made it. Tell each site's person by another way what sha256sum prints:`);
    for (const { path, sha256 } of sites) {
      print(`${sha256 ?? ""}  ${path}`);
    }
  }
  // They are in the folder's README, so that rendering again has nothing new to tell.
  const changed = sites.filter(({ written }) => written.includes("README.md"));
  for (const [note, names] of bySites(changed, ({ notes }) => notes)) {
    print(`${colors.bold("Note")} for ${names}: ${note}`);
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
