import { durationRoundedDown } from "../fleet/duration";
import { problemText, type Problem } from "../fleet/problem";
import { plural, someOf } from "../fleet/wording";
import {
  kindsOfTrouble,
  rankOf,
  troubleOfMany,
  type FleetReport,
  type SiteStatus,
  type Trouble,
  type TroubleLevel,
} from "../operate/status/site-status";
import type { Terminal } from "./terminal";

/** Whether nothing is an alarm. */
export const isWell = ({ alarms, sites }: FleetReport): boolean =>
  alarms.length === 0 && sites.every((site) => rankOf(site) > 0);

/** The report as `--json` prints it: null is what is not known, and times may be "never". */
export function reportDocument(report: FleetReport): object {
  const { stackName, at, readable, alarms, warnings, sites, apiCalls } = report;
  return {
    stack: stackName,
    at: at.toISOString(),
    ok: isWell(report),
    readable,
    alarms: alarms.map(problemText),
    ...(warnings.length > 0 ? { warnings: warnings.map(problemText) } : {}),
    sites: sites.map((status) => siteDocument(status, at)),
    apiCalls,
  };
}

function siteDocument({ troubles, ...status }: SiteStatus, at: Date): object {
  const { expiresAt, lastSeenAt } = status;
  return {
    site: status.site,
    state: status.state,
    declared: status.declared,
    provisioned: status.provisioned ?? null,
    enabledInFile: status.enabledInFile ?? null,
    enabledAtCloudflare: status.enabledAtCloudflare ?? null,
    tokenId: status.tokenId ?? null,
    clientId: status.clientId ?? null,
    createdAt: status.createdAt ?? null,
    expiresAt: neverOr(expiresAt),
    daysLeft:
      typeof expiresAt === "string" ? Math.floor((Date.parse(expiresAt) - at.getTime()) / 86_400_000) : null,
    lastSeenAt: neverOr(lastSeenAt),
    secretVersion: status.secretVersion ?? null,
    previousSecretExpiresAt: status.previousSecretExpiresAt ?? null,
    signals: status.signals,
    alarms: messages(troubles, "alarm"),
    warnings: messages(troubles, "warning"),
  };
}

const neverOr = (time: string | null | undefined): string | null =>
  time === null ? "never" : (time ?? null);

const messages = (troubles: readonly Trouble[], level: TroubleLevel) =>
  troubles
    .filter((trouble) => trouble.level === level)
    .map((trouble) => ({ kind: trouble.kind, says: problemText(trouble) }));

/**
 * The report for people: a table, then what to do, worst first, then the sum.
 *
 * @param wide with every column.
 */
export function reportText(report: FleetReport, wide: boolean, terminal: Terminal): string {
  const { colors } = terminal;
  const { sites, alarms } = report;
  if (alarms.length > 0 && sites.length > 0 && sites.every(({ state }) => state === "unknown")) {
    // One cause, and a row for each site that only repeats it.
    return [
      ...alarms.map((problem) => `${colors.red("error:")} ${problemText(problem)}`),
      colors.bold(
        `Nothing is known of ${plural(sites.length, "site")}, for the reason above. ${plural(report.apiCalls, "call")} to Cloudflare.`,
      ),
    ].join("\n");
  }
  const marked = (mark: string) => (problem: Problem) => `${mark} ${problemText(problem)}`;
  return [
    ...(report.sites.length === 0 ? [] : [table(report, wide, terminal)]),
    ...[...report.alarms, ...advice(report, "alarm")].map(marked(colors.red("error:"))),
    ...[...report.warnings, ...advice(report, "warning")].map(marked(colors.yellow("warning:"))),
    isWell(report) ? summary(report) : colors.bold(summary(report)),
  ].join("\n");
}

interface Column {
  readonly head: string;
  readonly wideOnly?: true;
  readonly painted?: true;
  readonly cell: (status: SiteStatus, at: Date) => string;
}

