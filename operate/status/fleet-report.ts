import type { OpenStack } from "../../stack/open-stack";
import { fleetStatus, type FleetFacts } from "./fleet-status";
import { readFleet } from "./read-fleet";
import type { SiteStatus } from "./site-status";
import type { Thresholds } from "./token-troubles";

/** The state of a fleet at one moment. */
export interface FleetReport {
  readonly stackName: string;
  readonly at: Date;
  /** Whether the stack's state and Cloudflare's API could be read; when not, what is missing is an alarm. */
  readonly readable: boolean;
  /** What is wrong with no site in particular, one whole message each; every one is an alarm. */
  readonly alarms: readonly string[];
  /** Worst first. */
  readonly sites: readonly SiteStatus[];
  readonly apiCalls: number;
}

export async function reportFleet(stack: OpenStack, thresholds: Thresholds): Promise<FleetReport> {
  const { facts, problems, apiCalls } = await readFleet(stack);
  const sites = fleetStatus(facts, thresholds);
  return {
    stackName: stack.stackName,
    at: thresholds.now,
    readable: problems.length === 0,
    alarms: [...problems, ...endpointAlarms(facts, sites)],
    sites,
    apiCalls,
  };
}

/** Endpoints whose admission cannot be told, once for each that a provisioned site pushes to. */
function endpointAlarms({ admissions }: FleetFacts, sites: readonly SiteStatus[]): readonly string[] {
  const used = new Set(
    sites.flatMap(({ state, enabledInFile, signals }) =>
      state === "provisioned" && enabledInFile === true ? signals : [],
    ),
  );
  return [...admissions].flatMap(([signal, admission]) =>
    admission.kind === "unknown" && used.has(signal) ? [admission.problem] : [],
  );
}

/** What there is to report when not even the stack could be opened. */
export function unreadableFleet(stackName: string, at: Date, alarms: readonly string[]): FleetReport {
  return { stackName, at, readable: false, alarms, sites: [], apiCalls: 0 };
}
