import writeFileAtomic from "write-file-atomic";
import type { OpenStack } from "../stack/open-stack";
import { reportFleet, unreadableFleet, type FleetReport } from "../operate/status/fleet-report";
import { openMetrics } from "../operate/status/open-metrics";
import { rankOf } from "../operate/status/site-status";
import { nearest } from "../fleet/wording";
import type { ExitCode } from "./stack-command";
import { reportDocument, reportText } from "./status-report";

export interface StatusOptions {
  readonly stack: string;
  readonly sites: readonly string[];
  readonly warn: number;
  readonly stale: number | "off";
  readonly wide: boolean;
  readonly openmetrics?: string;
  readonly json: boolean;
}

/** Reports the fleet. The metrics are of all of it, whatever sites are named, and written whatever was found. */
export async function status(stack: OpenStack, options: StatusOptions): Promise<ExitCode> {
  const thresholds = {
    now: new Date(),
    warnDays: options.warn,
    staleHours: options.stale === "off" ? undefined : options.stale,
  };
  let report: FleetReport;
  try {
    report = await reportFleet(stack, thresholds);
  } catch (error) {
    // A bug: the metrics must not go on showing what was true before it.
    await writeMetrics(unreadableFleet(stack.stackName, thresholds.now, [String(error)]), options);
    throw error;
  }
  const unwritten = await writeMetrics(report, options);
  return show(withAlarms(onlyNamed(report, options.sites), unwritten), options);
}

/** What is reported when the stack cannot be opened: nothing of it is known, which is an alarm. */
export async function showRefusal(problems: readonly string[], options: StatusOptions): Promise<ExitCode> {
  const report = unreadableFleet(options.stack, new Date(), problems);
  const unwritten = await writeMetrics(report, options);
  return show(withAlarms(report, unwritten), options);
}

const withAlarms = (report: FleetReport, alarms: readonly string[]): FleetReport => ({
  ...report,
  alarms: [...report.alarms, ...alarms],
});

/** @returns why the file could not be written, if it could not. */
async function writeMetrics(
  report: FleetReport,
  { openmetrics: file }: StatusOptions,
): Promise<readonly string[]> {
  if (file === undefined) {
    return [];
  }
  try {
    // Nothing in it is secret, and node_exporter runs as another user.
    await writeFileAtomic(file, openMetrics(report), { mode: 0o644 });
    return [];
  } catch (error) {
    return [
      `${file}: cannot be written (${error instanceof Error ? error.message : String(error)}). Make its folder, and let this user write there.`,
    ];
  }
}

/** Only the named sites, whether declared or not; a name that is not a site is an alarm in place of them all. */
function onlyNamed(report: FleetReport, names: readonly string[]): FleetReport {
  if (names.length === 0) {
    return report;
  }
  const known = [...new Set(report.sites.map(({ site }) => site))];
  const unknown = [...new Set(names)].filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const alarms = unknown.map((name) => {
      const close = nearest(name, known);
      return `${name}: is not a site, neither by a file in sites/ nor by a token. ${close === undefined ? "Leave it out to see all." : `Did you mean ${close}?`}`;
    });
    return { ...report, sites: [], alarms: [...report.alarms, ...alarms] };
  }
  return { ...report, sites: report.sites.filter(({ site }) => names.includes(site)) };
}

function show(report: FleetReport, { json, wide }: StatusOptions): ExitCode {
  const ok = report.alarms.length === 0 && report.sites.every((site) => rankOf(site) > 0);
  console.log(json ? JSON.stringify(reportDocument(report, ok), undefined, 2) : reportText(report, { wide }));
  return ok ? 0 : 1;
}
