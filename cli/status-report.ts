import pc from "picocolors";
import type { FleetReport } from "../operate/status/fleet-report";
import { dayMilliseconds, describeSpan } from "../operate/status/describe-time";
import { rankOf, type SiteStatus } from "../operate/status/site-status";
import {
  describeTrouble,
  troubleKinds,
  type Trouble,
  type TroubleKindName,
  type TroubleLevel,
} from "../operate/status/trouble";
import { plural } from "../fleet/wording";
import { textTable } from "./text-table";

/** The report as `--json` prints it: null is what is not known, and times may be "never". */
export function reportDocument(report: FleetReport, ok: boolean): object {
  const { stackName, at, readable, alarms, sites, apiCalls } = report;
  return {
    stack: stackName,
    at: at.toISOString(),
    ok,
    readable,
    alarms,
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
      typeof expiresAt === "string"
        ? Math.floor((Date.parse(expiresAt) - at.getTime()) / dayMilliseconds)
        : null,
    lastSeenAt: neverOr(lastSeenAt),
    secretVersion: status.secretVersion ?? null,
    previousSecretExpiresAt: status.previousSecretExpiresAt ?? null,
    signals: status.signals,
    alarms: messages(status.site, troubles, "alarm"),
    warnings: messages(status.site, troubles, "warning"),
  };
}

const neverOr = (time: string | null | undefined): string | null =>
  time === null ? "never" : (time ?? null);

const messages = (site: string, troubles: readonly Trouble[], level: TroubleLevel) =>
  troubles
    .filter((trouble) => trouble.level === level)
    .map((trouble) => ({ kind: trouble.kind, says: describeTrouble(site, trouble) }));

/** The report for people: a table, then what to do, worst first, then the sum. */
export function reportText(report: FleetReport, { wide }: { readonly wide: boolean }): string {
  const parts = [
    ...(report.sites.length === 0 ? [] : [table(report, wide)]),
    ...advice(report),
    summary(report),
  ];
  return parts.join("\n");
}

interface Column {
  readonly head: string;
  readonly wideOnly?: true;
  readonly cell: (status: SiteStatus, at: Date) => string;
}

const paint = [pc.red, pc.yellow, (text: string) => text] as const;

const columns: readonly Column[] = [
  { head: "site", cell: (status) => paint[rankOf(status)](status.site) },
  { head: "state", cell: (status) => paint[rankOf(status)](stateText(status)) },
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

function table({ sites, at }: FleetReport, wide: boolean): string {
  const shown = columns.filter(({ wideOnly }) => wide || wideOnly === undefined);
  return textTable(
    shown.map(({ head }) => head),
    sites.map((status) => shown.map(({ cell }) => cell(status, at))),
  );
}

const orDash = (text: string | undefined): string => (text === undefined || text === "" ? "-" : text);

const stateText = ({ state, enabledInFile }: SiteStatus): string =>
  state === "provisioned" && enabledInFile === false ? "shut out" : state;

function expiryText(expiresAt: string | null | undefined, at: Date): string {
  if (expiresAt === undefined) {
    return "-";
  }
  if (expiresAt === null) {
    return "never";
  }
  const left = Date.parse(expiresAt) - at.getTime();
  return left > 0 ? `in ${describeSpan(left)}` : `${describeSpan(left)} ago`;
}

function seenText({ lastSeenAt, tokenId }: SiteStatus, at: Date): string {
  if (lastSeenAt === undefined) {
    return tokenId === undefined ? "-" : "not told";
  }
  return lastSeenAt === null ? "never" : `${describeSpan(at.getTime() - Date.parse(lastSeenAt))} ago`;
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
    ? `${secretVersion} (${secretVersion - 1} for ${describeSpan(left)})`
    : String(secretVersion);
}

function enabledText({ enabledInFile, enabledAtCloudflare }: SiteStatus): string {
  const words = (value: boolean | undefined) => (value === undefined ? "-" : value ? "yes" : "no");
  return enabledInFile === undefined || enabledInFile === enabledAtCloudflare
    ? words(enabledAtCloudflare)
    : `${words(enabledInFile)} in file, ${words(enabledAtCloudflare)} at Cloudflare`;
}

/** More sites than this with the same trouble are said of together. */
const mostApart = 3;

function advice({ alarms, sites }: FleetReport): readonly string[] {
  const lines = alarms.map((says) => `${pc.red("error:")} ${says}`);
  for (const level of ["alarm", "warning"] as const) {
    const mark = level === "alarm" ? pc.red("error:") : pc.yellow("warning:");
    for (const kind of Object.keys(troubleKinds) as TroubleKindName[]) {
      lines.push(...adviceOn(kind, level, sites).map((says) => `${mark} ${says}`));
    }
  }
  return lines;
}

function adviceOn(
  kind: TroubleKindName,
  level: TroubleLevel,
  sites: readonly SiteStatus[],
): readonly string[] {
  const met = sites.flatMap(({ site, troubles }) =>
    troubles
      .filter((trouble) => trouble.kind === kind && trouble.level === level)
      .map((trouble) => ({ site, trouble })),
  );
  if (met.length <= mostApart) {
    return met.map(({ site, trouble }) => describeTrouble(site, trouble));
  }
  const names = [...new Set(met.map(({ site }) => site))];
  const { ofMany, advice: adviceFor } = troubleKinds[kind];
  const named = names.slice(0, 5).join(", ");
  const others = names.length > 5 ? ` and ${names.length - 5} more` : "";
  const onCommandLine = names.length > 5 ? "<site>..." : names.join(" ");
  return [`${plural(met.length, "site")} (${named}${others}): ${ofMany}. ${adviceFor(onCommandLine)}.`];
}

function summary({ sites, alarms, apiCalls }: FleetReport): string {
  const count = (rank: number) => sites.filter((status) => rankOf(status) === rank).length;
  const worst = count(0);
  const text = `${plural(sites.length, "row")}: ${worst} with an alarm, ${count(1)} with a warning, ${count(2)} well${alarms.length > 0 ? `; ${plural(alarms.length, "alarm")} beside` : ""}. ${plural(apiCalls, "call")} to Cloudflare.`;
  return worst + alarms.length > 0 ? pc.bold(text) : text;
}
