import pc from "picocolors";
import { roughDuration } from "../fleet/duration";
import { nameList } from "../operate/name-list";
import type { ChosenSites } from "../operate/rotate/choose-sites";
import type { PlannedRotation } from "../operate/rotate/plan-rotation";
import { diffLines } from "../operate/site-file/diff-lines";
import type { SiteFileEdit } from "../operate/site-file/prepare-edits";
import { plural } from "../fleet/wording";
import { showEdits } from "./edit-lines";
import { textTable } from "./text-table";

/** What one run of `rotate` came to. */
export interface RotationReport {
  readonly chosen: ChosenSites;
  /** What was written, or with `dryRun` would be. */
  readonly rotated: readonly PlannedRotation[];
  readonly edits: readonly SiteFileEdit[];
  readonly dryRun: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly now: Date;
}

export function reportRotation(report: RotationReport): void {
  if (report.json) {
    console.log(JSON.stringify(document(report), undefined, 2));
    return;
  }
  const { chosen, rotated, edits, dryRun } = report;
  if (rotated.length === 0) {
    console.log(whyNothing(chosen));
  } else if (dryRun) {
    showEdits(edits);
    console.log(`${plural(rotated.length, "site")} would be rotated. Nothing was written.`);
  } else {
    console.log(table(report));
    showNext(report);
  }
  for (const line of leftOver(chosen)) {
    console.log(line);
  }
}

function document({ chosen, rotated, edits, dryRun }: RotationReport): object {
  const { wave } = chosen;
  return {
    dryRun,
    rotated: rotated.map(({ site, toVersion, previousSecretExpiresAt, formerFingerprint }) => ({
      site: site.name,
      file: site.file,
      fromVersion: site.token.secretVersion,
      toVersion,
      previousSecretExpiresAt,
      formerFingerprint: formerFingerprint ?? null,
      lines: edits
        .filter(({ file }) => file === site.file)
        .flatMap(({ before, after }) => diffLines(before.toString("utf8"), after)),
    })),
    skipped: chosen.skipped,
    wave:
      wave === undefined
        ? null
        : wave.kind === "wait"
          ? { kind: wave.kind, until: wave.until, sites: wave.sites.map(({ name }) => name) }
          : wave.kind === "rotate"
            ? { kind: wave.kind, left: wave.left }
            : wave,
  };
}

function whyNothing({ wave }: ChosenSites): string {
  switch (wave?.kind) {
    case "wait":
      return `Nothing was rotated: ${plural(wave.sites.length, "site")} of the wave before (${nameList(wave.sites.map(({ name }) => name))}) ${wave.sites.length === 1 ? "is" : "are"} under way until ${wave.until.toISOString()}.`;
    case "done":
      return "Nothing was rotated: no site is due.";
    default:
      return "Nothing was rotated: there is no site to rotate.";
  }
}

function table({ rotated, now }: RotationReport): string {
  return textTable(
    ["site", "version", "old secret until", "old secret", "file"],
    rotated.map(({ site, toVersion, previousSecretExpiresAt, formerFingerprint }) => {
      const left = Date.parse(previousSecretExpiresAt) - now.getTime();
      return [
        site.name,
        `${site.token.secretVersion} -> ${toVersion}`,
        `${previousSecretExpiresAt} (${left > 0 ? `in ${roughDuration(left)}` : "the next up"})`,
        typeof formerFingerprint === "string" ? `sha256 ${formerFingerprint}` : "unknown",
        site.file,
      ];
    }),
  );
}

/** Longer lists of names than this are left to `--all`. */
const mostNamesInCommand = 10;

function showNext({ rotated, all, now }: RotationReport): void {
  const names = rotated.map(({ site }) => site.name);
  const some = names.length > mostNamesInCommand ? "--all" : names.join(" ");
  const first = rotated.map((one) => one.previousSecretExpiresAt).sort()[0] ?? "";
  const ended = Date.parse(first) <= now.getTime();
  const steps = [
    ["pulumi up", ended ? "ends the old secret" : `soon: the old secret stops at ${first}, whenever that is`],
    [`sitepass rotate --confirm ${all ? "--all" : some}`, "proves that the secret changed and is let in"],
    [`sitepass render ${some}`, `and put the files in place at the site${ended ? "" : " before that time"}`],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  console.log(`\n${pc.bold("Next:")}`);
  for (const [command, says] of steps) {
    console.log(`  ${command.padEnd(width)}  ${says}`);
  }
}

function leftOver({ skipped, wave }: ChosenSites): string[] {
  const lines = (["shut out", "no token yet"] as const).flatMap((reason) => {
    const names = skipped.filter((one) => one.reason === reason).map(({ site }) => site);
    return names.length === 0 ? [] : [`Left out, ${reason}: ${nameList(names)}.`];
  });
  return wave?.kind === "rotate" && wave.left > 0
    ? [...lines, `${plural(wave.left, "site")} ${wave.left === 1 ? "is" : "are"} due after this wave.`]
    : lines;
}
