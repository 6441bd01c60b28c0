import { roughDuration } from "../fleet/duration";
import { problemText, type Problem } from "../fleet/problem";
import { plural, someOf } from "../fleet/wording";
import type { Confirmation } from "../operate/rotate/confirm-rotations";
import type { RotateReport } from "../operate/rotate/rotate-sites";
import { skipReasons } from "../operate/rotate/waves";
import type { LineChange } from "../operate/site-file/edit-token";
import { printNext, type Terminal } from "./terminal";

interface ReportOptions {
  readonly dryRun: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly now: Date;
  /** For the document; see cli/on-stack.ts. */
  readonly others: object;
  /** For the next commands. */
  readonly stackFlag: string;
}

/** Says what one run of `rotate` did, or with `dryRun` would do. */
export function reportRotations(terminal: Terminal, report: RotateReport, options: ReportOptions): void {
  const { rotations } = report;
  if (options.json) {
    terminal.print(
      JSON.stringify({ ...rotationDocument(report, options.dryRun), ...options.others }, undefined, 2),
    );
    return;
  }
  if (rotations.length === 0) {
    terminal.print(whyNothing(report));
  } else if (options.dryRun) {
    for (const { site, lines } of rotations) {
      printEdit(terminal, site.file, lines);
    }
    terminal.print(`${plural(rotations.length, "site")} would be rotated. Nothing was written.`);
  } else {
    printRotations(terminal, report, options.now);
    printNextSteps(terminal, report, options);
  }
  for (const line of leftOver(report)) {
    terminal.print(line);
  }
}

/** Prints the lines in which a site file changes, as `diff` does without context. */
export function printEdit({ colors, print }: Terminal, file: string, lines: readonly LineChange[]): void {
  print(colors.bold(file));
  for (const { sign, text } of lines) {
    print(sign === "-" ? colors.red(`- ${text}`) : colors.green(`+ ${text}`));
  }
}

function rotationDocument({ rotations, skipped, wave }: RotateReport, dryRun: boolean): object {
  return {
    dryRun,
    rotated: rotations.map(({ site, toVersion, previousSecretExpiresAt, formerFingerprint, lines }) => ({
      site: site.name,
      file: site.file,
      fromVersion: site.token.secretVersion,
      toVersion,
      previousSecretExpiresAt,
      formerFingerprint: formerFingerprint ?? null,
      lines,
    })),
    skipped,
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

function whyNothing({ wave }: RotateReport): string {
  switch (wave?.kind) {
    case "wait":
      return `Nothing was rotated: ${plural(wave.sites.length, "site")} of the wave before (${someOf(wave.sites.map(({ name }) => name))}) ${wave.sites.length === 1 ? "is" : "are"} under way until ${wave.until.toISOString()}.`;
    case "done":
      return "Nothing was rotated: no site is due.";
    default:
      return "Nothing was rotated: there is no site to rotate.";
  }
}

function printRotations({ print, table }: Terminal, { rotations }: RotateReport, now: Date): void {
  print(
    table(
      ["site", "version", "old secret until", "old secret", "file"],
      rotations.map(({ site, toVersion, previousSecretExpiresAt, formerFingerprint }) => {
        const left = Date.parse(previousSecretExpiresAt) - now.getTime();
        return [
          site.name,
          `${site.token.secretVersion} -> ${toVersion}`,
          `${previousSecretExpiresAt} (${left > 0 ? `in ${roughDuration(left)}` : "the next up"})`,
          typeof formerFingerprint === "string" ? `sha256 ${formerFingerprint}` : "unknown",
          site.file,
        ];
      }),
    ),
  );
}

/** For more sites than this, the next commands are shown with `--all` in place of names. */
const mostNamesInCommand = 10;

function printNextSteps(
  terminal: Terminal,
  { rotations }: RotateReport,
  { all, now, stackFlag }: ReportOptions,
): void {
  const names = rotations.map(({ site }) => site.name);
  const some = names.length > mostNamesInCommand ? "--all" : names.join(" ");
  const first = rotations.map((one) => one.previousSecretExpiresAt).sort()[0] ?? "";
  const ended = Date.parse(first) <= now.getTime();
  printNext(terminal, [
    [
      `pulumi up${stackFlag}`,
      ended ? "ends the old secret" : `soon: the old secret stops at ${first}, whenever that is`,
    ],
    [
      `npx sitepass rotate --confirm ${all ? "--all" : some}${stackFlag}`,
      "proves that the secret changed and is let in",
    ],
    [
      `npx sitepass render ${some}${stackFlag}`,
      `and put the files in place at the site${ended ? "" : " before that time"}`,
    ],
  ]);
}

function leftOver({ skipped, wave }: RotateReport): string[] {
  const lines = skipReasons.flatMap((reason) => {
    const names = skipped.filter((one) => one.reason === reason).map(({ site }) => site);
    return names.length === 0 ? [] : [`Left out, ${reason}: ${someOf(names)}.`];
  });
  return wave?.kind === "rotate" && wave.left > 0
    ? [...lines, `${plural(wave.left, "site")} ${wave.left === 1 ? "is" : "are"} due after this wave.`]
    : lines;
}

/** Says what one run of `rotate --confirm` proved. */
export function reportConfirmations(
  terminal: Terminal,
  confirmations: readonly Confirmation[],
  problems: readonly Problem[],
  json: boolean,
): void {
  const { colors, print, table } = terminal;
  if (json) {
    const document = { sites: confirmations.map(confirmationDocument), problems: problems.map(problemText) };
    print(JSON.stringify(document, undefined, 2));
    return;
  }
  if (confirmations.length === 0) {
    print("Nothing to confirm: no rotation is under way that was not confirmed already.");
  } else {
    print(
      table(
        ["site", "rotation", "secret", "let in", "old secret until"],
        confirmations.map(({ site, ok, change, letIn }) => [
          site.name,
          ok ? colors.green("confirmed") : colors.red("not confirmed"),
          inWords(change),
          letIn === undefined ? "not tried" : letIn ? "yes" : "no",
          site.token.previousSecretExpiresAt ?? "",
        ]),
      ),
    );
  }
  terminal.sayProblems(problems);
}

function confirmationDocument({ site, ok, change, letIn }: Confirmation): object {
  return {
    site: site.name,
    ok,
    secret: change.kind,
    formerFingerprint: change.kind === "changed" ? change.from : null,
    fingerprint: fingerprintOf(change) ?? null,
    letIn: letIn ?? null,
    oldSecretUntil: site.token.previousSecretExpiresAt ?? null,
  };
}

function inWords(change: Confirmation["change"]): string {
  const now = fingerprintOf(change) ?? "";
  switch (change.kind) {
    case "changed":
      return `${change.from === null ? "unknown" : `sha256 ${change.from}`} -> ${now}`;
    case "unchanged":
      return `sha256 ${now}, as before`;
    case "unknown":
      return `sha256 ${now}, before unknown`;
    case "none":
      return "none";
  }
}

/** Of the secret that the stack has now; undefined when it has none. */
function fingerprintOf(change: Confirmation["change"]): string | undefined {
  if (change.kind === "none") {
    return undefined;
  }
  return change.kind === "unchanged" ? change.fingerprint : change.to;
}