const columns: readonly Column[] = [
  { head: "site", painted: true, cell: ({ site }) => site },
  { head: "state", painted: true, cell: stateText },
  { head: "expires", cell: ({ expiresAt }, at) => expiryText(expiresAt, at) },
  { head: "last seen", cell: seenText },
  { head: "secret", cell: secretText },
  { head: "signals", cell: ({ signals }) => orDash(signals.join(", ")) },
  { head: "enabled", wideOnly: true, cell: enabledText },
  { head: "created", wideOnly: true, cell: ({ createdAt }) => orDash(createdAt) },
  { head: "expiry", wideOnly: true, cell: ({ expiresAt }) => orDash(expiresAt ?? undefined) },
  {
    head: "previous secret until",
    wideOnly: true,
    cell: ({ previousSecretExpiresAt }) => orDash(previousSecretExpiresAt),
  },
  { head: "token ID", wideOnly: true, cell: ({ tokenId }) => orDash(tokenId) },
  { head: "client ID", wideOnly: true, cell: ({ clientId }) => orDash(clientId) },
];

function table({ sites, at }: FleetReport, wide: boolean, { colors, table }: Terminal): string {
  const shown = columns.filter(({ wideOnly }) => wide || wideOnly === undefined);
  const paint = [colors.red, colors.yellow, String] as const;
  return table(
    shown.map(({ head }) => head),
    sites.map((status) =>
      shown.map(({ cell, painted }) => (painted ? paint[rankOf(status)] : String)(cell(status, at))),
    ),
  );
}

const orDash = (text: string | undefined): string => (text === undefined || text === "" ? "-" : text);

function stateText({ state, enabledInFile }: SiteStatus): string {
  return state === "provisioned" && enabledInFile === false ? "shut out" : state;
}

function expiryText(expiresAt: string | null | undefined, at: Date): string {
  if (expiresAt === undefined) {
    return "-";
  }
  if (expiresAt === null) {
    return "never";
  }
  const left = Date.parse(expiresAt) - at.getTime();
  return left > 0 ? `in ${durationRoundedDown(left)}` : `${durationRoundedDown(left)} ago`;
}

function seenText({ lastSeenAt, tokenId }: SiteStatus, at: Date): string {
  if (lastSeenAt === undefined) {
    return tokenId === undefined ? "-" : "not told";
  }
  return lastSeenAt === null ? "never" : `${durationRoundedDown(at.getTime() - Date.parse(lastSeenAt))} ago`;
}

function secretText(
  { secretVersion, previousSecretExpiresAt }: Pick<SiteStatus, "secretVersion" | "previousSecretExpiresAt">,
  at: Date,
): string {
  if (secretVersion === undefined) {
    return "-";
  }
  const left = Date.parse(previousSecretExpiresAt ?? "") - at.getTime();
  return left > 0
    ? `${secretVersion} (${secretVersion - 1} for ${durationRoundedDown(left)})`
    : String(secretVersion);
}

function enabledText({ enabledInFile, enabledAtCloudflare }: SiteStatus): string {
  const words = (value: boolean | undefined) => (value === undefined ? "-" : value ? "yes" : "no");
  return enabledInFile === undefined || enabledInFile === enabledAtCloudflare
    ? words(enabledAtCloudflare)
    : `${words(enabledInFile)} in file, ${words(enabledAtCloudflare)} at Cloudflare`;
}

/** With more sites than this, one sentence says it of all of them. */
const mostApart = 3;

function advice({ sites }: FleetReport, level: TroubleLevel): readonly Problem[] {
  return kindsOfTrouble.flatMap((kind) => {
    const alike = sites.flatMap(({ troubles }) =>
      troubles.filter((trouble) => trouble.kind === kind && trouble.level === level),
    );
    if (alike.length <= mostApart) {
      return alike;
    }
    const names = [...new Set(alike.map(({ subject }) => subject))];
    const onCommandLine = names.length > 5 ? "<site>..." : names.join(" ");
    return [troubleOfMany(kind, `${plural(alike.length, "site")} (${someOf(names)})`, onCommandLine)];
  });
}

function summary({ sites, alarms, apiCalls }: FleetReport): string {
  const count = (rank: number) => sites.filter((status) => rankOf(status) === rank).length;
  const others = alarms.length > 0 ? `; ${plural(alarms.length, "alarm")} about the whole fleet` : "";
  return `${plural(sites.length, "row")}: ${count(0)} with an alarm, ${count(1)} with a warning, ${count(2)} well${others}. ${plural(apiCalls, "call")} to Cloudflare.`;
}
